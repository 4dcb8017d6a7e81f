import { erf } from './erf.js'
import { gelu, geluDerivative, geluTanh, geluTanhDerivative, silu, siluDerivative } from './gelu.js'
import { type PortableKernel, Status, Unary, type UnaryName } from './types.js'

/** max(x, 0) + log(1 + e^−|x|): neither end overflows, and small results keep their digits. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

type Apply = (x: number, parameter: number) => number

/** In float64; the store rounds. */
const functions: Readonly<Record<UnaryName, Apply>> = {
  negate: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  erf,
  softplus,
  gelu,
  geluDerivative,
  geluTanh,
  geluTanhDerivative,
  silu,
  siluDerivative,
  elu: (x, parameter) => (x > 0 ? x : parameter * Math.expm1(x)),
  eluDerivative: (x, parameter) => (x > 0 ? 1 : parameter * Math.exp(x))
}

const byCode: Apply[] = []
for (const [name, code] of Object.entries(Unary)) byCode[code] = functions[name as UnaryName]

/** out = operation(x), by a parameter where it has one */
export const elementwiseUnary: PortableKernel = ({ operands, dims, scalars }) => {
  const [out, x] = operands as [Float32Array, Float32Array]
  const apply = byCode[scalars[0]!]!
  const parameter = Math.fround(scalars[1]!)
  for (let i = 0; i < dims[0]!; i++) out[i] = apply(x[i]!, parameter)
  return Status.ok
}
