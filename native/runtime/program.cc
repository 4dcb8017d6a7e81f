#include "native/runtime/program.h"

#include <cmath>

namespace evenkeel {

int64_t Program::Evaluate(Dimension dimension, const double* symbol_values) const {
  const int64_t* words = affine.data() + dimension.at;
  int64_t sum = words[0];
  for (size_t i = 0; i < symbols.size(); ++i) sum += words[i + 1] * static_cast<int64_t>(symbol_values[i]);
  return sum;
}

bool Program::CheckStep(const double* symbol_values, const double* slots, int threads, bool varying_only, StepNeeds& needs,
                        ErrorText& error) const {
  for (size_t i = 0; !varying_only && i < symbols.size(); ++i) {
    const double value = symbol_values[i];
    if (!(value >= 0 && value <= static_cast<double>(symbols[i].maximum)) || value != std::floor(value))
      return error.Say("symbol %zu: expected an integer of 0 to %lld, got %g", i, static_cast<long long>(symbols[i].maximum), value);
  }
  for (size_t i = 0; !varying_only && i < regions.size(); ++i)
    if (regions[i].IsRows() && Evaluate(regions[i].rows, symbol_values) < 0)
      return error.Say("region %zu: its number of rows is negative", i);
  for (const Segment& segment : segments) {
    const int64_t turns = Evaluate(segment.count, symbol_values);
    if (turns < 0 || turns > kMostTurns)
      return error.Say("segment %zu: its count is negative or too large", static_cast<size_t>(&segment - segments.begin()));
    if (turns == 0) continue;
    for (size_t i = segment.first_call; i < segment.first_call + segment.call_count; ++i)
      if ((calls[i].varies || !varying_only) && !CheckCall(calls[i], symbol_values, slots, turns, threads, needs, error)) return false;
  }
  return true;
}

// A rule may read scalars, so a call whose scalars vary with the turn is checked in every turn.
bool Program::CheckCall(const ProgramCall& call, const double* symbol_values, const double* slots, int64_t turns,
                        int threads, StepNeeds& needs, ErrorText& error) const {
  const KernelEntry& entry = *call.entry;
  int64_t dim_values[kMostDims];
  double product = 1;
  for (int i = 0; i < entry.dim_count; ++i) {
    const int64_t value = Evaluate(dims[call.dims + static_cast<size_t>(i)], symbol_values);
    if (value < 0) return error.Say("%s: dim %d is negative", entry.name, i);
    if (value > 1) product *= static_cast<double>(value);
    dim_values[i] = value;
  }
  if (product > kMostProduct) return error.Say("%s: its dims are too large", entry.name);
  bool turn_matters = false;
  const ScalarReference* own = scalars.data() + call.scalars;
  for (int i = 0; i < entry.scalar_count; ++i) turn_matters = turn_matters || own[i].per_turn != 0;
  double scalar_values[kMostScalars];
  for (int64_t turn = 0; turn < (turn_matters ? turns : 1); ++turn) {
    for (int i = 0; i < entry.scalar_count; ++i) scalar_values[i] = EvaluateScalar(own[i], slots, turn);
    if (!CheckOperands(call, dim_values, scalar_values, symbol_values, turns, error)) return false;
    const size_t workspace = entry.workspace ? entry.workspace(dim_values, scalar_values, threads) : 0;
    if (workspace > needs.workspace) needs.workspace = workspace;
  }
  return true;
}

bool Program::CheckOperands(const ProgramCall& call, const int64_t* dim_values, const double* scalar_values,
                            const double* symbol_values, int64_t turns, ErrorText& error) const {
  for (int i = 0; i < call.entry->operand_count; ++i) {
    const OperandReference& operand = operands[call.operands + static_cast<size_t>(i)];
    if (operand.region < 0) continue;
    const Operand& rule = call.entry->operands[i];
    const double bytes = static_cast<double>(rule.elements(dim_values, scalar_values)) * static_cast<double>(BytesPerElement(rule.dtype));
    // Exact: all of these are whole numbers, and those beyond 2^53 are beyond any region too.
    const double last = static_cast<double>(operand.offset) + static_cast<double>(operand.stride) * static_cast<double>(turns - 1);
    const double first = static_cast<double>(operand.offset);
    const double lowest = first < last ? first : last;
    const double highest = first < last ? last : first;
    const Region& region = regions[static_cast<size_t>(operand.region)];
    if (!(bytes >= 0 && lowest >= 0 && highest + bytes <= static_cast<double>(RegionBytes(region, symbol_values))))
      return error.Say("call %zu (%s): operand %s leaves its region", static_cast<size_t>(&call - calls.begin()), call.entry->name,
                       rule.name);
  }
  return true;
}

int64_t Program::RegionBytes(const Region& region, const double* symbol_values) const {
  return region.IsRows() ? Evaluate(region.rows, symbol_values) * region.RowBytes() : region.bytes;
}

}  // namespace evenkeel
