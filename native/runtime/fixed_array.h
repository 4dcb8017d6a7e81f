// An array whose length is given once, and whose allocation may fail without an exception.
#ifndef EVENKEEL_RUNTIME_FIXED_ARRAY_H_
#define EVENKEEL_RUNTIME_FIXED_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <new>

namespace evenkeel {

template <typename T>
class FixedArray {
 public:
  FixedArray() = default;
  FixedArray(const FixedArray&) = delete;
  FixedArray& operator=(const FixedArray&) = delete;
  ~FixedArray() { delete[] items_; }

  // Elements start as T{}. False where there is no memory; once only.
  bool Allocate(size_t size) {
    if (size == 0) return true;
    if (size > PTRDIFF_MAX / sizeof(T)) return false;
    items_ = new (std::nothrow) T[size]();
    size_ = items_ ? size : 0;
    return items_ != nullptr;
  }

  size_t size() const { return size_; }
  T* data() { return items_; }
  const T* data() const { return items_; }
  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }

 private:
  T* items_ = nullptr;
  size_t size_ = 0;
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_FIXED_ARRAY_H_
