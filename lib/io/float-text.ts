/** The shortest decimal number that reads back as the same float32: 0.1, not 0.10000000149011612. */
export function shortestFloat(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value
  // Six digits always come back as they were; nine always tell two float32 numbers apart.
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}
