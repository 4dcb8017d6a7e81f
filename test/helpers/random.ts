/** Seeded numbers for tests (mulberry32), independent of the library's own generator. Print the seed on failure. */
export function testRandom(seed: number): {
  uniform(): number
  normal(): number
  integer(below: number): number
  array(length: number, scale?: number, shift?: number): Float32Array
} {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return {
    uniform,
    normal,
    integer: (below) => Math.floor(uniform() * below),
    array: (length, scale = 1, shift = 0) => Float32Array.from({ length }, () => normal() * scale + shift)
  }
}
