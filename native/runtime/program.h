// A Program as the executor runs it: decoded from the stream that lib/runtime/encode.ts writes, which documents the
// layout. Decoding trusts nothing: a stream that does not hold together gives a message.
#ifndef EVENKEEL_RUNTIME_PROGRAM_H_
#define EVENKEEL_RUNTIME_PROGRAM_H_

#include <cstddef>
#include <cstdint>

#include "native/kernels/kernel.h"
#include "native/runtime/fixed_array.h"
#include "native/runtime/reference.h"

namespace evenkeel {

constexpr int kMostOperands = 16;
constexpr int kMostDims = 8;
constexpr int kMostScalars = 24;
// Bounds of everything that is multiplied, so that no product of the rules wraps round.
constexpr int64_t kMostSize = int64_t{1} << 40;    // of one dim, a region's bytes
constexpr int64_t kMostTurns = int64_t{1} << 24;   // of a segment's loop
constexpr double kMostProduct = 1125899906842624;  // 2^50, of a call's dims

struct ErrorText {
  char text[256] = {};
  // printf's arguments; returns false, so that a check can end with it.
  template <typename... Values>
  bool Say(const char* format, Values... values) {
    Write(format, values...);
    return false;
  }

 private:
  void Write(const char* format, ...);
};

enum class RegionKind : uint8_t { kInput, kOutput, kParameter, kGradient, kBuffer, kOptimizer, kConstant, kScratch };
constexpr int kRegionKinds = 8;

struct Symbol {
  int64_t maximum;
};

// Where a dimension's constant and coefficients start in Program::affine.
struct Dimension {
  size_t at = 0;
};

struct Region {
  RegionKind kind = RegionKind::kScratch;
  int64_t bytes = 0;
  // Of inputs and outputs.
  Dimension rows;
  int64_t row_elements = 0;
  DType dtype = DType::kFloat32;
  // Of scratch and inputs: where it lies in the arena.
  size_t arena_offset = 0;

  bool IsRows() const { return kind == RegionKind::kInput || kind == RegionKind::kOutput; }
  bool InArena() const { return kind == RegionKind::kInput || kind == RegionKind::kScratch; }
  bool IsBound() const { return !IsRows() && kind != RegionKind::kScratch; }
  int64_t RowBytes() const { return row_elements * static_cast<int64_t>(BytesPerElement(dtype)); }
};

struct OperandReference {
  int region = -1;  // none: the operand is absent
  int64_t offset = 0;
  int64_t stride = 0;
};

struct ScalarReference {
  double constant = 0;
  int slot = -1;
  double per_turn = 0;

  bool Varies() const { return slot >= 0 || per_turn != 0; }
};

struct ProgramCall {
  const KernelEntry* entry = nullptr;
  KernelFunction function = nullptr;
  // Where its own start in the Program's arrays.
  size_t operands = 0, dims = 0, scalars = 0;
  // Some scalar depends on a slot or on the turn.
  bool varies = false;
};

struct Segment {
  bool commit = false;
  Dimension count;
  size_t first_call = 0, call_count = 0;
};

struct ReportReference {
  int region = -1;
  int64_t offset = 0;
};

// What a Program's symbols and slots amount to in one step.
struct StepNeeds {
  size_t workspace = 0;
};

class Program : public Counted {
 public:
  // Null with a message for a stream that does not hold together. `target` must be one that this machine supports.
  static Reference<Program> Decode(const double* words, size_t count, int target, ErrorText& error);

  // At these values of symbols (and slots): every dim not negative, every operand within its region in every turn. Only
  // values that passed may run. Raises needs.workspace to what the largest call wants. `varying_only`: the symbols passed
  // before, just the slots are new.
  bool CheckStep(const double* symbols, const double* slots, int threads, bool varying_only, StepNeeds& needs, ErrorText& error) const;

  // Symbols were checked.
  int64_t Evaluate(Dimension dimension, const double* symbols) const;
  double EvaluateScalar(const ScalarReference& scalar, const double* slots, int64_t turn) const {
    double value = scalar.constant;
    if (scalar.slot >= 0) value += slots[scalar.slot];
    if (scalar.per_turn != 0) value += scalar.per_turn * static_cast<double>(turn);
    return value;
  }

  int target = 0;
  size_t slot_count = 0;
  FixedArray<Symbol> symbols;
  FixedArray<Region> regions;
  FixedArray<Segment> segments;
  FixedArray<ProgramCall> calls;
  FixedArray<OperandReference> operands;
  FixedArray<Dimension> dims;
  FixedArray<ScalarReference> scalars;
  FixedArray<ReportReference> reports;
  FixedArray<int64_t> affine;
  // Scratch regions and the copies of inputs; the workspace follows them.
  size_t arena_bytes = 0;

 private:
  bool CheckCall(const ProgramCall& call, const double* symbol_values, const double* slots, int64_t turns, int threads,
                 StepNeeds& needs, ErrorText& error) const;
  bool CheckOperands(const ProgramCall& call, const int64_t* dim_values, const double* scalar_values, const double* symbol_values,
                     int64_t turns, ErrorText& error) const;
  // Bytes that are really there in a step: an input or output holds its rows, not the maximum.
  int64_t RegionBytes(const Region& region, const double* symbol_values) const;
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_PROGRAM_H_
