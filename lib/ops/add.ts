import type { Value } from '../graph/graph.js'
import { sameDimension } from '../shape.js'
import { addBias } from './add-bias.js'
import { binaryOperation } from './binary.js'
import { isNumber, type ValueOrNumber } from './operand.js'

const operation = binaryOperation('add', [({ upstream }) => upstream, ({ upstream }) => upstream])

/**
 * a + b, element by element.
 *
 * Shapes broadcast as in NumPy: they are aligned at their ends, and a size of 1, or none, is repeated. A gradient is
 * summed over the dimensions along which its operand was repeated.
 *
 * @param a any shape, or a number
 * @param b a shape that broadcasts with a's, or a number
 * @throws ShapeError for shapes that do not broadcast; TypeError for values that are not float32, and for two numbers;
 *   RangeError for a number that float32 cannot hold
 */
export function add(a: ValueOrNumber, b: ValueOrNumber): Value {
  // The same bits, and what a matmul before it takes along.
  return withBias(a, b) ?? withBias(b, a) ?? operation(a, b)
}

/** x + bias where `bias` is a vector along the last of several dimensions of x. */
function withBias(x: ValueOrNumber, bias: ValueOrNumber): Value | null {
  if (isNumber(x) || isNumber(bias) || x?.dtype !== 'float32' || bias?.dtype !== 'float32') return null
  const [size, ...more] = bias.shape
  if (more.length > 0 || typeof size !== 'number' || x.shape.length < 2) return null
  return sameDimension(x.shape.at(-1)!, size) ? addBias(x, bias) : null
}
