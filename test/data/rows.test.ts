import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finishPaced, sliceElements } from '../../lib/data/pace.js'
import { assertSameRows, assertStable, type InputRequest, inputRows, type RowSource, rowRange, targetRows } from '../../lib/data/rows.js'
import { finish } from '../../lib/sliced.js'
import { tensor } from '../../lib/tensor.js'

const x = (value: unknown, rowShape: readonly number[] = [2], rest: Partial<InputRequest> = {}): RowSource =>
  finish(inputRows('fit', value, { rowShape, ...rest }))
const labels = (value: unknown, classes?: number): RowSource =>
  finish(targetRows('fit', value, { target: 'classes', rowShape: [3], ...(classes === undefined ? {} : { classes }) }))
const values = (value: unknown, rowShape: readonly number[] = [2]): RowSource =>
  finish(targetRows('fit', value, { target: 'values', rowShape }))

describe('x: what is used where it stands', () => {
  it('Float32Array, with its byte offset', () => {
    const all = Float32Array.of(9, 1, 2, 3, 4, 9)
    const source = x(all.subarray(1, 5))
    expect(source).toMatchObject({ name: 'x', rows: 2, rowShape: [2], rowElements: 2, shared: false })
    expect(source.data).toEqual(Float32Array.of(1, 2, 3, 4))
    all[1] = 7
    expect(source.data[0]).toBe(7)
  })

  it('tensors', () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6)
    const source = x(tensor(data, [3, 2]))
    expect(source.rows).toBe(3)
    expect(source.data.buffer).toBe(data.buffer)
    expect(x({ data: Uint8Array.of(1, 2), shape: [1, 2] }).data).toBeInstanceOf(Uint8Array)
  })

  it('bytes stay bytes, with the scale and shift of the input', () => {
    const buffer = Buffer.from([7, 1, 2, 3, 4]).subarray(1)
    const source = x(buffer, [2], { scale: 1 / 255, shift: -0.5 })
    expect(source).toMatchObject({ rows: 2, scale: 1 / 255, shift: -0.5 })
    expect(source.data.constructor).toBe(Uint8Array)
    expect([...source.data]).toEqual([1, 2, 3, 4])
    expect(x(Uint8ClampedArray.of(5, 6)).data).toEqual(Uint8Array.of(5, 6))
    expect('scale' in x(buffer)).toBe(false)
  })

  it('says which memory an asynchronous run may read in place', () => {
    const fixed = new Float32Array(new SharedArrayBuffer(16))
    expect(x(fixed)).toMatchObject({ shared: true, rows: 2 })
    expect(x(fixed).data.buffer).toBe(fixed.buffer)
    const growing = new Function('return new SharedArrayBuffer(16, { maxByteLength: 64 })')() as SharedArrayBuffer
    expect(x(new Float32Array(growing)).shared).toBe(false)
  })

  it('arrays of another realm', () => {
    const foreign = runInNewContext('Float32Array.of(1, 2, 3, 4)') as unknown
    expect(x(foreign).data.constructor).toBe(Float32Array)
    expect([...x(foreign).data]).toEqual([1, 2, 3, 4])
    expect(x(runInNewContext('[[1, 2]]')).rows).toBe(1)
  })
})

describe('x: what is converted', () => {
  it.each([
    [Float64Array.of(0.1, 2, 3, 4)],
    [Int16Array.of(-1, 2, 3, 4)],
    [Uint32Array.of(1, 2, 3, 2 ** 24 + 1)],
    [Int8Array.of(-1, 2, 3, 4)]
  ])('%o', (array) => {
    const source = x(array)
    expect(source).toMatchObject({ rows: 2, shared: true })
    expect(source.data).toEqual(Float32Array.from(array))
  })

  it('nested arrays, flat ones, and rows that are typed arrays', () => {
    expect(
      x([
        [1, 2],
        [3, 4],
        [5, 6]
      ]).data
    ).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    expect(x([1, 2, 3, 4])).toMatchObject({ rows: 2 })
    expect(x([Float32Array.of(1, 2), Float64Array.of(0.1, 4), [5, 6]]).data).toEqual(Float32Array.of(1, 2, 0.1, 4, 5, 6))
    const deep = [
      [
        [1, 2],
        [3, 4]
      ],
      [
        [5, 6],
        [7, 8]
      ]
    ]
    expect(x(deep, [2, 2])).toMatchObject({ rows: 2, rowElements: 4 })
    expect([...x(deep, [2, 2]).data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(x([Float32Array.of(1, 2, 3, 4)], [2, 2]).rows).toBe(1)
    expect(x([1, 2, 3], []).rows).toBe(3)
    expect(x([]).rows).toBe(0)
  })

  it('NaN and infinities pass: the step refuses them', () => {
    expect([...x([[Number.NaN, Infinity]]).data]).toEqual([Number.NaN, Infinity])
    expect(x(Float64Array.of(1e300, 1)).data[0]).toBe(Infinity)
  })

  it('any nested shape holds what Float32Array.from of the flat numbers holds', () => {
    const nest = (flat: number[], shape: number[]): unknown =>
      shape.length === 1
        ? flat
        : Array.from({ length: shape[0]! }, (_, i) =>
            nest(flat.slice((i * flat.length) / shape[0]!, ((i + 1) * flat.length) / shape[0]!), shape.slice(1))
          )
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), shapes, fc.infiniteStream(fc.double()), (rows, rowShape, stream) => {
        const count = rows * rowShape.reduce((a, b) => a * b, 1)
        const flat = Array.from({ length: count }, () => stream.next().value as number)
        const source = x(nest(flat, [rows, ...rowShape]), rowShape)
        expect(source.rows).toBe(rows)
        expect(source.data).toEqual(Float32Array.from(flat))
      })
    )
  })

  it('long conversions are cut: rows, one long row, one long typed row, flat numbers', () => {
    const length = sliceElements * 3 + 5
    const flat = Array.from({ length }, (_, i) => i % 1000)
    const cases: [unknown, number[]][] = [
      [flat.map((value) => [value]), [1]],
      [[flat], [length]],
      [[Float64Array.from(flat)], [length]],
      [flat, []],
      [Int32Array.from({ length: 1 << 20 }, (_, i) => i), [1]]
    ]
    for (const [value, rowShape] of cases) {
      const work = inputRows('fit', value, { rowShape })
      let slices = 0
      let turn = work.next()
      for (; !turn.done; turn = work.next()) slices++
      expect(slices).toBeGreaterThanOrEqual(3)
      expect(turn.value.data.length).toBe(turn.value.rows * turn.value.rowElements)
      expect(turn.value.data[length - 1]).toBe(Array.isArray(value) ? (length - 1) % 1000 : length - 1)
    }
  })

  it('changes meanwhile are noticed', async () => {
    const array = new Float64Array(1 << 20)
    const run = finishPaced(
      (function* () {
        const work = inputRows('fit', array, { rowShape: [1] })
        work.next()
        structuredClone(array.buffer, { transfer: [array.buffer] })
        return yield* work
      })()
    )
    await expect(run).rejects.toThrowErrorMatchingInlineSnapshot(
      `[RangeError: fit: expected x to keep its 1048576 numbers while they are read, got 0]`
    )
    const rows = Array.from({ length: sliceElements + 10 }, () => [1])
    const work = inputRows('fit', rows, { rowShape: [1] })
    work.next()
    rows.length = 10
    expect(() => finish(work)).toThrowErrorMatchingInlineSnapshot(`[ShapeError: fit: expected x to have 8202 numbers or arrays, got 10]`)
  })
})

describe('x: what is refused', () => {
  it.each<[string, unknown, readonly number[]]>([
    ['a length that is no whole number of rows', new Float32Array(785), [784]],
    ['a flat array of the wrong length', [1, 2, 3], [2]],
    ['a ragged row', [[1, 2], [3]], [2]],
    [
      'a row too long',
      [
        [1, 2],
        [3, 4, 5]
      ],
      [2]
    ],
    ['a typed row of the wrong length', [Float32Array.of(1, 2), new Float32Array(3)], [2]],
    ['rows of the wrong depth', [[1, 2, 3, 4]], [2, 2]],
    ['a string', [[1, '2']], [2]],
    ['a hole', [[1, undefined]], [2]],
    ['null', null, [2]],
    ['undefined', undefined, [2]],
    ['a tensor without a batch', { data: new Float32Array(2), shape: [2] }, [2]],
    ['a tensor of other rows', { data: new Float32Array(6), shape: [2, 3] }, [2]],
    ['a tensor whose data are short', { data: new Float32Array(3), shape: [2, 2] }, [2]],
    ['bigints', BigInt64Array.of(1n, 2n), [2]],
    ['a list of bigint arrays', [BigInt64Array.of(1n, 2n)], [2]],
    ['an ArrayBuffer', new ArrayBuffer(8), [2]],
    ['a promise', Promise.resolve([[1, 2]]), [2]],
    // A map and not an iterator: newer versions of Node name iterators' constructor.
    ['a map', new Map([[1, 2]]), [2]],
    [
      'deep raggedness',
      [
        [
          [1, 2],
          [3, 4]
        ],
        [[5, 6], [7]]
      ],
      [2, 2]
    ]
  ])('%s', (_, value, rowShape) => {
    let message = ''
    try {
      x(value, rowShape)
    } catch (error) {
      expect(error).toHaveProperty('code')
      message = String(error)
    }
    expect(message).toMatchSnapshot()
  })

  it('detached and shrunk memory', () => {
    const array = Float32Array.of(1, 2)
    structuredClone(array.buffer, { transfer: [array.buffer] })
    expect(() => x(array)).toThrowErrorMatchingInlineSnapshot(
      `[TypeError: fit: expected x with its memory, got a detached Float32Array. Its buffer was transferred or resized; pass a copy, or the data before the transfer]`
    )
    expect(() => x({ data: array, shape: [1, 2] })).toThrow(expect.objectContaining({ code: 'EVENKEEL_DETACHED' }))
    expect(() => x([array])).toThrow(expect.objectContaining({ code: 'EVENKEEL_DETACHED' }))
    const resizable = new Function('return new ArrayBuffer(16, { maxByteLength: 64 })')() as ArrayBuffer & { resize(n: number): void }
    const view = new Float32Array(resizable, 0, 4)
    const source = x(view)
    expect(() => assertStable('fit', source)).not.toThrow()
    resizable.resize(8)
    expect(() => x(view)).toThrow(expect.objectContaining({ code: 'EVENKEEL_DETACHED' }))
    expect(() => assertStable('fit', source)).toThrow(expect.objectContaining({ code: 'EVENKEEL_DETACHED' }))
  })
})

describe('y as class numbers', () => {
  it.each([
    [[0, 2, 1]],
    [Uint8Array.of(0, 2, 1)],
    [Uint8ClampedArray.of(0, 2, 1)],
    [Buffer.from([0, 2, 1])],
    [Int8Array.of(0, 2, 1)],
    [Int16Array.of(0, 2, 1)],
    [Uint16Array.of(0, 2, 1)],
    [Uint32Array.of(0, 2, 1)],
    [BigInt64Array.of(0n, 2n, 1n)],
    [BigUint64Array.of(0n, 2n, 1n)],
    [{ data: Int32Array.of(0, 2, 1), shape: [3] }]
  ])('%o', (value) => {
    const source = labels(value, 3)
    expect(source).toMatchObject({ name: 'y', rows: 3, rowShape: [], rowElements: 1 })
    expect(source.data).toEqual(Int32Array.of(0, 2, 1))
  })

  it('an Int32Array is used where it stands', () => {
    const y = Int32Array.of(1, 1, 0)
    expect(labels(y)).toMatchObject({ shared: false })
    expect(labels(y).data.buffer).toBe(y.buffer)
    expect(labels(new Int32Array(new SharedArrayBuffer(8))).shared).toBe(true)
  })

  it.each<[string, unknown, number | undefined]>([
    ['a class too high', [...Array(17).fill(0), 12], 10],
    ['classes counted from 1', [1, 2, 3], 3],
    ['a negative class', Int32Array.of(0, -1), 3],
    ['half a class', [0.5], 3],
    ['NaN', [Number.NaN], undefined],
    ['a huge bigint', BigInt64Array.of(2n ** 60n), undefined],
    ['a class beyond int32', Uint32Array.of(2 ** 31), undefined],
    ['strings', ['cat'], 3],
    ['one-hot rows', [[0, 1, 0]], 3],
    ['one-hot floats', Float32Array.of(0, 1, 0), 3],
    ['a tensor of one-hot rows', { data: Int32Array.of(0, 1, 0), shape: [1, 3] }, 3],
    ['nothing', undefined, 3],
    ['a string', 'cat', 3]
  ])('refuses %s', (_, value, classes) => {
    let message = ''
    try {
      labels(value, classes)
    } catch (error) {
      expect(error).toHaveProperty('code')
      message = String(error)
    }
    expect(message).toMatchSnapshot()
  })

  it('long ones are cut', () => {
    const work = targetRows('fit', new Uint8Array(sliceElements * 4), { target: 'classes', rowShape: [3], classes: 3 })
    let slices = 0
    while (!work.next().done) slices++
    expect(slices).toBe(4)
  })
})

describe('y as values', () => {
  it('is float32 of the output shape, bytes and integers widened', () => {
    expect(
      values([
        [1, 2],
        [3, 4]
      ])
    ).toMatchObject({ name: 'y', rows: 2, rowElements: 2 })
    expect(values([0.5, 1, 2], [1]).data).toEqual(Float32Array.of(0.5, 1, 2))
    expect(values(Uint8Array.of(1, 2)).data).toEqual(Float32Array.of(1, 2))
    expect(values(Float32Array.of(1, 2)).shared).toBe(false)
    expect(() => values([[1], [2]])).toThrow(RangeError)
  })
})

describe('row sources', () => {
  it('ranges are views', () => {
    const source = x(Uint8Array.of(0, 1, 2, 3, 4, 5), [2], { scale: 2 })
    const range = rowRange(source, 1, 2)
    expect(range).toMatchObject({ rows: 2, scale: 2, rowElements: 2 })
    expect([...range.data]).toEqual([2, 3, 4, 5])
    expect(range.data.buffer).toBe(source.data.buffer)
  })

  it('x and y need as many rows', () => {
    expect(() => assertSameRows('fit', x([[1, 2]]), labels([1]))).not.toThrow()
    expect(() => assertSameRows('trainer.fit', x([[1, 2]]), labels([1, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: trainer.fit: expected y to have 1 rows as x has, got 2]`
    )
  })
})
