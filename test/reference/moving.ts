/** Where an element with these places stands in memory. */
export function offsetOf(shape: readonly number[], place: readonly number[]): number {
  return place.reduce((offset, at, axis) => offset * shape[axis]! + at, 0)
}

/** The places of all elements of a shape, in memory order. */
export function placesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (places, size) => places.flatMap((place) => Array.from({ length: size }, (_, at) => [...place, at])),
    [[]]
  )
}

/** out[place] = x[from(place)] for every place of `shape`. */
export function moved(
  x: ArrayLike<number>,
  xShape: readonly number[],
  shape: readonly number[],
  from: (place: readonly number[]) => readonly number[]
): number[] {
  return placesOf(shape).map((place) => x[offsetOf(xShape, from(place))]!)
}
