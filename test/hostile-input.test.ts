import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describe as described } from '../lib/errors.js'
import {
  accuracy,
  createModel,
  defineLayer,
  linear,
  loadModel,
  type Metric,
  meanSquaredError,
  readCsv,
  readIdx,
  readIdxDataset,
  readJsonLines,
  sgd,
  softmaxCrossEntropy,
  tensor
} from '../lib/index.js'
import { kernels } from '../lib/kernels-entry.js'
import * as ops from '../lib/ops/index.js'
import { matchingNames } from '../lib/programs/patterns.js'
import { modelBackends, numbersOf, rejection, thrown } from './helpers/models.js'

describe('a value in a message', () => {
  it('is rendered, whatever it is, and never throws', () => {
    const holdsItself: unknown[] = [1]
    holdsItself.push(holdsItself)
    const { proxy, revoke } = Proxy.revocable({}, {})
    const revokedFunction = Proxy.revocable(() => {}, {})
    revoke()
    revokedFunction.revoke()
    const cases = {
      holdsItself: described(holdsItself),
      revoked: described(proxy),
      revokedFunction: described(revokedFunction.proxy),
      throwing: described(
        Object.create(null, {
          constructor: {
            get() {
              throw new Error('no')
            }
          }
        })
      ),
      symbol: described(Symbol('s')),
      holes: described(new Array(3)),
      long: described('a'.repeat(1000)).length,
      many: described(Array.from({ length: 100 }, (_, i) => i)),
      large: described(10n ** 100n).length
    }
    expect(cases).toMatchInlineSnapshot(`
      {
        "holdsItself": "[1, [1, [1, an array of 2]]]",
        "holes": "[undefined, undefined, undefined]",
        "large": 61,
        "long": 62,
        "many": "[0, 1, 2, 3, 4, 5, 6, 7, ... 100 in all]",
        "revoked": "an object that cannot be read",
        "revokedFunction": "a function",
        "symbol": "Symbol(s)",
        "throwing": "an object that cannot be read",
      }
    `)
  })
})

describe.each(modelBackends)('input that means ill, on %s', (backend) => {
  const model = () => createModel(linear(3), { input: [2], seed: 1, backend })
  const data = { x: new Float32Array(8), y: [0, 1, 2, 0] }

  it('gets an error with a code, and changes nothing', async () => {
    const net = model()
    const before = numbersOf(net)
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
    const silent: Metric = { name: 'silent', start: () => undefined as never }
    const errors = {
      'a shape of NaN': await rejection(net.predict({ data: new Float32Array(4), shape: [Number.NaN, 2] })),
      'a shape of text': await rejection(net.predict({ data: new Float32Array(4), shape: ['2', 2] as never })),
      'a shape below zero': await rejection(net.predict({ data: new Float32Array(4), shape: [-2, 2] })),
      'a signal that is none': await rejection(trainer.fit(data, { signal: { aborted: false, addEventListener() {} } as never })),
      'a metric without a tally': await rejection(net.evaluate(data, { metrics: [silent] })),
      'a URL of the web': await rejection(net.save(new URL('https://example.org/a'))),
      'a path with a NUL': await rejection(net.save('a\0b')),
      'a checkpoint of the web': await rejection(trainer.fit(data, { resume: new URL('https://example.org/a') })),
      'a hole in layers': await rejection(loadModel(new Uint8Array(8), { layers: new Array(1) as never })),
      'a hole in groups': thrown(() => sgd({ learningRate: 0.1, groups: new Array(1) as never }))
    }
    for (const [name, { code, message }] of Object.entries(errors)) {
      expect(code, name).toMatch(/^EVENKEEL_/)
      expect(message, name).toMatch(/: .*expected .*, got /)
    }
    expect(numbersOf(net)).toEqual(before)
  })

  it('is an error where a function for rows rejects, and nobody else hears of it', async () => {
    const net = model()
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
    const unheard: unknown[] = []
    const listen = (error: unknown): void => void unheard.push(error)
    process.on('unhandledRejection', listen)
    try {
      const fails = async () => Promise.reject(new Error('no rows today'))
      expect((await rejection(trainer.fit(fails as never))).message).toContain('no rows today')
      expect((await rejection(trainer.fit(data, { validation: fails as never }))).message).toContain('no rows today')
      expect((await rejection(net.evaluate(fails as never, { metrics: [accuracy()] }))).message).toContain('no rows today')
      // Node tells of them after the microtasks.
      await new Promise((resolve) => setImmediate(resolve))
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', listen)
    }
    // One that resolves is as good as one that returns.
    const rows = async () => [{ x: [1, 2], y: 1 }]
    expect((await trainer.fit(rows, { batchSize: 1 })).steps).toBe(1)
  })

  it('is refused where a model is described with what is no value', () => {
    const wrong: [string, (x: ops.Value) => unknown][] = [
      ['relu', () => ops.relu(undefined as never)],
      ['leakyRelu', (x) => ops.leakyRelu(x, Number.NaN)],
      ['sigmoid', () => ops.sigmoid([1, 2] as never)],
      ['tanh', () => ops.tanh(3 as never)],
      ['gather', (x) => ops.gather(x, undefined as never)],
      ['gather from nothing', (x) => ops.gather(null as never, x)],
      ['concat', () => ops.concat([undefined as never], 1)],
      ['oneHot', () => ops.oneHot(undefined as never, 3)],
      ['sum', () => ops.sum({} as never)],
      ['matmul', (x) => ops.matmul(x, undefined as never)]
    ]
    for (const [name, apply] of wrong) {
      const error = thrown(() => createModel((x) => apply(x) as ops.Value, { input: [2], backend }))
      expect(error.code, name).toMatch(/^EVENKEEL_/)
      expect(error.message, name).toMatch(/expected .*, got /)
    }
    const whole = thrown(() => createModel((x) => ops.relu(x), { input: { shape: [2], dtype: 'int32' }, backend }))
    expect(whole.message).toContain('expected a value of type float32, got int32')
  })

  it('does not reach the raw kernels', () => {
    const k = kernels(backend)
    const x = new Float32Array(8)
    for (const wrong of [undefined, null, 'x', {}, [1, 2], new Float64Array(8)])
      expect(thrown(() => k.batchNormForward({ x: wrong as never, shape: [2, 4, 1] })).code).toMatch(/^EVENKEEL_/)
    expect(thrown(() => k.dropoutForward({ x, rate: Number.NaN, seed: 1 })).code).toMatch(/^EVENKEEL_/)
    expect(thrown(() => k.matmul({ a: x, b: x, m: 2 ** 40, n: 1, k: 1 })).code).toMatch(/^EVENKEEL_/)
  })
})

describe('a layer of one’s own', () => {
  it('is refused where it gives no value', () => {
    const layer = defineLayer({ kind: 'void', apply: (() => undefined) as never })
    expect(thrown(() => createModel(layer(), { input: [2], backend: 'portable' })).code).toMatch(/^EVENKEEL_/)
    const net = createModel(linear(1), { input: [2], backend: 'portable' })
    expect(thrown(() => net.trainer({ loss: meanSquaredError(), optimizer: {} as never })).code).toMatch(/^EVENKEEL_/)
  })
})

describe('what a caller gets wrong', () => {
  const x = { input: [2], backend: 'portable' } as const
  const coded = async (cases: Record<string, () => unknown>) => {
    const wrong: Record<string, string> = {}
    for (const [name, body] of Object.entries(cases)) {
      const error = await (async () => body())().then(
        () => new Error('none'),
        (error) => error
      )
      if (!/^EVENKEEL_/.test(error.code) || !/expected .*, got /.test(error.message)) wrong[name] = String(error)
    }
    expect(wrong).toEqual({})
  }
  const traced = (apply: (x: ops.Value) => unknown) => () => createModel((value) => apply(value) as ops.Value, x)

  it('is told apart in every operation that takes a shape, an axis or bits', async () => {
    await coded({
      'reshape to nothing': traced((x) => ops.reshape(x, undefined as never)),
      'reshape to text': traced((x) => ops.reshape(x, 'wide' as never)),
      'reshape to NaN': traced((x) => ops.reshape(x, [Number.NaN, 2])),
      'reshape to null': traced((x) => ops.reshape(x, [null as never, 2])),
      'reshape to a hole': traced((x) => ops.reshape(x, new Array(2) as never)),
      'reshape of nothing': traced(() => ops.reshape(undefined as never, [2])),
      'split into nothing': traced((x) => ops.split(x, [null as never, 2], 1)[0]),
      'softmax over a symbol': traced((x) => ops.softmax(x, Symbol('axis') as never)),
      'softmax over a bigint': traced((x) => ops.softmax(x, -1n as never)),
      'transpose by text': traced((x) => ops.transpose(x, ['a', 'b'] as never)),
      'dropout of a rate': traced((x) => ops.dropout(x, 0.5 as never)),
      'dropout without a key': traced((x) => ops.dropout(x, { threshold: 3, key: [], stream: 0 } as never)),
      'squared error of nothing': traced((x) => ops.squaredError(x, null as never)),
      'squared error of a number': traced((x) => ops.squaredError(x, 0 as never)),
      'labels of nothing': traced((x) => ops.softmaxCrossEntropy(x, undefined as never))
    })
    expect(traced((x) => ops.reshape(x, [x.shape[0]!, 1, -1]))().outputs[0]!.shape).toEqual([1, 2])
  })

  it('is told apart where rows, paths, signals and options come in', async () => {
    const detached = new Float32Array(4)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    const predictor = createModel(linear(1), x).predictor()
    const drained = async (rows: unknown) => {
      for await (const _ of predictor.stream(rows as never)) break
    }
    const holdsItself: unknown[] = []
    holdsItself.push(holdsItself)
    await coded({
      'a stream over detached memory': () => drained(detached),
      'a row that holds itself': () => drained([holdsItself]),
      'a list of rates': () => sgd({ learningRate: [0.1, 0.01] as never }),
      'a tensor of texts': () => tensor(['1', '2'] as never),
      'a tensor of bigints': () => tensor([1n] as never),
      'a tensor with a hole': () => tensor(Object.assign(new Array(3), { 0: 1 })),
      'an option that holds itself': () =>
        defineLayer({ kind: 'loop', defaults: { a: 1 }, apply: (_, x) => x })({ a: holdsItself as never }),
      'an option of functions': () => defineLayer({ kind: 'list', defaults: { a: 1 }, apply: (_, x) => x })({ a: [() => 1] as never }),
      'numbers for an initializer': () => createModel(linear(1, { weightInitializer: new Float32Array(2) as never }), x),
      'CSV of nothing': () => readCsv(undefined as never),
      'CSV of the web': () => readCsv(new URL('https://example.org/a.csv')),
      'JSON lines with a NUL': () => readJsonLines('a\0b'),
      'IDX of a number': () => readIdx(3 as never),
      'IDX with null for options': () => readIdx('a', null as never),
      'IDX with a controller for a signal': () => readIdx('a', { signal: new AbortController() as never }),
      'IDX with a misspelled option': () => readIdx('a', { signals: undefined } as never),
      'an IDX dataset of the web': () => readIdxDataset(new URL('https://example.org/a'))
    })
  })

  it('is not left to end the process where a function that must be synchronous is not', async () => {
    const unheard: unknown[] = []
    const listen = (error: unknown): void => void unheard.push(error)
    const fails = async () => Promise.reject(new Error('too late'))
    process.on('unhandledRejection', listen)
    try {
      const filled = createModel(linear(1, { weightInitializer: { kind: 'own', options: {}, fill: fails } as never }), x)
      await coded({
        'a model function': () => createModel(fails as never, x),
        'a layer': () => createModel(defineLayer({ kind: 'late', apply: fails as never })(), x),
        'a schedule': () => {
          const rate = { kind: 'own', options: {}, at: fails } as never
          const trainer = createModel(linear(1), x).trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: rate }) })
          return trainer.step({ x: [[1, 2]], y: [[1]] })
        },
        'a metric': () => {
          const metric = { name: 'late', start: () => ({ update: fails, result: () => 1 }) } as never
          return createModel(linear(1), x).evaluate({ x: [[1, 2]], y: [[1]] }, { loss: meanSquaredError(), metrics: [metric] })
        },
        'an initializer': () => filled.predict([[1, 2]])
      })
      await new Promise((resolve) => setImmediate(resolve))
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', listen)
    }
  })

  it('costs no more than its length: patterns of many stars, and long ones', () => {
    const names = [`${'a'.repeat(100)}.weight`, 'b.bias']
    for (const pattern of [`${'*a'.repeat(40)}*b`, 'a'.repeat(100_000)])
      expect(thrown(() => matchingNames('Model.freeze', pattern, names)).code).toBe('EVENKEEL_RANGE')
  })

  it('matches patterns as a regular expression does', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 6 })
    fc.assert(
      fc.property(word, fc.array(word, { minLength: 1, maxLength: 5 }), (pattern, names) => {
        const source = pattern.split('*').map((part) => part.replaceAll('.', '\\.'))
        const expected = names.filter((name) => new RegExp(`^${source.join('.*')}$`, 's').test(name))
        if (expected.length === 0) expect(() => matchingNames('test', pattern, names)).toThrow(RangeError)
        else expect(matchingNames('test', pattern, names)).toEqual(expected)
      }),
      { seed: 11, numRuns: 500 }
    )
  })
})
