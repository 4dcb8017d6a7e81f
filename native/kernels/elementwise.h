// The operations of the element-wise kernels, in the order of lib/kernels/types.ts.
#ifndef EVENKEEL_KERNELS_ELEMENTWISE_H_
#define EVENKEEL_KERNELS_ELEMENTWISE_H_

namespace evenkeel {

enum BinaryCode : int {
  kAddition = 0,
  kSubtract = 1,
  kMultiply = 2,
  kDivide = 3,
  kMinimum = 4,
  kMaximum = 5,
  kEqual = 6,
  kNotEqual = 7,
  kGreater = 8,
  kGreaterEqual = 9,
  kShare = 10,           // 0 where a < b, 1/2 where they are equal, else 1: a's share of the gradient of a maximum
  kMaskedMultiply = 11,  // 0 where b is 0, whatever a is, else a · b
};

enum UnaryCode : int {
  kNegate = 0,
  kAbs = 1,
  kSign = 2,
  kSquare = 3,
  kSqrt = 4,
  kExp = 5,
  kExpm1 = 6,
  kLog = 7,
  kLog1p = 8,
  kErf = 9,
  kSoftplus = 10,
  kGelu = 11,
  kGeluDerivative = 12,
  kGeluTanh = 13,
  kGeluTanhDerivative = 14,
  kSilu = 15,
  kSiluDerivative = 16,
  kElu = 17,
  kEluDerivative = 18,
};

}  // namespace evenkeel

#endif  // EVENKEEL_KERNELS_ELEMENTWISE_H_
