// Runs a Program over bound memory: crossings of many steps, each gathered, computed and committed.
#ifndef EVENKEEL_RUNTIME_EXECUTOR_H_
#define EVENKEEL_RUNTIME_EXECUTOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "native/runtime/arena.h"
#include "native/runtime/fixed_array.h"
#include "native/runtime/program.h"
#include "native/runtime/reference.h"

namespace evenkeel {

// Memory of a persistent region. The block is held; where it is null (a SharedArrayBuffer), whoever runs holds the memory.
struct BoundMemory {
  unsigned char* data = nullptr;
  size_t bytes = 0;
  Reference<Block> block;
};

// Where the rows of an input come from. `rows` and everything here but the source itself is the crossing's own copy.
struct InputSource {
  const void* data = nullptr;
  int64_t elements = 0;
  DType dtype = DType::kFloat32;
  const int32_t* rows = nullptr;  // null: consecutive from `first`
  int64_t row_count = 0;
  int64_t first = 0;
  bool affine = false;
  float scale = 1;
  float shift = 0;
};

struct OutputTarget {
  void* data = nullptr;
  int64_t elements = 0;
  DType dtype = DType::kFloat32;
};

struct Crossing {
  int64_t steps = 0;
  const double* symbols = nullptr;  // steps × symbols
  const double* slots = nullptr;    // steps × slots
  InputSource* inputs = nullptr;    // one an input region, in order
  size_t input_count = 0;
  OutputTarget* outputs = nullptr;
  size_t output_count = 0;
  double* results = nullptr;        // steps × reports, written
  const std::atomic<bool>* cancelled = nullptr;
  size_t workspace = 0;             // set by Executor::Check
};

struct Outcome {
  int64_t completed = 0;
  Status status = Status::kOk;
  int64_t segment = -1;
  int64_t call = -1;
  int64_t detail = 0;
  bool out_of_memory = false;
};

class Executor : public Counted {
 public:
  // `memory` has one entry a region, used for the persistent ones, and is moved from. Null with a message where it does not do.
  static Reference<Executor> Bind(Reference<Program> program, FixedArray<BoundMemory>& memory, int threads, ErrorText& error);

  // On the thread that owns the executor, before Run: everything that a crossing could get wrong. Only what passed may
  // run. Reads `crossing` and writes its workspace.
  bool Check(Crossing& crossing, ErrorText& error);

  // On any thread, one at a time.
  Outcome Run(const Crossing& crossing);

  const Program& program() const { return *program_; }
  int threads() const { return threads_; }

 private:
  bool ReserveAtMaxima(ErrorText& error);
  bool CheckBindings(const Crossing& crossing, ErrorText& error) const;
  bool CheckRows(const Crossing& crossing, ErrorText& error) const;
  bool CheckInput(const InputSource& source, const Region& region, int64_t rows, size_t index, ErrorText& error) const;
  int64_t TotalRows(const Region& region, const Crossing& crossing) const;
  void Prepare(const double* symbols);
  void BindRows(const Crossing& crossing, const double* symbols, unsigned char* arena);
  unsigned char* BindInput(const InputSource& source, const Region& region, int64_t done, int64_t rows, unsigned char* area);
  bool RunSegments(bool commit, const double* symbols, const double* slots, void* workspace, Outcome& outcome);
  Status RunCall(const ProgramCall& call, const double* slots, int64_t turn, void* workspace, int64_t* detail);

  Reference<Program> program_;
  FixedArray<BoundMemory> memory_;
  ArenaDemand demand_;
  int threads_ = 1;
  // Of Check: the symbols that passed last.
  FixedArray<double> checked_symbols_;
  StepNeeds checked_needs_;
  bool checked_ = false;
  // Of Run: dims at `prepared_symbols_`, regions' addresses in the step, rows taken so far of each region.
  FixedArray<double> prepared_symbols_;
  bool prepared_ = false;
  FixedArray<int64_t> dims_;
  FixedArray<unsigned char*> bases_;
  FixedArray<int64_t> rows_done_;
};

}  // namespace evenkeel

#endif  // EVENKEEL_RUNTIME_EXECUTOR_H_
