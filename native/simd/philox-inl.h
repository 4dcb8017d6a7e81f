// Which elements dropout keeps: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
// eight elements a block, one bit an element.
//
//   counter = (block, repeat, step, stream), key = (low, high half of the seed), block = first_block + element/8.
//   The eight 16-bit lanes of a block are its output words 0 … 3, low half first; an element is kept when its lane is
//   at least the threshold.
//
// A kernel writes the mask bits of a stretch of elements (KeepBits), a few hundred at a time so that they are still
// in the first-level cache, and then selects by them (KeptLanes). Backward passes select by the stored bits.
#if defined(EVENKEEL_SIMD_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EVENKEEL_SIMD_PHILOX_INL_H_
#undef EVENKEEL_SIMD_PHILOX_INL_H_
#else
#define EVENKEEL_SIMD_PHILOX_INL_H_
#endif

#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

#include "native/kernels/dropout_scalars.h"
#include "native/simd/partial-inl.h"

HWY_BEFORE_NAMESPACE();
namespace evenkeel {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kPhiloxRounds = 10;
constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53u;
constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxKeyStep0 = 0x9E3779B9u;
constexpr uint32_t kPhiloxKeyStep1 = 0xBB67AE85u;

#if HWY_TARGET == HWY_SCALAR

// A machine without vectors has the 64-bit product at hand.
template <class D>
class KeepGenerator {
 public:
  explicit KeepGenerator(const DropoutScalars& dropout) : dropout_(dropout) {}

  void Bytes(int64_t begin, int64_t end, uint8_t* mask) const {
    for (int64_t byte = begin; byte < end; ++byte) mask[byte] = Byte(dropout_.first_block + static_cast<uint32_t>(byte));
  }

 private:
  uint8_t Byte(uint32_t block) const {
    uint32_t c0 = block, c1 = dropout_.repeat, c2 = dropout_.step, c3 = dropout_.stream;
    uint32_t key0 = dropout_.key_low, key1 = dropout_.key_high;
    for (int round = 0; round < kPhiloxRounds; ++round) {
      const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * c0;
      const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * c2;
      c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ key0;
      c1 = static_cast<uint32_t>(product1);
      c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ key1;
      c3 = static_cast<uint32_t>(product0);
      key0 += kPhiloxKeyStep0;
      key1 += kPhiloxKeyStep1;
    }
    const uint32_t words[4] = {c0, c1, c2, c3};
    uint32_t kept = 0;
    for (int lane = 0; lane < 8; ++lane)
      kept |= uint32_t{((words[lane / 2] >> (lane % 2 * 16)) & 0xffffu) >= dropout_.threshold} << lane;
    return static_cast<uint8_t>(kept);
  }

  DropoutScalars dropout_;
};

#else

// Rounds on 64-bit lanes, of which only the low halves count: the widening multiply ignores the upper half of its
// inputs, and its low result needs no masking. Eight operations a round for Lanes(d) blocks. Of the counter only the
// block varies, so the first two rounds shrink to seven operations in all and the third to seven.
template <class D>
class KeepGenerator {
  using V = hn::Vec<D>;
  using D32 = hn::Repartition<uint32_t, D>;
  using D16 = hn::Repartition<uint16_t, D>;
  using D8 = hn::Repartition<uint8_t, D>;

 public:
  explicit HWY_INLINE KeepGenerator(const DropoutScalars& dropout)
      : first_block_(dropout.first_block), threshold_(static_cast<uint16_t>(dropout.threshold)) {
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * dropout.step;
    const uint32_t fixed0 = static_cast<uint32_t>(product1 >> 32) ^ dropout.repeat ^ dropout.key_low;
    const uint32_t fixed1 = static_cast<uint32_t>(product1);
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * fixed0;
    uint32_t key0 = dropout.key_low;
    uint32_t key1 = dropout.key_high;
    Keep(0, 0, dropout.stream ^ key1);
    key0 += kPhiloxKeyStep0;
    key1 += kPhiloxKeyStep1;
    Keep(1, fixed1 ^ key0, static_cast<uint32_t>(product0 >> 32) ^ key1);
    key0 += kPhiloxKeyStep0;
    key1 += kPhiloxKeyStep1;
    Keep(2, key0, static_cast<uint32_t>(product0) ^ key1);
    for (int round = 3; round < kPhiloxRounds; ++round) {
      key0 += kPhiloxKeyStep0;
      key1 += kPhiloxKeyStep1;
      Keep(round, key0, key1);
    }
  }

  // Mask bytes of blocks first_block + [begin, end).
  HWY_INLINE void Bytes(int64_t begin, int64_t end, uint8_t* mask) const {
    const D d;
    constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
    V counter = hn::Add(hn::Iota(d, 0), hn::Set(d, uint32_t{first_block_ + static_cast<uint32_t>(begin)}));
    const V step = hn::Set(d, kLanes);
    int64_t byte = begin;
    // A group's rounds are one chain of 60 cycles, with work for 25: two chains side by side fill the gaps.
    for (; byte + 2 * kLanes <= end; byte += 2 * kLanes) {
      Block blocks[2] = {{counter}, {hn::Add(counter, step)}};
      Run<2>(blocks);
      Store(blocks[0], mask + byte);
      Store(blocks[1], mask + byte + kLanes);
      counter = hn::Add(counter, hn::Add(step, step));
    }
    for (; byte < end; byte += kLanes) {
      Block block[1] = {{counter}};
      Run<1>(block);
      uint8_t rest[kLanes];
      Store(block[0], rest);
      std::memcpy(mask + byte, rest, static_cast<size_t>(HWY_MIN(kLanes, end - byte)));
      counter = hn::Add(counter, step);
    }
  }

 private:
  // The words of Lanes(d) blocks, each in the low half of a lane.
  struct Block {
    V c0, c1, c2, c3;
  };

  HWY_INLINE void Keep(int round, uint32_t key0, uint32_t key1) {
    const D d;
    hn::Store(hn::Set(d, key0), d, key0_[round]);
    hn::Store(hn::Set(d, key1), d, key1_[round]);
  }

  static HWY_INLINE V Product(V v, uint32_t multiplier) {
    return hn::MulEven(hn::BitCast(D32(), v), hn::Set(D32(), multiplier));
  }

  // Two words a lane: the first in the low half.
  static HWY_INLINE V Join(V low, V high) {
    return hn::BitCast(D(), hn::OddEven(hn::BitCast(D32(), hn::ShiftLeft<32>(high)), hn::BitCast(D32(), low)));
  }

  // Bytes of ones where the 16-bit lane is at least the threshold.
  HWY_INLINE hn::Vec<D8> Kept(V lanes) const {
    const D16 d16;
    const auto v = hn::BitCast(d16, lanes);
    return hn::BitCast(D8(), hn::VecFromMask(d16, hn::Eq(hn::Max(v, hn::Set(d16, threshold_)), v)));
  }

  // From the counter's block number in c0 to the ten rounds' words.
  template <int kBlocks>
  HWY_INLINE void Run(Block (&blocks)[kBlocks]) const {
    const D d;
    _Pragma("GCC unroll 2") for (Block& block : blocks) {
      const V first0 = Product(block.c0, kPhiloxMultiplier0);
      const V first2 = hn::Xor(hn::ShiftRight<32>(first0), hn::Load(d, key1_[0]));
      const V second1 = Product(first2, kPhiloxMultiplier1);
      block.c0 = hn::Xor(hn::ShiftRight<32>(second1), hn::Load(d, key0_[1]));
      block.c1 = second1;
      block.c2 = hn::Xor(first0, hn::Load(d, key1_[1]));
      block.c3 = hn::Zero(d);  // its word is in key1_[2]
    }
    _Pragma("GCC unroll 16") for (int round = 2; round < kPhiloxRounds; ++round) {
      const V key0 = hn::Load(d, key0_[round]);
      const V key1 = hn::Load(d, key1_[round]);
      _Pragma("GCC unroll 2") for (Block& block : blocks) {
        const V product0 = Product(block.c0, kPhiloxMultiplier0);
        const V product1 = Product(block.c2, kPhiloxMultiplier1);
        block.c0 = hn::Xor(hn::ShiftRight<32>(product1), hn::Xor(block.c1, key0));
        block.c1 = product1;
        block.c2 = hn::Xor(hn::ShiftRight<32>(product0), hn::Xor(block.c3, key1));
        block.c3 = product0;
      }
    }
  }

  HWY_INLINE void Store(const Block& block, uint8_t* bytes) const {
    const D d;
    // A block's 16 bytes: words 0 and 1, words 2 and 3. Interleaving stays within 128 bits, so `even` holds every other
    // block, `odd` its neighbours.
    const V words01 = Join(block.c0, block.c1);
    const V words23 = Join(block.c2, block.c3);
    const auto even = Kept(hn::InterleaveLower(d, words01, words23));
    const auto odd = Kept(hn::InterleaveUpper(d, words01, words23));
    // One byte an element: those of `even` into the lower eight of 16, of `odd` into the upper, which is their order.
    HWY_ALIGN static constexpr uint8_t kOrder[16] = {0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15};
    const auto ordered = hn::TableLookupBytes(hn::OddEven(odd, even), hn::LoadDup128(D8(), kOrder));
    hn::StoreMaskBits(D8(), hn::MaskFromVec(ordered), bytes);
  }

  // Round keys in every lane, as memory operands: twenty registers do not exist. In the first three rounds what the
  // fixed words of the counter become is in them.
  HWY_ALIGN uint64_t key0_[kPhiloxRounds][hn::MaxLanes(D())];
  HWY_ALIGN uint64_t key1_[kPhiloxRounds][hn::MaxLanes(D())];
  uint32_t first_block_;
  uint16_t threshold_;
};

#endif

// Writes mask bytes begin/8 … ceil(end/8) - 1 for elements [begin, end) of the tensor: bit i%8 of byte i/8, 1 = kept.
// begin is a multiple of 8; bits beyond `end` are 0, so an end that is not the tensor's is a multiple of 8 too.
// Safe for threads whose stretches share no byte. Threshold 0 keeps all, 65536 none.
HWY_INLINE void KeepBits(const DropoutScalars& dropout, int64_t begin, int64_t end, uint8_t* mask) {
  if (begin >= end) return;
  const int64_t first = begin / 8;
  const int64_t last = (end + 7) / 8;
  if (dropout.threshold == 0 || dropout.threshold > 65535) {
    std::memset(mask + first, dropout.threshold == 0 ? 0xff : 0, static_cast<size_t>(last - first));
  } else {
    KeepGenerator<hn::ScalableTag<uint64_t>>(dropout).Bytes(first, last, mask);
  }
  if (end % 8 != 0) mask[last - 1] &= static_cast<uint8_t>((1 << (end % 8)) - 1);
}

// The mask of elements i … i + count - 1, for any i and a count from 1 to Lanes(d); lanes beyond hold anything. Reads
// no byte beyond that of the last element.
template <class D>
HWY_INLINE hn::Mask<D> KeptLanes(D d, const uint8_t* mask, int64_t i, size_t count) {
  static_assert(hn::MaxLanes(d) <= 17, "three bytes hold the lanes at any bit");
  const int64_t first = i >> 3;
  const int64_t last = (i + static_cast<int64_t>(count) - 1) >> 3;
  const int64_t second = first < last ? first + 1 : last;
  const uint64_t joined = uint64_t{mask[first]} | uint64_t{mask[second]} << 8 | uint64_t{mask[last]} << 16;
  const uint64_t bits = joined >> (i & 7);
  uint8_t bytes[8];
  std::memcpy(bytes, &bits, sizeof bytes);
  return hn::LoadMaskBits(d, bytes);
}

// The same for a whole vector whose first element i is a multiple of 8, or of Lanes(d) below 8: one plain load.
template <class D>
HWY_INLINE hn::Mask<D> KeptLanes(D d, const uint8_t* mask, int64_t i) {
  uint8_t bytes[8] = {};
  if (hn::MaxLanes(d) < 8) {
    bytes[0] = static_cast<uint8_t>(mask[i >> 3] >> (i & 7));
  } else {
    std::memcpy(bytes, mask + (i >> 3), (hn::MaxLanes(d) + 7) / 8);
  }
  return hn::LoadMaskBits(d, bytes);
}

// ForEachVector (partial-inl.h) from a begin that is a multiple of 8, with the mask of each vector:
// body(i, access, kept).
template <class D, class Body>
HWY_INLINE void ForEachKept(D d, int64_t begin, int64_t end, const uint8_t* mask, Body&& body) {
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
  int64_t i = begin;
#if HWY_TARGET > HWY_AVX3 && HWY_TARGET != HWY_SCALAR
  // Where a mask is a vector: one broadcast serves 32 elements, and each vector tests bits of its own.
  const hn::Repartition<uint32_t, D> du;
  constexpr int64_t kVectors = 32 / kLanes;
  hn::Vec<decltype(du)> bit[kVectors];
  _Pragma("GCC unroll 8") for (int64_t part = 0; part < kVectors; ++part)
    bit[part] = hn::Shl(hn::Set(du, 1u), hn::Iota(du, static_cast<uint32_t>(part * kLanes)));
  for (; i + 32 <= end; i += 32) {
    uint32_t word;
    std::memcpy(&word, mask + (i >> 3), sizeof word);
    const auto bits = hn::Set(du, word);
    _Pragma("GCC unroll 8") for (int64_t part = 0; part < kVectors; ++part)
      body(i + part * kLanes, WholeVector{}, hn::RebindMask(d, hn::TestBit(bits, bit[part])));
  }
#endif
  for (; i + kLanes <= end; i += kLanes) body(i, WholeVector{}, KeptLanes(d, mask, i));
  if (i < end) {
    const size_t count = static_cast<size_t>(end - i);
    body(i, FirstLanes{count}, KeptLanes(d, mask, i, count));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_PHILOX_INL_H_
