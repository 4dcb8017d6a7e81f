import { philoxBlock } from '../random.js'
import type { InitializerRequest } from './layer.js'

/**
 * Random numbers for the elements start … end − 1 of a parameter. Element i takes word i % 4 of Philox block
 * ⌊i/4⌋ of the parameter's stream, so the cut into slices changes nothing.
 */
type Draws = Pick<InitializerRequest, 'key' | 'stream' | 'start' | 'end'>

const words = new Uint32Array(4)
const toUnit = 2 ** -32

function draw(block: number, { key, stream }: Draws): void {
  philoxBlock(words, 0, block, Math.floor(block / 2 ** 32), 0, stream, key[0], key[1])
}

/** Equally likely in (−1, 1), never the ends: the middle of one of 2³² equal parts. */
export function eachUniform(draws: Draws, take: (index: number, value: number) => void): void {
  const { start, end } = draws
  for (let block = Math.floor(start / 4); block * 4 < end; block++) {
    draw(block, draws)
    const last = Math.min(end, block * 4 + 4)
    for (let i = Math.max(start, block * 4); i < last; i++) take(i, (words[i % 4]! + 0.5) * toUnit * 2 - 1)
  }
}

/**
 * Standard normal numbers by Box and Muller (1958): each two words make two numbers. The largest is 6.8: what lies
 * beyond has a probability of 2⁻³³, less than one word can tell.
 */
export function eachNormal(draws: Draws, take: (index: number, value: number) => void): void {
  const { start, end } = draws
  for (let block = Math.floor(start / 4); block * 4 < end; block++) {
    draw(block, draws)
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = Math.sqrt(-2 * Math.log((words[pair]! + 0.5) * toUnit))
      const angle = 2 * Math.PI * (words[pair + 1]! + 0.5) * toUnit
      const i = block * 4 + pair
      if (i >= start && i < end) take(i, radius * Math.cos(angle))
      if (i + 1 >= start && i + 1 < end) take(i + 1, radius * Math.sin(angle))
    }
  }
}
