/** Elements that a slice reflects: about 0.1 ms. */
const sliceElements = 1 << 16

/**
 * In slices: a random matrix of `count` orthonormal rows, in float64, equally likely among all of them (Haar measure).
 *
 * The QR factorization of a normal matrix, with the diagonal of R made positive, has this distribution, and its k-th
 * Householder vector is that of a fresh normal vector of n − k numbers (Stewart 1980, "The efficient generation of
 * random orthogonal matrices"). So the reflections are drawn and the matrix to be factored never is: half the work.
 *
 * @param normals count · length standard normal numbers
 * @param count rows, at most `length`
 */
export function* orthonormalRows(normals: Float32Array, count: number, length: number): Generator<void, Float64Array, void> {
  const matrix = new Float64Array(count * length)
  const vector = new Float64Array(length)
  let touched = 0
  // From the last reflection to the first: those that come later leave the earlier rows and columns alone.
  for (let k = count - 1; k >= 0; k--) {
    const reflected = vector.subarray(k)
    reflected.set(normals.subarray(k * length, (k + 1) * length - k))
    const sign = toHouseholder(reflected)
    matrix[k * length + k] = sign
    for (let row = k; row < count; row++) {
      reflect(matrix.subarray(row * length + k, (row + 1) * length), reflected)
      touched += length
      if (touched < sliceElements) continue
      touched = 0
      yield
    }
  }
  return matrix
}

/**
 * Turns x into the unit vector u whose reflection 1 − 2uuᵀ sends x to a multiple of the first axis; answers the sign
 * of that multiple, which makes the diagonal of R positive.
 */
function toHouseholder(x: Float64Array): number {
  const sign = x[0]! < 0 ? 1 : -1
  const norm = Math.sqrt(dot(x, x))
  x[0]! -= sign * norm
  const length = Math.sqrt(dot(x, x))
  for (let i = 0; i < x.length; i++) x[i]! /= length
  return sign
}

function reflect(row: Float64Array, unit: Float64Array): void {
  const factor = 2 * dot(row, unit)
  for (let i = 0; i < row.length; i++) row[i]! -= factor * unit[i]!
}

function dot(a: Float64Array, b: Float64Array): number {
  // Four chains: one alone waits 4 cycles for each addition.
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  const whole = a.length - (a.length % 4)
  for (let i = 0; i < whole; i += 4) {
    s0 += a[i]! * b[i]!
    s1 += a[i + 1]! * b[i + 1]!
    s2 += a[i + 2]! * b[i + 2]!
    s3 += a[i + 3]! * b[i + 3]!
  }
  for (let i = whole; i < a.length; i++) s0 += a[i]! * b[i]!
  return s0 + s1 + (s2 + s3)
}
