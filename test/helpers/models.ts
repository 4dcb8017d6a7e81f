import {
  batchNorm,
  createModel,
  dropout,
  linear,
  type Model,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  type Trainer,
  weightNorm
} from '../../lib/index.js'
import { testRandom } from './random.js'
import { runtimes } from './runtimes.js'

/** Backends that a model can run on here. */
export const modelBackends: readonly ('portable' | 'native')[] = runtimes.length > 1 ? ['portable', 'native'] : ['portable']

export type Backend = (typeof modelBackends)[number]

/** Everything this library is about, small: weight norm, batch norm, dropout. */
export function toyModel(backend: Backend, options: { seed?: number; threads?: number; rate?: number } = {}): Model {
  const { seed = 7, threads, rate = 0.2 } = options
  return createModel(sequential(weightNorm(linear(16)), batchNorm(), relu(), dropout(rate), linear(3)), {
    input: [4],
    seed,
    backend,
    ...(threads === undefined ? {} : { threads })
  })
}

export function toyTrainer(net: Model, learningRate = 0.05): Trainer {
  return net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate, momentum: 0.9 }) })
}

/** Three classes that a small network tells apart. */
export function toyData(rows = 200, seed = 1): { x: Float32Array; y: Int32Array } {
  const random = testRandom(seed)
  const y = Int32Array.from({ length: rows }, () => random.integer(3))
  const x = random.array(rows * 4, 0.5)
  for (let row = 0; row < rows; row++) x[row * 4 + y[row]!]! += 2
  return { x, y }
}

/** Copies of all numbers of a model, to hold against later. */
export function numbersOf(net: Pick<Model, 'parameters' | 'buffers'>): Record<string, number[]> {
  return Object.fromEntries(Object.entries({ ...net.parameters, ...net.buffers }).map(([name, { data }]) => [name, [...data]]))
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error & { code?: string }
  }
  throw new Error('expected a rejection')
}

export function thrown(body: () => unknown): Error & { code?: string } {
  try {
    body()
  } catch (error) {
    return error as Error & { code?: string }
  }
  throw new Error('expected a throw')
}
