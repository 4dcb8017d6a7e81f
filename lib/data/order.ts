import { Purpose, philoxBlock, streamOf } from '../random.js'
import type { Sliced } from './pace.js'

/** Beyond the cache a row costs 80 to 180 ns, for the read and the write at its place: about 1 ms. */
const sliceRows = 1 << 13
const stream = streamOf(Purpose.shuffling, 0)

/**
 * Fills `order` with the rows 0 … order.length − 1 in the order of one epoch: any order is equally likely, and seed and
 * epoch alone decide which. Fisher and Yates's shuffle, filling while it shuffles (Durstenfeld 1964).
 *
 * @param key low and high half of the seed
 * @param epoch counted from 0, below 2³²
 */
export function* epochOrder(order: Int32Array, key: readonly [number, number], epoch: number): Sliced<void> {
  const words = new Uint32Array(4)
  for (let start = 0; start < order.length; start += sliceRows) {
    const end = Math.min(order.length, start + sliceRows)
    for (let row = start; row < end; row++) {
      const at = (row & 1) << 1
      if (at === 0) philoxBlock(words, 0, row >>> 1, 0, epoch, stream, key[0], key[1])
      // 53 random bits: below 2³¹ rows no place is likelier than another by more than 2⁻²².
      const place = Math.floor((words[at]! + (words[at + 1]! >>> 11) * 2 ** 32) * 2 ** -53 * (row + 1))
      order[row] = order[place]!
      order[place] = row
    }
    yield
  }
}
