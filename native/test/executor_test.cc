#include <cstring>
#include <vector>

#include "native/test/check.h"
#include "native/test/small_program.h"

namespace evenkeel::test {
namespace {

struct Rig {
  Reference<Block> parameters;
  Reference<Executor> executor;
  std::vector<float> x, y;
  std::vector<double> symbols, slots, results;
  InputSource source;
  OutputTarget target;
  Crossing crossing;

  Rig(int isa, int threads, const std::vector<int64_t>& batches) {
    ErrorText error;
    const std::vector<double> stream = SmallStream();
    Reference<Program> program = Program::Decode(stream.data(), stream.size(), isa, error);
    Check(static_cast<bool>(program), "the stream is taken: %s", error.text);
    parameters = Block::Allocate(static_cast<size_t>(kAreaBytes));
    executor = BindSmall(program, parameters, threads, error);
    Check(static_cast<bool>(executor), "the memory is taken: %s", error.text);
    int64_t rows = 0;
    for (int64_t batch : batches) {
      symbols.push_back(static_cast<double>(batch));
      symbols.push_back(3);
      slots.push_back(-0.5);
      rows += batch;
    }
    x.resize(static_cast<size_t>(rows * kWidth));
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(static_cast<double>(i % 97) - 48) / 16;
    y.resize(x.size());
    results.resize(batches.size());
    source.data = x.data();
    source.elements = static_cast<int64_t>(x.size());
    target = {y.data(), static_cast<int64_t>(y.size()), DType::kFloat32};
    crossing.steps = static_cast<int64_t>(batches.size());
    crossing.symbols = symbols.data();
    crossing.slots = slots.data();
    crossing.inputs = &source;
    crossing.input_count = 1;
    crossing.outputs = &target;
    crossing.output_count = 1;
    crossing.results = results.data();
  }
};

// All numbers are small multiples of 1/16, so float32 is exact and the order of sums does not matter.
void CheckResults(const Rig& rig, const std::vector<int64_t>& batches, const char* what) {
  std::vector<float> p(static_cast<size_t>(kMostRows * kWidth)), y;
  size_t at = 0;
  bool reports = true;
  for (size_t step = 0; step < batches.size(); ++step) {
    const size_t count = static_cast<size_t>(batches[step] * kWidth);
    if (count > 0) reports = reports && rig.results[step] == static_cast<double>(rig.x[at + 1] + p[1]);
    for (size_t i = 0; i < count; ++i) {
      const float s = rig.x[at + i] + p[i];
      y.push_back(s > 0 ? s : 0);  // the last turn's slope is −0.5 + 0.25·2 = 0
      p[i] += s;
    }
    at += count;
  }
  bool outputs = true;
  for (size_t i = 0; i < y.size(); ++i) outputs = outputs && rig.y[i] == y[i];
  Check(outputs, "%s: outputs", what);
  Check(std::memcmp(rig.parameters->data(), p.data(), p.size() * 4) == 0, "%s: parameters", what);
  Check(reports, "%s: reports", what);
}

void TestRun(int isa, int threads) {
  const std::vector<int64_t> batches = {kMostRows, 1, 0, 7, 12345};
  Rig rig(isa, threads, batches);
  ErrorText error;
  Check(rig.executor->Check(rig.crossing, error), "the crossing is taken: %s", error.text);
  const Outcome outcome = rig.executor->Run(rig.crossing);
  Check(outcome.completed == 5 && outcome.status == Status::kOk, "all steps are done");
  CheckResults(rig, batches, kTargetNames[isa]);
}

void TestRefusals(int isa) {
  ErrorText error;
  const auto refused = [&](const char* what, auto change) {
    Rig rig(isa, 1, {3, 4});
    change(rig);
    Check(!rig.executor->Check(rig.crossing, error) && error.text[0] != 0, "refuses %s", what);
  };
  refused("a symbol above its maximum", [](Rig& rig) { rig.symbols[2] = kMostRows + 1; });
  refused("a symbol that is not whole", [](Rig& rig) { rig.symbols[0] = 0.5; });
  refused("a source that is too short", [](Rig& rig) { rig.source.elements -= 1; });
  refused("a first row that is too late", [](Rig& rig) { rig.source.first = 1; });
  refused("an output that is too short", [](Rig& rig) { rig.target.elements -= 1; });
  refused("an output of another dtype", [](Rig& rig) { rig.target.dtype = DType::kInt32; });
  refused("no inputs", [](Rig& rig) { rig.crossing.input_count = 0; });
  static const int32_t rows[] = {0, 1, 2, 3, 4, 5, 7};
  refused("a row number beyond the source", [](Rig& rig) {
    rig.source.rows = rows;
    rig.source.row_count = 7;
  });
  refused("too few row numbers", [](Rig& rig) {
    rig.source.rows = rows;
    rig.source.row_count = 6;
  });
}

void TestCancel(int isa) {
  Rig rig(isa, 2, {3, 4});
  const std::atomic<bool> cancelled{true};
  rig.crossing.cancelled = &cancelled;
  ErrorText error;
  Check(rig.executor->Check(rig.crossing, error), "the crossing is taken: %s", error.text);
  Check(rig.executor->Run(rig.crossing).completed == 0, "a cancelled crossing does no step");
}

// A changed stream may have more symbols, slots or reports; that their arrays fit is for the addon to see to.
void FitCounts(Rig& rig, const Program& program) {
  rig.symbols.resize(2 * program.symbols.size(), 1);
  rig.slots.resize(2 * program.slot_count);
  rig.results.resize(2 * program.reports.size());
  rig.crossing.symbols = rig.symbols.data();
  rig.crossing.slots = rig.slots.data();
  rig.crossing.results = rig.results.data();
}

}  // namespace

void TestExecutor() {
  for (int isa = 0; isa < kTargetCount; ++isa) {
    if (!TargetSupported(isa)) continue;
    for (int threads : {1, 2, 3}) TestRun(isa, threads);
    TestRefusals(isa);
    TestCancel(isa);
  }
  Check(CurrentMemoryUse().blocks == 0, "executors leave no memory behind");
}

// Any word of a stream may be anything: it is refused, or it runs within its memory (a sanitizer sees).
void TestStreams() {
  const double values[] = {-1, 0, 1, 2, 3, 4, 7, 1e3, 65536, 2147483648.0, 1099511627776.0, 9007199254740992.0, 9.3e18, 1e300, 0.5, -4,
                           __builtin_nan(""), __builtin_inf(), -1099511627776.0};
  int isa = 0;
  while (!TargetSupported(isa)) ++isa;
  const std::vector<double> valid = SmallStream();
  Random random(99);
  ErrorText error;
  long taken = 0;
  for (size_t length = 0; length < valid.size(); ++length) {
    const std::vector<double> cut(valid.begin(), valid.begin() + static_cast<long>(length));
    Check(!Program::Decode(cut.data(), cut.size(), isa, error), "refuses the first %zu words", length);
  }
  for (int round = 0; round < 3000; ++round) {
    std::vector<double> stream = valid;
    for (uint64_t changes = 1 + random.Below(3); changes > 0; --changes)
      stream[random.Below(stream.size())] =
          random.Below(2) ? values[random.Below(sizeof(values) / sizeof(values[0]))] : stream[random.Below(stream.size())];
    Reference<Program> program = Program::Decode(stream.data(), stream.size(), isa, error);
    if (!program || program->arena_bytes > (size_t{1} << 28) || program->slot_count > 1000) continue;
    Reference<Executor> executor = BindSmall(program, Block::Allocate(static_cast<size_t>(kAreaBytes)), 2, error);
    if (!executor) continue;
    Rig rig(isa, 1, {3, 4});
    FitCounts(rig, *program);
    if (!executor->Check(rig.crossing, error)) continue;
    executor->Run(rig.crossing);
    ++taken;
  }
  Check(taken > 50 && taken < 2500, "some changes are harmless, most are not: %ld", taken);
}

}  // namespace evenkeel::test
