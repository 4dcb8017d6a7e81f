import { broadcastDims, broadcastOperand, forEachRow } from './broadcast.js'
import { Binary, type BinaryName, type PortableKernel, Status } from './types.js'

/** One row: out[o + i] = operation(a[p + i · as], b[q + i · bs]). Rounded by the store. */
type Row = (out: Float32Array, o: number, a: Float32Array, p: number, as: number, b: Float32Array, q: number, bs: number, n: number) => void

// A function a row and operation, its loop inside: a call an element would cost more than the arithmetic.
const rows: Readonly<Record<BinaryName, Row>> = {
  add(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! + b[q + i * bs]!
  },
  subtract(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! - b[q + i * bs]!
  },
  multiply(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! * b[q + i * bs]!
  },
  divide(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! / b[q + i * bs]!
  },
  minimum(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = Math.min(a[p + i * as]!, b[q + i * bs]!)
  },
  maximum(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = Math.max(a[p + i * as]!, b[q + i * bs]!)
  },
  equal(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! === b[q + i * bs]! ? 1 : 0
  },
  notEqual(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! !== b[q + i * bs]! ? 1 : 0
  },
  greater(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! > b[q + i * bs]! ? 1 : 0
  },
  greaterEqual(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) out[o + i] = a[p + i * as]! >= b[q + i * bs]! ? 1 : 0
  },
  share(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) {
      const [left, right] = [a[p + i * as]!, b[q + i * bs]!]
      out[o + i] = left < right ? 0 : left === right ? 0.5 : 1
    }
  },
  maskedMultiply(out, o, a, p, as, b, q, bs, n) {
    for (let i = 0; i < n; i++) {
      const factor = b[q + i * bs]!
      out[o + i] = factor === 0 ? 0 : a[p + i * as]! * factor
    }
  }
}

const byCode: Row[] = []
for (const [name, code] of Object.entries(Binary)) byCode[code] = rows[name as BinaryName]

/** out = operation(a, b), each of a and b repeated along the dims of its mask, or a number. */
export const elementwiseBinary: PortableKernel = ({ operands, dims, scalars }) => {
  const out = operands[0] as Float32Array
  const a = broadcastOperand(0, operands[1]!, scalars[1]!, scalars[3]!, dims)
  const b = broadcastOperand(1, operands[2]!, scalars[2]!, scalars[4]!, dims)
  const last = broadcastDims - 1
  const row = byCode[scalars[0]!]!
  forEachRow(dims, (start, length, offsets) =>
    row(out, start, a.data, offsets[0]!, a.strides[last]!, b.data, offsets[1]!, b.strides[last]!, length)
  )
  return Status.ok
}
