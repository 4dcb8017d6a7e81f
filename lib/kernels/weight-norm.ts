import { laneSums } from './sum-lanes.js'

/** Where `rowDot` leaves its sum: V8 would allocate a number that it gives back. */
export const dot = new Float64Array(1)

/**
 * dot[0] = Σ a[aStart + i]·b[bStart + i] over a row, in float64: sixteen sums, element i in sum i % 16, then a fixed tree, as
 * `native/simd/row_dot-inl.h` has it. A product of two float32 is exact in float64, so the bits are the same everywhere.
 * The sums are variables of their own: from an array the same loop takes three times as long.
 */
export function rowDot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, count: number): void {
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  let s4 = 0
  let s5 = 0
  let s6 = 0
  let s7 = 0
  let s8 = 0
  let s9 = 0
  let s10 = 0
  let s11 = 0
  let s12 = 0
  let s13 = 0
  let s14 = 0
  let s15 = 0
  const whole = count - (count % 16)
  let p = aStart
  let q = bStart
  for (const end = aStart + whole; p < end; p += 16, q += 16) {
    s0 += a[p]! * b[q]!
    s1 += a[p + 1]! * b[q + 1]!
    s2 += a[p + 2]! * b[q + 2]!
    s3 += a[p + 3]! * b[q + 3]!
    s4 += a[p + 4]! * b[q + 4]!
    s5 += a[p + 5]! * b[q + 5]!
    s6 += a[p + 6]! * b[q + 6]!
    s7 += a[p + 7]! * b[q + 7]!
    s8 += a[p + 8]! * b[q + 8]!
    s9 += a[p + 9]! * b[q + 9]!
    s10 += a[p + 10]! * b[q + 10]!
    s11 += a[p + 11]! * b[q + 11]!
    s12 += a[p + 12]! * b[q + 12]!
    s13 += a[p + 13]! * b[q + 13]!
    s14 += a[p + 14]! * b[q + 14]!
    s15 += a[p + 15]! * b[q + 15]!
  }
  // The rest of a row belongs to the first lanes, at most one number each.
  if (whole < count) {
    laneSums.fill(0)
    for (let i = whole; i < count; i++) laneSums[i - whole] = a[aStart + i]! * b[bStart + i]!
    s0 += laneSums[0]!
    s1 += laneSums[1]!
    s2 += laneSums[2]!
    s3 += laneSums[3]!
    s4 += laneSums[4]!
    s5 += laneSums[5]!
    s6 += laneSums[6]!
    s7 += laneSums[7]!
    s8 += laneSums[8]!
    s9 += laneSums[9]!
    s10 += laneSums[10]!
    s11 += laneSums[11]!
    s12 += laneSums[12]!
    s13 += laneSums[13]!
    s14 += laneSums[14]!
  }
  const even = s0 + s8 + (s4 + s12) + (s2 + s10 + (s6 + s14))
  dot[0] = even + (s1 + s9 + (s5 + s13) + (s3 + s11 + (s7 + s15)))
}

/** ‖row‖, rounded to float32 once. */
export function rowNorm(v: Float32Array, start: number, count: number): number {
  rowDot(v, start, v, start, count)
  return Math.fround(Math.sqrt(dot[0]!))
}

/** s = g/‖v‖, one rounding; 0 for a row of zeros. */
export const scaleOf = (g: number, norm: number): number => (norm === 0 ? 0 : Math.fround(g / norm))
