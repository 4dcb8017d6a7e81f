#include "native/runtime/executor.h"

#include <cstring>
#include <new>

#include "native/kernels/gather_rows.h"

namespace evenkeel {
namespace {

bool SameValues(const FixedArray<double>& kept, const double* values) {
  return kept.size() == 0 || std::memcmp(kept.data(), values, kept.size() * sizeof(double)) == 0;
}

void Keep(FixedArray<double>& kept, const double* values) {
  if (kept.size() > 0) std::memcpy(kept.data(), values, kept.size() * sizeof(double));
}

size_t ArenaBytes(const Program& program, size_t workspace) { return program.arena_bytes + AlignUp(workspace, kBlockAlignment); }

}  // namespace

Reference<Executor> Executor::Bind(Reference<Program> program, FixedArray<BoundMemory>& memory, int threads, ErrorText& error) {
  Reference<Executor> executor = Reference<Executor>::Adopt(new (std::nothrow) Executor);
  const size_t regions = program->regions.size();
  if (!executor || !executor->memory_.Allocate(regions) || !executor->checked_symbols_.Allocate(program->symbols.size()) ||
      !executor->prepared_symbols_.Allocate(program->symbols.size()) || !executor->dims_.Allocate(program->dims.size()) ||
      !executor->bases_.Allocate(regions) || !executor->rows_done_.Allocate(regions)) {
    error.Say("out of memory");
    return {};
  }
  for (size_t i = 0; i < regions; ++i) {
    const Region& region = program->regions[i];
    if (!region.IsBound()) continue;
    const BoundMemory& given = memory[i];
    if (given.bytes < static_cast<size_t>(region.bytes)) {
      error.Say("region %zu: expected at least %lld bytes, got %zu", i, static_cast<long long>(region.bytes), given.bytes);
      return {};
    }
    // Float64 is the largest element.
    if (region.bytes > 0 && reinterpret_cast<uintptr_t>(given.data) % 8 != 0) {
      error.Say("region %zu: its memory is not aligned to 8 bytes", i);
      return {};
    }
    executor->bases_[i] = given.data;
    executor->memory_[i].data = given.data;
    executor->memory_[i].block = std::move(memory[i].block);
  }
  executor->program_ = std::move(program);
  executor->threads_ = threads < 1 ? 1 : threads;
  if (!executor->ReserveAtMaxima(error)) return {};
  return executor;
}

// The planner meant the symbols' maxima to run, so they must; their workspace is what a run will most likely need.
bool Executor::ReserveAtMaxima(ErrorText& error) {
  FixedArray<double> maxima, slots;
  if (!maxima.Allocate(program_->symbols.size()) || !slots.Allocate(program_->slot_count)) return error.Say("out of memory");
  for (size_t i = 0; i < maxima.size(); ++i) maxima[i] = static_cast<double>(program_->symbols[i].maximum);
  StepNeeds needs;
  if (!program_->CheckStep(maxima.data(), slots.data(), threads_, false, needs, error)) return false;
  return demand_.Reserve(ArenaBytes(*program_, needs.workspace)) || error.Say("out of memory: no scratch of %zu bytes",
                                                                              ArenaBytes(*program_, needs.workspace));
}

bool Executor::Check(Crossing& crossing, ErrorText& error) {
  if (!CheckBindings(crossing, error)) return false;
  crossing.workspace = 0;
  for (int64_t step = 0; step < crossing.steps; ++step) {
    const double* symbols = crossing.symbols + step * static_cast<int64_t>(program_->symbols.size());
    const double* slots = crossing.slots + step * static_cast<int64_t>(program_->slot_count);
    const bool known = checked_ && SameValues(checked_symbols_, symbols);
    StepNeeds needs = known ? checked_needs_ : StepNeeds{};
    if (!known) checked_ = false;
    if (!program_->CheckStep(symbols, slots, threads_, known, needs, error)) return false;
    if (!known) {
      Keep(checked_symbols_, symbols);
      checked_needs_ = needs;
      checked_ = true;
    }
    if (needs.workspace > crossing.workspace) crossing.workspace = needs.workspace;
  }
  return CheckRows(crossing, error);
}

bool Executor::CheckBindings(const Crossing& crossing, ErrorText& error) const {
  size_t inputs = 0, outputs = 0;
  for (const Region& region : program_->regions) {
    inputs += region.kind == RegionKind::kInput;
    outputs += region.kind == RegionKind::kOutput;
  }
  if (crossing.input_count != inputs) return error.Say("expected %zu inputs, got %zu", inputs, crossing.input_count);
  if (crossing.output_count != outputs) return error.Say("expected %zu outputs, got %zu", outputs, crossing.output_count);
  return true;
}

int64_t Executor::TotalRows(const Region& region, const Crossing& crossing) const {
  int64_t rows = 0;
  // More rows than any region can have bytes need not be counted on.
  for (int64_t step = 0; step < crossing.steps && rows <= kMostSize; ++step)
    rows += program_->Evaluate(region.rows, crossing.symbols + step * static_cast<int64_t>(program_->symbols.size()));
  return rows;
}

bool Executor::CheckRows(const Crossing& crossing, ErrorText& error) const {
  size_t input = 0, output = 0;
  for (const Region& region : program_->regions) {
    if (!region.IsRows()) continue;
    const int64_t rows = TotalRows(region, crossing);
    if (region.kind == RegionKind::kInput) {
      if (!CheckInput(crossing.inputs[input], region, rows, input, error)) return false;
      ++input;
      continue;
    }
    const OutputTarget& target = crossing.outputs[output];
    if (target.dtype != region.dtype) return error.Say("output %zu: its array is of another dtype", output);
    if (region.row_elements > 0 && target.elements / region.row_elements < rows)
      return error.Say("output %zu: expected room for %lld rows of %lld elements, got %lld elements", output, static_cast<long long>(rows),
                       static_cast<long long>(region.row_elements), static_cast<long long>(target.elements));
    ++output;
  }
  return true;
}

bool Executor::CheckInput(const InputSource& source, const Region& region, int64_t rows, size_t index, ErrorText& error) const {
  const bool widens = region.dtype == DType::kFloat32 && source.dtype == DType::kUint8;
  if (source.dtype != region.dtype && !widens) return error.Say("input %zu: its source is of another dtype", index);
  if (source.affine && region.dtype != DType::kFloat32) return error.Say("input %zu: only float32 takes a scale and a shift", index);
  // Rows of no elements: any number of them is there.
  const int64_t held = region.row_elements > 0 ? source.elements / region.row_elements : INT32_MAX;
  if (!source.rows) {
    if (source.first >= 0 && source.first <= held && rows <= held - source.first) return true;
    return error.Say("input %zu: expected %lld rows from row %lld on, the source holds %lld", index, static_cast<long long>(rows),
                     static_cast<long long>(source.first), static_cast<long long>(held));
  }
  if (source.row_count < rows)
    return error.Say("input %zu: expected %lld row numbers, got %lld", index, static_cast<long long>(rows),
                     static_cast<long long>(source.row_count));
  for (int64_t i = 0; i < rows; ++i)
    if (source.rows[i] < 0 || source.rows[i] >= held)
      return error.Say("input %zu: row number %d is outside the source's %lld rows", index, source.rows[i], static_cast<long long>(held));
  return true;
}

Outcome Executor::Run(const Crossing& crossing) {
  Outcome outcome;
  const size_t bytes = ArenaBytes(*program_, crossing.workspace);
  ArenaLoan arena(bytes);
  if (!arena.data()) {
    outcome.out_of_memory = true;
    return outcome;
  }
  for (size_t i = 0; i < program_->regions.size(); ++i) {
    if (program_->regions[i].kind == RegionKind::kScratch) bases_[i] = arena.data() + program_->regions[i].arena_offset;
    rows_done_[i] = 0;
  }
  void* workspace = arena.data() + program_->arena_bytes;
  for (int64_t step = 0; step < crossing.steps; ++step) {
    if (crossing.cancelled && crossing.cancelled->load(std::memory_order_relaxed)) break;
    const double* symbols = crossing.symbols + step * static_cast<int64_t>(program_->symbols.size());
    const double* slots = crossing.slots + step * static_cast<int64_t>(program_->slot_count);
    Prepare(symbols);
    BindRows(crossing, symbols, arena.data());
    if (!RunSegments(false, symbols, slots, workspace, outcome) || !RunSegments(true, symbols, slots, workspace, outcome)) break;
    for (const ReportReference& report : program_->reports) {
      float value;
      std::memcpy(&value, bases_[static_cast<size_t>(report.region)] + report.offset, sizeof(value));
      crossing.results[step * static_cast<int64_t>(program_->reports.size()) + (&report - program_->reports.begin())] = value;
    }
    ++outcome.completed;
  }
  return outcome;
}

void Executor::Prepare(const double* symbols) {
  if (prepared_ && SameValues(prepared_symbols_, symbols)) return;
  for (size_t i = 0; i < dims_.size(); ++i) dims_[i] = program_->Evaluate(program_->dims[i], symbols);
  Keep(prepared_symbols_, symbols);
  prepared_ = true;
}

void Executor::BindRows(const Crossing& crossing, const double* symbols, unsigned char* arena) {
  size_t input = 0, output = 0;
  for (size_t i = 0; i < program_->regions.size(); ++i) {
    const Region& region = program_->regions[i];
    if (!region.IsRows()) continue;
    const int64_t rows = program_->Evaluate(region.rows, symbols);
    if (region.kind == RegionKind::kInput)
      bases_[i] = BindInput(crossing.inputs[input++], region, rows_done_[i], rows, arena + region.arena_offset);
    else
      bases_[i] = static_cast<unsigned char*>(crossing.outputs[output++].data) + rows_done_[i] * region.RowBytes();
    rows_done_[i] += rows;
  }
}

// Rows that can be read where they are stay there. Integers never do: a kernel uses labels as indices after another
// checked them, so nobody else may be able to write them in between.
unsigned char* Executor::BindInput(const InputSource& source, const Region& region, int64_t done, int64_t rows, unsigned char* area) {
  if (!source.rows && !source.affine && source.dtype == region.dtype && region.dtype != DType::kInt32)
    return static_cast<unsigned char*>(const_cast<void*>(source.data)) + (source.first + done) * region.RowBytes();
  RowGather gather{};
  gather.out = area;
  gather.source = source.data;
  gather.out_dtype = region.dtype;
  gather.source_dtype = source.dtype;
  gather.rows = source.rows ? source.rows + done : nullptr;
  gather.first = source.first + done;
  gather.count = rows;
  gather.row_elements = region.row_elements;
  gather.affine = source.affine;
  gather.scale = source.scale;
  gather.shift = source.shift;
  kGatherRows[program_->target](gather, Parallel{threads_});
  return area;
}

bool Executor::RunSegments(bool commit, const double* symbols, const double* slots, void* workspace, Outcome& outcome) {
  const Program& program = *program_;
  for (size_t s = 0; s < program.segments.size(); ++s) {
    const Segment& segment = program.segments[s];
    if (segment.commit != commit) continue;
    const int64_t turns = program.Evaluate(segment.count, symbols);
    for (int64_t turn = 0; turn < turns; ++turn) {
      for (size_t i = 0; i < segment.call_count; ++i) {
        outcome.status = RunCall(program.calls[segment.first_call + i], slots, turn, workspace, &outcome.detail);
        if (outcome.status == Status::kOk) continue;
        outcome.segment = static_cast<int64_t>(s);
        outcome.call = static_cast<int64_t>(i);
        return false;
      }
    }
  }
  return true;
}

Status Executor::RunCall(const ProgramCall& call, const double* slots, int64_t turn, void* workspace, int64_t* detail) {
  void* operands[kMostOperands];
  double scalars[kMostScalars];
  const OperandReference* operand = program_->operands.data() + call.operands;
  for (int i = 0; i < call.entry->operand_count; ++i)
    operands[i] = operand[i].region < 0 ? nullptr : bases_[static_cast<size_t>(operand[i].region)] + operand[i].offset + operand[i].stride * turn;
  const ScalarReference* scalar = program_->scalars.data() + call.scalars;
  for (int i = 0; i < call.entry->scalar_count; ++i) scalars[i] = program_->EvaluateScalar(scalar[i], slots, turn);
  Call prepared{operands, dims_.data() + call.dims, scalars, workspace, Parallel{threads_}};
  const Status status = call.function(prepared);
  *detail = prepared.detail;
  return status;
}

}  // namespace evenkeel
