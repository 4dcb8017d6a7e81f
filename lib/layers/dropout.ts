import { checkOptions } from '../options.js'
import type { Layer } from './layer.js'
import { layerOf } from './make-layer.js'
import { checkRate } from './rate.js'

export interface DropoutOptions {
  /** Stands in the dotted path instead of the layer's position. */
  readonly name?: string
}

/**
 * Dropout (Srivastava et al. 2014, in its inverted form): in training each element is zeroed with probability t/65536,
 * t = round(rate · 65536), the others are multiplied by 65536/(65536 − t), so that the expectation is exactly the
 * input; at inference the input is passed on. Any shape. The same elements are dropped on every machine
 * and for any number of threads: they follow from the model's seed, the layer, the step and the element's place.
 *
 * @param rate 0 … 1, rounded to 1/65536: 0 passes everything on, 1 gives zeros
 * @throws RangeError for another rate; TypeError for an unknown option
 * @example sequential(linear(128), relu(), dropout(0.5), linear(10))
 */
export function dropout(rate: number, options?: DropoutOptions): Layer {
  checkRate('dropout', rate)
  const { name } = checkOptions('dropout', options, ['name'])
  return layerOf('dropout', name, { rate }, (context, x) => context.dropout(x, rate))
}
