// Program::Decode: from the stream of lib/runtime/encode.ts, which documents the layout, to a checked Program.
#include <cmath>
#include <cstdarg>
#include <cstdio>

#include "native/runtime/memory.h"
#include "native/runtime/program.h"

namespace evenkeel {

void ErrorText::Write(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
}

namespace {

constexpr double kMagic = 0x45564b50;
constexpr double kVersion = 1;
constexpr int kDTypes = 4;
constexpr int64_t kMostSymbolValue = INT32_MAX;
constexpr int64_t kMostItems = 1 << 24;  // of any list
constexpr int64_t kMostOffset = kMostSize;

// Takes words one by one; after the first that does not fit, everything fails.
class Reader {
 public:
  Reader(const double* words, size_t count, ErrorText& error) : words_(words), count_(count), error_(error) {}

  bool Number(double* out) {
    if (at_ >= count_) return error_.Say("the stream ends at word %zu", at_);
    *out = words_[at_++];
    return true;
  }

  template <typename Integer>
  bool Whole(Integer* out, int64_t least, int64_t most, const char* what) {
    double word;
    if (!Number(&word)) return false;
    if (!(word >= static_cast<double>(least) && word <= static_cast<double>(most)) || word != std::floor(word))
      return error_.Say("word %zu: expected %s of %lld to %lld, got %g", at_ - 1, what, static_cast<long long>(least),
                        static_cast<long long>(most), word);
    *out = static_cast<Integer>(word);
    return true;
  }

  size_t at() const { return at_; }
  bool AtEnd() const { return at_ == count_; }

 private:
  const double* words_;
  size_t count_;
  size_t at_ = 0;
  ErrorText& error_;
};

struct Counts {
  int64_t symbols, slots, regions, segments, reports, calls, operands, dims, scalars;
};

class Decoder {
 public:
  Decoder(Program& program, const double* words, size_t count, ErrorText& error)
      : program_(program), reader_(words, count, error), words_(count), error_(error) {}

  bool Decode() {
    return Header() && Symbols() && Regions() && Segments() && Reports() && Finish();
  }

 private:
  bool Header() {
    double magic, version;
    if (!reader_.Number(&magic) || !reader_.Number(&version)) return false;
    if (magic != kMagic) return error_.Say("not a Program's stream");
    if (version != kVersion) return error_.Say("a stream of version %g, expected %g", version, kVersion);
    for (int64_t* count : {&counts_.symbols, &counts_.slots, &counts_.regions, &counts_.segments, &counts_.reports, &counts_.calls,
                           &counts_.operands, &counts_.dims, &counts_.scalars})
      if (!reader_.Whole(count, 0, kMostItems, "a count")) return false;
    // Each item is a word or more, so a count that the stream cannot hold is refused before memory is asked for.
    // Slots alone have no words.
    if (counts_.symbols + counts_.regions + counts_.segments + counts_.reports + counts_.calls + counts_.operands + counts_.dims +
            counts_.scalars > static_cast<int64_t>(words_))
      return error_.Say("the stream is shorter than its counts");
    dimension_words_ = static_cast<size_t>(counts_.symbols) + 1;
    const size_t dimensions = static_cast<size_t>(counts_.regions + counts_.segments + counts_.dims);
    if (dimensions * dimension_words_ > words_) return error_.Say("the stream is shorter than its counts");
    program_.slot_count = static_cast<size_t>(counts_.slots);
    return (Allocate(program_.symbols, counts_.symbols) && Allocate(program_.regions, counts_.regions) &&
            Allocate(program_.segments, counts_.segments) && Allocate(program_.reports, counts_.reports) &&
            Allocate(program_.calls, counts_.calls) && Allocate(program_.operands, counts_.operands) &&
            Allocate(program_.dims, counts_.dims) && Allocate(program_.scalars, counts_.scalars) &&
            program_.affine.Allocate(dimensions * dimension_words_)) ||
           error_.Say("out of memory");
  }

  template <typename T>
  static bool Allocate(FixedArray<T>& array, int64_t count) {
    return array.Allocate(static_cast<size_t>(count));
  }

  bool Symbols() {
    for (Symbol& symbol : program_.symbols)
      if (!reader_.Whole(&symbol.maximum, 0, kMostSymbolValue, "a symbol's maximum")) return false;
    return true;
  }

  // Bounded at every value of the symbols, so that evaluating it never wraps round.
  bool ReadDimension(Dimension* dimension) {
    dimension->at = next_affine_;
    double magnitude = 0;
    for (size_t i = 0; i < dimension_words_; ++i) {
      int64_t* word = &program_.affine[next_affine_++];
      if (!reader_.Whole(word, -kMostSize, kMostSize, "a part of a dimension")) return false;
      magnitude += std::fabs(static_cast<double>(*word)) * (i == 0 ? 1.0 : static_cast<double>(program_.symbols[i - 1].maximum));
    }
    return magnitude <= static_cast<double>(kMostSize) || error_.Say("a dimension before word %zu is too large", reader_.at());
  }

  bool Regions() {
    for (Region& region : program_.regions) {
      int kind, dtype;
      if (!reader_.Whole(&kind, 0, kRegionKinds - 1, "a kind of region") || !reader_.Whole(&region.bytes, 0, kMostSize, "bytes") ||
          !reader_.Whole(&dtype, 0, kDTypes - 1, "a dtype") || !reader_.Whole(&region.row_elements, 0, kMostSize / 8, "row elements") ||
          !ReadDimension(&region.rows))
        return false;
      region.kind = static_cast<RegionKind>(kind);
      region.dtype = static_cast<DType>(dtype);
      if (!CheckRows(region) || !PlaceInArena(region)) return false;
    }
    return true;
  }

  bool CheckRows(const Region& region) {
    if (!region.IsRows()) return true;
    const double rows = static_cast<double>(MostOf(region.rows));
    if (rows * static_cast<double>(region.RowBytes()) <= static_cast<double>(region.bytes)) return true;
    return error_.Say("region %zu: its rows need more than its bytes", static_cast<size_t>(&region - program_.regions.begin()));
  }

  bool PlaceInArena(Region& region) {
    if (!region.InArena()) return true;
    region.arena_offset = program_.arena_bytes;
    program_.arena_bytes += AlignUp(static_cast<size_t>(region.bytes), kBlockAlignment);
    return program_.arena_bytes <= static_cast<size_t>(kMostSize) || error_.Say("scratch of more than 2^40 bytes");
  }

  // The largest value at any values of the symbols.
  int64_t MostOf(Dimension dimension) const {
    int64_t most = program_.affine[dimension.at];
    for (size_t i = 0; i < program_.symbols.size(); ++i) {
      const int64_t coefficient = program_.affine[dimension.at + 1 + i];
      if (coefficient > 0) most += coefficient * program_.symbols[i].maximum;
    }
    return most;
  }

  bool Segments() {
    bool commit_seen = false;
    for (Segment& segment : program_.segments) {
      int commit;
      int64_t calls;
      if (!reader_.Whole(&commit, 0, 1, "a phase") || !ReadDimension(&segment.count) ||
          !reader_.Whole(&calls, 0, counts_.calls - static_cast<int64_t>(next_call_), "a number of calls"))
        return false;
      segment.commit = commit == 1;
      if (commit_seen && !segment.commit) return error_.Say("a compute segment follows a commit segment");
      commit_seen = segment.commit;
      segment.first_call = next_call_;
      segment.call_count = static_cast<size_t>(calls);
      for (int64_t i = 0; i < calls; ++i)
        if (!ReadCall(segment.commit)) return false;
    }
    return true;
  }

  bool ReadCall(bool commit) {
    ProgramCall& call = program_.calls[next_call_];
    int kernel;
    int64_t operands, dims, scalars;
    if (!reader_.Whole(&kernel, 0, kKernelCount - 1, "a kernel's number")) return false;
    call.entry = kKernelTable[kernel];
    call.function = call.entry->functions[program_.target];
    if (!call.function) return error_.Say("kernel %s was not built for %s", call.entry->name, kTargetNames[program_.target]);
    if (!CountIs(&operands, call.entry->operand_count, counts_.operands - next_operand_, "operands", call) ||
        !CountIs(&dims, call.entry->dim_count, counts_.dims - next_dim_, "dims", call) ||
        !CountIs(&scalars, call.entry->scalar_count, counts_.scalars - next_scalar_, "scalars", call))
      return false;
    call.operands = static_cast<size_t>(next_operand_);
    call.dims = static_cast<size_t>(next_dim_);
    call.scalars = static_cast<size_t>(next_scalar_);
    for (int64_t i = 0; i < operands; ++i)
      if (!ReadOperand(call, static_cast<int>(i), commit)) return false;
    for (int64_t i = 0; i < dims; ++i)
      if (!ReadDimension(&program_.dims[static_cast<size_t>(next_dim_++)])) return false;
    for (int64_t i = 0; i < scalars; ++i)
      if (!ReadScalar(call)) return false;
    ++next_call_;
    return true;
  }

  bool CountIs(int64_t* count, int64_t expected, int64_t left, const char* what, const ProgramCall& call) {
    if (!reader_.Whole(count, 0, kMostItems, what)) return false;
    if (*count != expected)
      return error_.Say("call %zu (%s): expected %lld %s, got %lld", next_call_, call.entry->name, static_cast<long long>(expected), what,
                        static_cast<long long>(*count));
    return *count <= left || error_.Say("more %s than the stream's count of them", what);
  }

  bool ReadOperand(const ProgramCall& call, int position, bool commit) {
    OperandReference& operand = program_.operands[static_cast<size_t>(next_operand_++)];
    const Operand& rule = call.entry->operands[position];
    int dtype;
    if (!reader_.Whole(&operand.region, -1, counts_.regions - 1, "a region's number") ||
        !reader_.Whole(&operand.offset, 0, kMostOffset, "an offset") || !reader_.Whole(&operand.stride, -kMostOffset, kMostOffset, "a stride") ||
        !reader_.Whole(&dtype, 0, kDTypes - 1, "a dtype"))
      return false;
    if (operand.region < 0) return rule.optional || Refuse(call, rule, "is not optional");
    if (static_cast<DType>(dtype) != rule.dtype) return Refuse(call, rule, "is of another dtype");
    const int64_t size = static_cast<int64_t>(BytesPerElement(rule.dtype));
    if (operand.offset % size != 0 || operand.stride % size != 0) return Refuse(call, rule, "is not aligned to its elements");
    return rule.access == Access::kRead || MayWrite(program_.regions[static_cast<size_t>(operand.region)], commit) ||
           Refuse(call, rule, "writes a region that its segment may not write");
  }

  static bool MayWrite(const Region& region, bool commit) {
    switch (region.kind) {
      // An input may be the caller's own memory.
      case RegionKind::kInput: return false;
      case RegionKind::kParameter:
      case RegionKind::kBuffer:
      case RegionKind::kOptimizer: return commit;
      default: return true;
    }
  }

  bool Refuse(const ProgramCall& call, const Operand& rule, const char* why) {
    return error_.Say("call %zu (%s): operand %s %s", next_call_, call.entry->name, rule.name, why);
  }

  bool ReadScalar(ProgramCall& call) {
    ScalarReference& scalar = program_.scalars[static_cast<size_t>(next_scalar_++)];
    if (!reader_.Number(&scalar.constant) || !reader_.Whole(&scalar.slot, -1, counts_.slots - 1, "a slot's number") ||
        !reader_.Number(&scalar.per_turn))
      return false;
    call.varies = call.varies || scalar.Varies();
    return true;
  }

  bool Reports() {
    for (ReportReference& report : program_.reports) {
      int dtype;
      if (!reader_.Whole(&report.region, 0, counts_.regions - 1, "a region's number") ||
          !reader_.Whole(&report.offset, 0, kMostOffset, "an offset") || !reader_.Whole(&dtype, 0, kDTypes - 1, "a dtype"))
        return false;
      if (static_cast<DType>(dtype) != DType::kFloat32 || report.offset % 4 != 0)
        return error_.Say("a report is not an aligned float32");
      const Region& region = program_.regions[static_cast<size_t>(report.region)];
      if (region.IsRows() || report.offset + 4 > region.bytes) return error_.Say("a report lies outside its region");
    }
    return true;
  }

  bool Finish() {
    if (next_call_ != program_.calls.size() || next_operand_ != counts_.operands || next_dim_ != counts_.dims ||
        next_scalar_ != counts_.scalars)
      return error_.Say("the stream's counts do not agree with its segments");
    return reader_.AtEnd() || error_.Say("words are left after word %zu", reader_.at());
  }

  Program& program_;
  Reader reader_;
  size_t words_;
  ErrorText& error_;
  Counts counts_ = {};
  size_t dimension_words_ = 1;
  size_t next_affine_ = 0;
  size_t next_call_ = 0;
  int64_t next_operand_ = 0, next_dim_ = 0, next_scalar_ = 0;
};

}  // namespace

Reference<Program> Program::Decode(const double* words, size_t count, int target, ErrorText& error) {
  if (!TargetSupported(target)) {
    error.Say("this machine does not run the instruction set");
    return {};
  }
  Reference<Program> program = Reference<Program>::Adopt(new (std::nothrow) Program);
  if (!program) {
    error.Say("out of memory");
    return {};
  }
  program->target = target;
  Decoder decoder(*program, words, count, error);
  if (!decoder.Decode()) return {};
  return program;
}

}  // namespace evenkeel
