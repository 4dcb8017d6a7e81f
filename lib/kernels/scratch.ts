/**
 * Float64 working memory of the portable kernels. A kernel never allocates in the steady state: the arrays grow to
 * the largest call and stay. A kernel runs to its end before the next one starts, so they share it.
 */
let memory = new Float64Array(0)

/** `parts` arrays of `length` zeros, one behind the other. */
export function scratch(length: number, parts: number): Float64Array {
  if (memory.length < length * parts) memory = new Float64Array(length * parts)
  return memory.fill(0, 0, length * parts)
}
