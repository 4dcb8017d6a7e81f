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

// Mask bytes of the one block: a machine without vectors has the 64-bit product at hand.
template <class D>
HWY_INLINE void KeepBytes(D, const DropoutScalars& dropout, uint32_t block, uint8_t* bytes) {
  uint32_t c0 = block, c1 = dropout.repeat, c2 = dropout.step, c3 = dropout.stream;
  uint32_t key0 = dropout.key_low, key1 = dropout.key_high;
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
    kept |= uint32_t{((words[lane / 2] >> (lane % 2 * 16)) & 0xffffu) >= dropout.threshold} << lane;
  bytes[0] = static_cast<uint8_t>(kept);
}

#else

// One round on 64-bit lanes, of which only the low halves count: the widening multiply ignores the upper half of its
// inputs, and its low result needs no masking. Eight operations for Lanes(d) blocks.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void PhiloxRound(D, V& c0, V& c1, V& c2, V& c3, V key0, V key1) {
  const hn::Repartition<uint32_t, D> d32;
  const V product0 = hn::MulEven(hn::BitCast(d32, c0), hn::Set(d32, kPhiloxMultiplier0));
  const V product1 = hn::MulEven(hn::BitCast(d32, c2), hn::Set(d32, kPhiloxMultiplier1));
  c0 = hn::Xor(hn::Xor(c1, key0), hn::ShiftRight<32>(product1));
  c1 = product1;
  c2 = hn::Xor(hn::Xor(c3, key1), hn::ShiftRight<32>(product0));
  c3 = product0;
}

// Mask bytes of the Lanes(d) blocks that start at `block`, d of 64-bit lanes.
template <class D>
HWY_INLINE void KeepBytes(D d, const DropoutScalars& dropout, uint32_t block, uint8_t* bytes) {
  const hn::Repartition<uint32_t, D> d32;
  const hn::Repartition<uint16_t, D> d16;
  const hn::Repartition<uint8_t, D> d8;
  using V = hn::Vec<D>;
  V c0 = hn::Iota(d, block);
  V c1 = hn::Set(d, dropout.repeat);
  V c2 = hn::Set(d, dropout.step);
  V c3 = hn::Set(d, dropout.stream);
  uint32_t key0 = dropout.key_low;
  uint32_t key1 = dropout.key_high;
  _Pragma("GCC unroll 16") for (int round = 0; round < kPhiloxRounds; ++round) {
    PhiloxRound(d, c0, c1, c2, c3, hn::Set(d, key0), hn::Set(d, key1));
    key0 += kPhiloxKeyStep0;
    key1 += kPhiloxKeyStep1;
  }
  // A block's 16 bytes: words 0 and 1, words 2 and 3. Interleaving stays within 128 bits, so `even` holds every other
  // block, `odd` its neighbours.
  const auto join = [&](V low, V high) HWY_ATTR {
    return hn::BitCast(d, hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(high)), hn::BitCast(d32, low)));
  };
  const V words01 = join(c0, c1);
  const V words23 = join(c2, c3);
  const auto threshold = hn::Set(d16, static_cast<uint16_t>(dropout.threshold));
  const auto kept = [&](V lanes) HWY_ATTR {
    const auto v = hn::BitCast(d16, lanes);
    return hn::BitCast(d8, hn::VecFromMask(d16, hn::Eq(hn::Max(v, threshold), v)));
  };
  const auto even = kept(hn::InterleaveLower(d, words01, words23));
  const auto odd = kept(hn::InterleaveUpper(d, words01, words23));
  // One byte an element: those of `even` into the lower eight of 16, those of `odd` into the upper, which is their order.
  HWY_ALIGN static constexpr uint8_t kOrder[16] = {0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15};
  const auto ordered = hn::TableLookupBytes(hn::OddEven(odd, even), hn::LoadDup128(d8, kOrder));
  hn::StoreMaskBits(d8, hn::MaskFromVec(ordered), bytes);
}

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
    const hn::ScalableTag<uint64_t> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    int64_t byte = first;
    for (; byte + lanes <= last; byte += lanes)
      KeepBytes(d, dropout, dropout.first_block + static_cast<uint32_t>(byte), mask + byte);
    if (byte < last) {
      uint8_t rest[hn::MaxLanes(d)];
      KeepBytes(d, dropout, dropout.first_block + static_cast<uint32_t>(byte), rest);
      std::memcpy(mask + byte, rest, static_cast<size_t>(last - byte));
    }
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
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) body(i, WholeVector{}, KeptLanes(d, mask, i));
  if (i < end) {
    const size_t count = static_cast<size_t>(end - i);
    body(i, FirstLanes{count}, KeptLanes(d, mask, i, count));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace evenkeel
HWY_AFTER_NAMESPACE();

#endif  // EVENKEEL_SIMD_PHILOX_INL_H_
