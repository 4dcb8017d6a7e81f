/**
 * Decompresses what Snappy could not compress, such as most columns of floats: a row of literals, at the speed of a copy.
 * The library's own decoder goes byte by byte and through memory of its own: 1.2 GB/s where this copies 30 in cache.
 *
 * @returns false where there is anything else, for the library to decompress or to refuse
 */
export function copyLiterals(bytes: Uint8Array, target: Uint8Array): boolean {
  let at = 0
  let size = 0
  for (let scale = 1, byte = 128; byte >= 128; scale *= 128) {
    if (at === 5) return false
    byte = bytes[at++]!
    size += (byte & 127) * scale
  }
  if (size !== target.length) return false
  let filled = 0
  while (at < bytes.length) {
    const tag = bytes[at++]!
    if ((tag & 3) !== 0) return false
    let length = tag >>> 2
    // 60 to 63: the length stands in the next one to four bytes.
    if (length > 59) {
      const lengthBytes = length - 59
      length = 0
      for (let index = lengthBytes - 1; index >= 0; index--) length = length * 256 + bytes[at + index]!
      at += lengthBytes
    }
    length++
    // Also false where a length is not a number, as bytes were missing.
    if (!(at + length <= bytes.length && filled + length <= size)) return false
    target.set(bytes.subarray(at, at + length), filled)
    at += length
    filled += length
  }
  return filled === size
}
