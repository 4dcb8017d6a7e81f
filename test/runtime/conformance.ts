import { afterAll, describe, expect, it } from 'vitest'
import { BackendError } from '../../lib/errors.js'
import type { Program } from '../../lib/graph/program.js'
import { Status, type TypedArray } from '../../lib/kernels/types.js'
import type { Crossing, CrossingResult, Executor, InputBinding, Runtime } from '../../lib/runtime/runtime.js'
import { expectSameBits } from '../helpers/bits.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'
import { accumulate, accumulateReference, copy, counter, float32, labels, loop, mostRows, width } from './programs.js'

/** What any `Runtime` must do, the same for both backends. */
export function runtimeConformance(name: string, runtime: Runtime): void {
  describe(`runtime ${name}`, () => {
    const rig = new Rig(runtime)
    afterAll(() => rig.dispose())
    describe.each(['runSync', 'run'] as const)('%s', (method) => {
      stepsInOrder(rig, method)
      inputs(rig, method)
      loops(rig, method)
      failures(rig, method)
      misuse(rig, method)
    })
    agreement(rig)
    cancellation(rig)
    lifetime(rig)
    refusals(rig)
    singleCalls(runtime)
  })
}

type Method = 'run' | 'runSync'

/** Executors bound to fresh memory, and crossings in few words. */
class Rig {
  readonly #executors: Executor[] = []

  constructor(readonly runtime: Runtime) {}

  bind(program: Program): { executor: Executor; memory: Record<string, ArrayBufferLike> } {
    const memory: Record<string, ArrayBufferLike> = {}
    for (const { kind, name, bytes } of program.regions)
      if (kind !== 'input' && kind !== 'output' && kind !== 'scratch') memory[name] = this.runtime.allocate(bytes)
    const executor = this.runtime.compile(program).bind(memory)
    this.#executors.push(executor)
    return { executor, memory }
  }

  /** In memory that an asynchronous run may read. */
  shared<T extends Float32Array | Int32Array | Uint8Array>(values: T): T {
    const array = new (values.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => T)(
      this.runtime.allocate(64 + values.byteLength),
      64,
      values.length
    )
    array.set(values)
    return array
  }

  dispose(): void {
    for (const executor of this.#executors) executor.dispose()
  }
}

function crossing(
  program: Program,
  batches: readonly number[],
  inputs: readonly InputBinding[],
  slots: readonly number[] = [],
  outputs?: readonly TypedArray[]
): Crossing {
  const rows = batches.reduce((sum, batch) => sum + batch, 0)
  const regions = program.regions.filter((region) => region.kind === 'output')
  return {
    steps: batches.length,
    symbols: Float64Array.from(batches),
    slots: Float64Array.from(slots.length > 0 ? slots : Array(batches.length * program.slots.length).fill(0.5)),
    inputs,
    outputs: outputs ?? regions.map((region) => new Float32Array(new SharedArrayBuffer(rows * region.rowElements! * 4))),
    results: new Float64Array(batches.length * program.reports.length)
  }
}

const run = async (executor: Executor, method: Method, made: Crossing): Promise<CrossingResult> => executor[method](made)

const ok = (completed: number): CrossingResult => ({ completed, status: Status.ok, segment: -1, call: -1, detail: 0 })

/** The steps of `accumulate` over consecutive rows of x. */
function expected(x: Float32Array, batches: readonly number[], slopes: readonly number[], p: Float32Array) {
  const [y, reports]: number[][] = [[], []]
  let row = 0
  for (const [step, batch] of batches.entries()) {
    const result = accumulateReference([...x.subarray(row * width, (row + batch) * width)], p, slopes[step]!)
    y!.push(...result.y)
    reports!.push(result.report)
    row += batch
  }
  return { y: Float32Array.from(y!), reports: Float64Array.from(reports!) }
}

function stepsInOrder(rig: Rig, method: Method): void {
  it('runs the steps of a crossing one after the other, on batches of several sizes', async () => {
    const { executor, memory } = rig.bind(accumulate)
    const batches = [mostRows, 1, 7, 39, 7]
    const slopes = [0.1, 0.2, 0.3, -0.4, 0]
    const x = rig.shared(testRandom(3).array(94 * width))
    const y = guarded(Float32Array, 94 * width, undefined, 1, (bytes) => new SharedArrayBuffer(bytes))
    const made = crossing(
      accumulate,
      batches,
      [{ source: x }],
      slopes.flatMap((slope) => [9, slope]),
      [y.array]
    )
    expect(await run(executor, method, made)).toEqual(ok(5))
    const p = new Float32Array(mostRows * width)
    const reference = expected(x, batches, slopes, p)
    expectSameBits(y.array, reference.y)
    expectSameBits(new Float32Array(memory.p!, 0, p.length), p)
    expect(made.results).toEqual(reference.reports)
    y.intact()
  })

  it('reads and writes no more of its arrays than its steps need', async () => {
    const { executor, memory } = rig.bind(accumulate)
    const x = rig.shared(testRandom(4).array(6 * width))
    const made = crossing(
      accumulate,
      [2, 4, Number.NaN],
      [{ source: x }],
      [9, 0.1, 9, 0.2, Number.NaN, Number.NaN],
      [new Float32Array(new SharedArrayBuffer(8 * width * 4)).fill(7)]
    )
    made.results.fill(7)
    expect(await run(executor, method, { ...made, steps: 2 })).toEqual(ok(2))
    const p = new Float32Array(mostRows * width)
    const reference = expected(x, [2, 4], [0.1, 0.2], p)
    expectSameBits(made.outputs[0] as Float32Array, Float32Array.of(...reference.y, ...Array<number>(2 * width).fill(7)))
    expectSameBits(new Float32Array(memory.p!, 0, p.length), p)
    expect([...made.results]).toEqual([...reference.reports, ...Array<number>(made.results.length / 3).fill(7)])
  })

  it('does nothing in no steps, and steps of no rows', async () => {
    const { executor, memory } = rig.bind(accumulate)
    new Float32Array(memory.p!).fill(1)
    const x = rig.shared(new Float32Array(0))
    expect(await run(executor, method, crossing(accumulate, [], [{ source: x }]))).toEqual(ok(0))
    expect(await run(executor, method, crossing(accumulate, [0, 0], [{ source: x }]))).toEqual(ok(2))
    expect(new Set(new Float32Array(memory.p!, 0, mostRows * width))).toEqual(new Set([1]))
  })

  it('sees what was written to parameters between runs', async () => {
    const { executor, memory } = rig.bind(accumulate)
    const p = new Float32Array(memory.p!, 0, width)
    const x = rig.shared(Float32Array.of(1, 2, 3))
    for (const value of [5, -7, 11]) {
      p.fill(value)
      const made = crossing(accumulate, [1], [{ source: x }])
      await run(executor, method, made)
      expect([...made.outputs[0]!]).toEqual([1 + value, 2 + value, 3 + value])
    }
  })
}

function inputs(rig: Rig, method: Method): void {
  const gathered = async (batches: readonly number[], input: InputBinding): Promise<Float32Array> => {
    const made = crossing(copy, batches, [input])
    expect(await run(rig.bind(copy).executor, method, made)).toEqual(ok(batches.length))
    return made.outputs[0] as Float32Array
  }
  const random = testRandom(5)

  it('takes consecutive rows from `first` on', async () => {
    const source = rig.shared(random.array(50 * width))
    expectSameBits(await gathered([4, 9], { source, first: 11 }), source.slice(11 * width, 24 * width))
    expectSameBits(await gathered([mostRows], { source, first: 10 }), source.slice(10 * width))
  })

  it('takes rows by number, each step the next of them', async () => {
    const source = rig.shared(random.array(50 * width))
    const rows = Int32Array.from({ length: 30 }, () => random.integer(50))
    const wanted = Float32Array.from([...rows.subarray(0, 23)].flatMap((row) => [...source.subarray(row * width, (row + 1) * width)]))
    expectSameBits(await gathered([16, 7], { source, rows, first: 99 }), wanted)
  })

  it.each([
    [Uint8Array, undefined, undefined],
    [Uint8Array, 1 / 255, undefined],
    [Uint8Array, undefined, -0.1],
    [Uint8Array, 1 / 255, -0.1307],
    [Float32Array, 0.3, 0.7],
    [Float32Array, undefined, 1e-3]
  ])('widens %o with scale %d and shift %d, one rounding an operation', async (type, scale, shift) => {
    const values = Array.from({ length: 37 * width }, () => (type === Uint8Array ? random.integer(256) : random.normal()))
    const source = rig.shared(type.from(values)) as Float32Array | Uint8Array
    const rows = Int32Array.from({ length: 37 }, () => random.integer(37))
    const plain = scale === undefined && shift === undefined
    const value = (v: number) => (plain ? v : Math.fround(Math.fround(v * Math.fround(scale ?? 1)) + Math.fround(shift ?? 0)))
    const optional = { ...(scale === undefined ? {} : { scale }), ...(shift === undefined ? {} : { shift }) }
    expectSameBits(await gathered([20, 17], { source, ...optional }), Float32Array.from(source, value))
    const picked = Float32Array.from([...rows].flatMap((row) => [...source.subarray(row * width, (row + 1) * width)].map(value)))
    expectSameBits(await gathered([20, 17], { source, rows, ...optional }), picked)
  })
}

function loops(rig: Rig, method: Method): void {
  it('turns a loop as often as its symbol says, with offsets and scalars affine in the turn', async () => {
    const { executor, memory } = rig.bind(loop)
    const batches = [5, 0, 17]
    const base = [0, 1, -0.25]
    const x = rig.shared(testRandom(7).array(22 * width, 1, -0.5))
    const made = crossing(loop, batches, [{ source: x }], base)
    expect(await run(executor, method, made)).toEqual(ok(3))
    const sum = new Float32Array(width)
    const wanted: number[] = []
    let row = 0
    for (const [step, turns] of batches.entries())
      for (let turn = 0; turn < turns; turn++, row++)
        for (let i = 0; i < width; i++) {
          sum[i] = sum[i]! + x[row * width + i]!
          wanted.push(sum[i]! > 0 ? sum[i]! : Math.fround(Math.fround(0.5 + base[step]! + 0.25 * turn) * sum[i]!))
        }
    expectSameBits(made.outputs[0] as Float32Array, Float32Array.from(wanted))
    expectSameBits(new Float32Array(memory.sum!, 0, width), sum)
  })
}

function failures(rig: Rig, method: Method): void {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('stops at a step with %d before it writes', async (bad) => {
    const { executor, memory } = rig.bind(accumulate)
    const batches = [6, 6, 6, 6]
    const x = rig.shared(testRandom(9).array(24 * width))
    x[14 * width + 2] = bad
    const made = crossing(accumulate, batches, [{ source: x }])
    // Step 2 holds rows 12 to 17: element 2 of its row 2.
    expect(await run(executor, method, made)).toEqual({
      completed: 2,
      status: Status.nonFinite,
      segment: 0,
      call: 2,
      detail: 2 * width + 2
    })
    const p = new Float32Array(mostRows * width)
    const reference = expected(x, [6, 6], [0.5, 0.5], p)
    expectSameBits(new Float32Array(memory.p!, 0, p.length), p)
    expect(made.results.subarray(0, 2)).toEqual(reference.reports)
    expectSameBits((made.outputs[0] as Float32Array).subarray(0, 12 * width), reference.y)
    x[14 * width + 2] = 0
    expect(await run(executor, method, crossing(accumulate, batches, [{ source: x }]))).toEqual(ok(4))
  })

  it.each([-1, 10, 2147483647, -2147483648])('says where a label of %d is', async (label) => {
    const { executor } = rig.bind(labels)
    const source = rig.shared(Int32Array.of(0, 9, 3, 4, label, 5))
    const made = crossing(labels, [3, 3], [{ source }])
    expect(await run(executor, method, made)).toEqual({ completed: 1, status: Status.labelOutOfRange, segment: 0, call: 0, detail: 1 })
  })
}

function misuse(rig: Rig, method: Method): void {
  const x = rig.shared(testRandom(13).array(50 * width))
  const good = () => crossing(accumulate, [4, 5], [{ source: x }])
  const wrong: [string, () => Crossing][] = [
    ['a symbol above its maximum', () => ({ ...good(), symbols: Float64Array.of(4, mostRows + 1) })],
    ['a negative symbol', () => ({ ...good(), symbols: Float64Array.of(4, -1) })],
    ['a symbol that is not whole', () => ({ ...good(), symbols: Float64Array.of(4, 0.5) })],
    ['a symbol that is NaN', () => ({ ...good(), symbols: Float64Array.of(Number.NaN, 1) })],
    ['too few symbols', () => ({ ...good(), symbols: Float64Array.of(4) })],
    ['too few slots', () => ({ ...good(), slots: Float64Array.of(1, 1, 1) })],
    ['room for too few results', () => ({ ...good(), results: new Float64Array(1) })],
    ['no input', () => ({ ...good(), inputs: [] })],
    ['an input of another type', () => ({ ...good(), inputs: [{ source: rig.shared(new Int32Array(200)) }] })],
    ['too few rows', () => ({ ...good(), inputs: [{ source: x.subarray(0, 9 * width - 1) }] })],
    ['rows past the end', () => ({ ...good(), inputs: [{ source: x, first: 42 }] })],
    ['a negative first row', () => ({ ...good(), inputs: [{ source: x, first: -1 }] })],
    ['too few row numbers', () => ({ ...good(), inputs: [{ source: x, rows: new Int32Array(8) }] })],
    ['a row number past the end', () => ({ ...good(), inputs: [{ source: x, rows: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 50, 8) }] })],
    ['a negative row number', () => ({ ...good(), inputs: [{ source: x, rows: Int32Array.of(0, 1, 2, 3, 4, 5, 6, -1, 8) }] })],
    ['no output', () => ({ ...good(), outputs: [] })],
    ['an output that is too short', () => ({ ...good(), outputs: [rig.shared(new Float32Array(9 * width - 1))] })],
    ['an output of another type', () => ({ ...good(), outputs: [new Float64Array(new SharedArrayBuffer(9 * width * 8))] })]
  ]
  it.each(wrong)('refuses %s, and nothing has run', async (_, make) => {
    const { executor, memory } = rig.bind(accumulate)
    await expect(run(executor, method, make())).rejects.toThrow()
    expect(new Float32Array(memory.p!).every((value) => value === 0)).toBe(true)
    expect(await run(executor, method, good())).toEqual(ok(2))
  })
}

function agreement(rig: Rig): void {
  it('refuses a source that another thread cannot read safely', async () => {
    const { executor } = rig.bind(accumulate)
    const plain = new Float32Array(30)
    expect(executor.runSync(crossing(accumulate, [10], [{ source: plain }]))).toEqual(ok(1))
    await expect(executor.run(crossing(accumulate, [10], [{ source: plain }]))).rejects.toThrow(/SharedArrayBuffer/)
    const grows = new Float32Array(new (SharedArrayBuffer as unknown as GrowableConstructor)(120, { maxByteLength: 4096 }))
    await expect(executor.run(crossing(accumulate, [10], [{ source: grows }]))).rejects.toThrow(/SharedArrayBuffer/)
    const fixed = new Float32Array(new SharedArrayBuffer(120))
    expect(await executor.run(crossing(accumulate, [10], [{ source: fixed }]))).toEqual(ok(1))
  })

  it('refuses an output that another thread cannot write safely, and writes the others', async () => {
    const { executor } = rig.bind(accumulate)
    const x = rig.shared(testRandom(16).array(10 * width))
    const into = (output: Float32Array) => crossing(accumulate, [10], [{ source: x }], [], [output])
    const bytes = 10 * width * 4
    const grows = new (SharedArrayBuffer as unknown as GrowableConstructor)(bytes, { maxByteLength: 4096 })
    for (const output of [new Float32Array(10 * width), new Float32Array(grows)])
      await expect(executor.run(into(output))).rejects.toThrow(/SharedArrayBuffer/)
    const expected = new Float32Array(10 * width)
    rig.bind(accumulate).executor.runSync(into(expected))
    const [library, shared] = [rig.shared(new Float32Array(10 * width)), new Float32Array(new SharedArrayBuffer(bytes))]
    for (const output of [library, shared]) {
      expect(await rig.bind(accumulate).executor.run(into(output))).toEqual(ok(1))
      expectSameBits(output, expected)
    }
  })

  it('reads the arrays of a crossing when it is called', async () => {
    const { executor } = rig.bind(accumulate)
    const x = rig.shared(testRandom(15).array(50 * width))
    const made = crossing(accumulate, [4, 4], [{ source: x, rows: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8) }])
    const before = { symbols: made.symbols.slice(), slots: made.slots.slice() }
    const promise = executor.run(made)
    made.symbols.fill(40)
    made.slots.fill(9)
    made.inputs[0]!.rows!.fill(-5)
    expect(await promise).toEqual(ok(2))
    const again = crossing(accumulate, [4, 4], [{ source: x, rows: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8) }])
    rig.bind(accumulate).executor.runSync({ ...again, ...before })
    expectSameBits(made.outputs[0] as Float32Array, again.outputs[0] as Float32Array)
  })

  it('runs crossings of one executor in the order of their calls, and of several at once', async () => {
    const bound = [rig.bind(accumulate), rig.bind(accumulate)]
    const x = rig.shared(testRandom(17).array(20 * width))
    const made = Array.from({ length: 8 }, () => crossing(accumulate, [20], [{ source: x }]))
    const order: number[] = []
    await Promise.all(made.map((one, i) => bound[i % 2]!.executor.run(one).then(() => order.push(i))))
    expect(order.filter((i) => i % 2 === 0)).toEqual([0, 2, 4, 6])
    const p = new Float32Array(mostRows * width)
    for (let i = 0; i < 4; i++) {
      const reference = expected(x, [20], [0.5], p)
      for (const one of [made[2 * i]!, made[2 * i + 1]!]) expectSameBits(one.outputs[0] as Float32Array, reference.y)
    }
    for (const { memory } of bound) expectSameBits(new Float32Array(memory.p!, 0, p.length), p)
  })

  it('refuses a synchronous run while an asynchronous one is on its way', async () => {
    const { executor } = rig.bind(accumulate)
    const x = rig.shared(new Float32Array(mostRows * width))
    const promise = executor.run(crossing(accumulate, [5], [{ source: x }]))
    expect(() => executor.runSync(crossing(accumulate, [5], [{ source: x }]))).toThrow(BackendError)
    expect(await promise).toEqual(ok(1))
    expect(executor.runSync(crossing(accumulate, [5], [{ source: x }]))).toEqual(ok(1))
  })
}

type GrowableConstructor = new (bytes: number, options: { maxByteLength: number }) => SharedArrayBuffer

function cancellation(rig: Rig): void {
  it('stops before the next step when it is cancelled, and runs again', async () => {
    const { executor, memory } = rig.bind(counter)
    const x = rig.shared(new Float32Array(width).fill(1))
    const steps = 1_000_000
    const made = {
      ...crossing(counter, [], [{ source: x, rows: new Int32Array(steps) }]),
      steps,
      symbols: new Float64Array(steps).fill(1),
      results: new Float64Array(steps)
    }
    const promise = executor.run(made)
    const p = new Float32Array(memory.p!, 0, width)
    // In the middle: some steps have run.
    while (p[0] === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    executor.cancel()
    const { completed, ...result } = await promise
    expect(result).toEqual({ status: Status.ok, segment: -1, call: -1, detail: 0 })
    expect(completed).toBeGreaterThan(0)
    expect(completed).toBeLessThan(steps)
    expect([...p]).toEqual([completed, completed, completed])
    expect(made.results[completed - 1]).toBe(completed)
    expect(await executor.run(crossing(counter, [1], [{ source: x }]))).toEqual(ok(1))
    expect([...p]).toEqual([completed + 1, completed + 1, completed + 1])
  })

  it('is no matter when nothing is on its way', async () => {
    const { executor } = rig.bind(accumulate)
    executor.cancel()
    const x = rig.shared(new Float32Array(mostRows * width))
    expect(await executor.run(crossing(accumulate, [3, 3], [{ source: x }]))).toEqual(ok(2))
    executor.cancel()
    expect(executor.runSync(crossing(accumulate, [3, 3], [{ source: x }]))).toEqual(ok(2))
  })
}

function lifetime(rig: Rig): void {
  it('refuses use after dispose, which may be called twice', async () => {
    const { executor } = rig.bind(copy)
    const x = rig.shared(new Float32Array(width))
    const promise = executor.run(crossing(copy, [1], [{ source: x }]))
    executor.dispose()
    executor.dispose()
    expect(await promise).toEqual(ok(1))
    await expect(executor.run(crossing(copy, [1], [{ source: x }]))).rejects.toThrow(BackendError)
    expect(() => executor.runSync(crossing(copy, [1], [{ source: x }]))).toThrow(BackendError)
    const compiled = rig.runtime.compile(copy)
    compiled.dispose()
    compiled.dispose()
    expect(() => compiled.bind({})).toThrow(BackendError)
  })

  it('keeps nothing in scratch that another executor needs', async () => {
    const x = rig.shared(testRandom(19).array(mostRows * width))
    const [a, b] = [rig.bind(accumulate), rig.bind(loop)]
    const once = crossing(accumulate, [mostRows], [{ source: x }])
    a.executor.runSync(once)
    b.executor.runSync(crossing(loop, [mostRows], [{ source: x }]))
    const reference = rig.bind(accumulate)
    const [twice, other] = [
      crossing(accumulate, [mostRows], [{ source: x }]),
      crossing(accumulate, [mostRows, mostRows], [{ source: rig.shared(Float32Array.from([...x, ...x])) }])
    ]
    a.executor.runSync(twice)
    reference.executor.runSync(other)
    expectSameBits(twice.outputs[0] as Float32Array, (other.outputs[0] as Float32Array).subarray(mostRows * width))
  })
}

function refusals(rig: Rig): void {
  const change = (edit: (program: { -readonly [K in keyof Program]: Program[K] }) => void): Program => {
    const program = structuredClone(accumulate) as { -readonly [K in keyof Program]: Program[K] }
    edit(program)
    return program
  }
  const firstCall = (edit: object): Program =>
    change((program) => {
      const [compute, commit] = program.segments
      program.segments = [{ ...compute!, calls: [{ ...compute!.calls[0]!, ...edit }, ...compute!.calls.slice(1)] }, commit!]
    })
  const wrong: [string, Program][] = [
    ['an unknown kernel', firstCall({ kernel: 'subtract' })],
    ['too few operands', firstCall({ operands: [float32(1), float32(0)] })],
    ['too few dims', firstCall({ dims: [] })],
    ['too many scalars', firstCall({ scalars: [1] })],
    ['a missing operand', firstCall({ operands: [float32(1), null, float32(2)] })],
    ['a region that is not there', firstCall({ operands: [float32(1), float32(9), float32(2)] })],
    ['an offset inside an element', firstCall({ operands: [float32(1), float32(0, 2), float32(2)] })],
    ['a negative offset', firstCall({ operands: [float32(1), float32(0, -4), float32(2)] })],
    ['another dtype', firstCall({ operands: [float32(1), { region: 0, offset: 0, dtype: 'int32' }, float32(2)] })],
    ['an input that is written', firstCall({ operands: [float32(0), float32(0), float32(2)] })],
    ['a parameter that is written before the commit', firstCall({ operands: [float32(2), float32(0), float32(2)] })],
    ['an unknown symbol', firstCall({ dims: [{ constant: 0, terms: { time: 1 } }] })],
    ['a dim that is not whole', firstCall({ dims: [1.5] })],
    ['a compute segment after a commit', change((program) => (program.segments = [...program.segments].reverse()))],
    ['a slot that is not there', change((program) => (program.slots = ['unused']))],
    [
      'a region of no kind',
      change((program) => (program.regions = [{ ...program.regions[0]!, kind: 'disk' as 'input' }, ...program.regions.slice(1)]))
    ],
    [
      'an input too small for its rows',
      change((program) => (program.regions = [{ ...program.regions[0]!, bytes: 4 }, ...program.regions.slice(1)]))
    ],
    ['a report outside its region', change((program) => (program.reports = [{ name: 'loss', source: float32(2, mostRows * width * 4) }]))],
    [
      'a report that is no float32',
      change((program) => (program.reports = [{ name: 'loss', source: { region: 2, offset: 0, dtype: 'int32' } }]))
    ]
  ]
  it.each(wrong)('refuses to compile %s', (_, program) => {
    expect(() => rig.runtime.compile(program)).toThrow(BackendError)
  })

  it('refuses an operand that leaves its region, when it is compiled or before it runs', async () => {
    const beyond = firstCall({ operands: [float32(1), float32(0), float32(2, 4)] })
    const attempt = (): CrossingResult => {
      const memory = { p: rig.runtime.allocate(mostRows * width * 4) }
      const executor = rig.runtime.compile(beyond).bind(memory)
      return executor.runSync(crossing(beyond, [mostRows], [{ source: rig.shared(new Float32Array(mostRows * width)) }]))
    }
    expect(attempt).toThrow(BackendError)
  })

  it('refuses memory that is missing or too small', () => {
    const compiled = rig.runtime.compile(accumulate)
    expect(() => compiled.bind({})).toThrow(BackendError)
    expect(() => compiled.bind({ p: rig.runtime.allocate(mostRows * width * 4 - 4) })).toThrow(BackendError)
  })

  it('says so when there is no memory left', () => {
    expect(() => rig.runtime.allocate(2 ** 52)).toThrow(expect.objectContaining({ code: 'EVENKEEL_OUT_OF_MEMORY' }))
  })
}

function singleCalls(runtime: Runtime): void {
  it('calls one kernel, and checks its arguments', () => {
    const out = guarded(Float32Array, 5)
    const [a, b] = [Float32Array.of(1, 2, 3, 4, 5), Float32Array.of(10, 20, 30, 40, 50)]
    expect(runtime.call('add', [out.array, a, b], [5], [])).toEqual({ status: Status.ok, detail: 0 })
    expect([...out.array]).toEqual([11, 22, 33, 44, 55])
    out.intact()
    expect(runtime.call('checkFinite', [Float32Array.of(1, Number.NaN, 3)], [3], [])).toEqual({ status: Status.nonFinite, detail: 1 })
    expect(() => runtime.call('add', [out.array, a, b], [6], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a], [5], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a, null], [5], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a, new Float64Array(5)], [5], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a, b], [-1], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a, b], [2.5], [])).toThrow()
    expect(() => runtime.call('add', [out.array, a, b], [5], [1])).toThrow()
    expect(() => runtime.call('subtract' as 'add', [out.array, a, b], [5], [])).toThrow()
  })

  it.each([Float32Array, Float64Array, Int32Array, Uint8Array])('gathers rows of %o', (type) => {
    const source = type.from(Array(30).keys())
    const target = guarded<Float32Array | Float64Array | Int32Array | Uint8Array>(type, 9)
    runtime.gather(target.array, source, 3, { rows: Int32Array.of(9, 0, 4), count: 3 })
    expect([...target.array]).toEqual([27, 28, 29, 0, 1, 2, 12, 13, 14])
    runtime.gather(target.array, source, 3, { first: 7, count: 3 })
    expect([...target.array]).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29])
    target.intact()
  })

  it('refuses to gather rows that are not there, and keeps the target', () => {
    const [source, target] = [new Float32Array(30).fill(1), new Float32Array(9)]
    const refuse = (selection: Parameters<Runtime['gather']>[3], error: typeof RangeError | typeof Error = RangeError) =>
      expect(() => runtime.gather(target, source, 3, selection)).toThrow(error)
    refuse({ rows: Int32Array.of(0, 10, 1), count: 3 })
    refuse({ rows: Int32Array.of(0, 1, -1), count: 3 })
    refuse({ first: 8, count: 3 })
    refuse({ first: -1, count: 3 })
    refuse({ first: 0, count: 4 })
    refuse({ rows: Int32Array.of(0, 1), count: 3 })
    expect(() => runtime.gather(target, new Int32Array(30) as TypedArray, 3, { count: 3 })).toThrow()
    expect(target.every((value) => value === 0)).toBe(true)
  })
}
