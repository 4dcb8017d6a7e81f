// Objects that JavaScript's handles and the jobs on their way own together.
#ifndef EVENKEEL_RUNTIME_REFERENCE_H_
#define EVENKEEL_RUNTIME_REFERENCE_H_

#include <atomic>
#include <utility>

namespace evenkeel {

// Starts with one reference, that of whoever made it.
class Counted {
 public:
  void AddReference() { references_.fetch_add(1, std::memory_order_relaxed); }
  // True for the last one: the caller deletes.
  bool DropReference() { return references_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 private:
  std::atomic<int> references_{1};
};

template <typename T>
class Reference {
 public:
  Reference() = default;
  // Takes over the reference that the caller holds.
  static Reference Adopt(T* object) {
    Reference reference;
    reference.object_ = object;
    return reference;
  }
  Reference(const Reference& other) : object_(other.object_) {
    if (object_) object_->AddReference();
  }
  Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Reference& operator=(Reference other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() {
    if (object_ && object_->DropReference()) delete object_;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_REFERENCE_H_
