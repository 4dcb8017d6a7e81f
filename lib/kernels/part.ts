import type { KernelCallArguments, PortableKernel, TypedArray } from './types.js'

/** Of a scalar that the kernel made of others does not have: it is 0. */
export const zero = -1

/**
 * `kernel` as a part of one that is made of others: it takes the operands at `operands` and the scalars at `scalars` of
 * that one's call. Its own call is one object, filled anew and emptied each time: V8 moves lists that are written out in
 * every call to its old generation, where megabytes of them wait for a full collection.
 */
export function part(kernel: PortableKernel, operands: readonly number[], scalars: readonly number[]): PortableKernel {
  const none: readonly number[] = []
  const own = { operands: operands.map((): TypedArray | null => null), dims: none, scalars: scalars.map(() => 0), detail: 0 }
  return ({ operands: givenOperands, dims, scalars: givenScalars }: KernelCallArguments) => {
    for (let i = 0; i < operands.length; i++) own.operands[i] = givenOperands[operands[i]!]!
    for (let i = 0; i < scalars.length; i++) own.scalars[i] = scalars[i] === zero ? 0 : givenScalars[scalars[i]!]!
    own.dims = dims
    const status = kernel(own)
    own.operands.fill(null)
    return status
  }
}
