import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { datasetFrom, type RowDataset, type RowSample } from '../../lib/index.js'

const rows = (count: number): RowSample[] => Array.from({ length: count }, (_, row) => ({ x: [row, row / 2], y: row % 3 }))
const source = (count: number) => datasetFrom(() => rows(count), { length: count })

interface Options {
  readonly batchSize?: number
  readonly seed?: number
  readonly epoch?: number
  readonly start?: number
}

async function read(
  data: RowDataset,
  { batchSize = 7, ...rest }: Options = {}
): Promise<{ firsts: number[]; ys: number[]; sizes: number[] }> {
  const firsts: number[] = []
  const ys: number[] = []
  const sizes: number[] = []
  for await (const batch of data.batches({ batchSize, ...rest })) {
    const { data: values, shape } = batch.x as { data: Float32Array; shape: number[] }
    sizes.push(shape[0]!)
    for (let row = 0; row < shape[0]!; row++) firsts.push(values[row * shape[1]!]!)
    ys.push(...((batch.y ?? []) as number[]))
  }
  return { firsts, ys, sizes }
}

const upTo = (count: number) => Array.from({ length: count }, (_, row) => row)

describe('datasetFrom', () => {
  it('forms full batches and a rest, of any iterable', async () => {
    const { firsts, ys, sizes } = await read(source(24))
    expect(sizes).toEqual([7, 7, 7, 3])
    expect(firsts).toEqual(upTo(24))
    expect(ys).toEqual(upTo(24).map((row) => row % 3))
    const generator = datasetFrom(async function* () {
      yield* rows(1000)
    })
    expect((await read(generator, { batchSize: 300 })).sizes).toEqual([300, 300, 300, 100])
    expect(generator.length).toBeUndefined()
    expect(source(24).length).toBe(24)
  })

  it('keeps nested shapes, bytes, several values and named parts', async () => {
    const data = datasetFrom(() => [
      {
        x: {
          a: Uint8Array.of(1, 2),
          b: [
            [1, 2],
            [3, 4]
          ]
        },
        y: [1, 2],
        sampleWeight: 0.5
      },
      {
        x: {
          a: Uint8Array.of(3, 4),
          b: [
            [5, 6],
            [7, 8]
          ]
        },
        y: [3, 4],
        sampleWeight: 2
      }
    ])
    const { value } = await data.batches({ batchSize: 5 }).next()
    expect(value).toEqual({
      rowNumbers: Float64Array.of(0, 1),
      x: {
        a: { data: Uint8Array.of(1, 2, 3, 4), shape: [2, 2] },
        b: { data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), shape: [2, 2, 2] }
      },
      y: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      sampleWeight: Float32Array.of(0.5, 2)
    })
  })

  it('delivers the rows before an error of the source, then the error with the row and its cause', async () => {
    const cause = new Error('no more')
    const data = datasetFrom(function* () {
      yield* rows(17)
      throw cause
    })
    const sizes: number[] = []
    const reading = (async () => {
      for await (const { x } of data.batches({ batchSize: 7 })) sizes.push((x as { shape: number[] }).shape[0]!)
    })()
    await expect(reading).rejects.toMatchObject({
      message: 'datasetFrom: expected row 17 or the end, got an error of the source: no more',
      code: 'EVENKEEL_DATA',
      row: 17,
      cause
    })
    expect(sizes).toEqual([7, 7, 3])
  })

  it('closes the source where the reader stops', async () => {
    let closed = 0
    const data = datasetFrom(function* () {
      try {
        for (let row = 0; ; row++) yield { x: [row], y: 0 }
      } finally {
        closed++
      }
    })
    for await (const _ of data
      .shuffle(10)
      .map((row) => row)
      .batches({ batchSize: 3 }))
      break
    expect(closed).toBe(1)
    const controller = new AbortController()
    const reading = (async () => {
      for await (const _ of data.batches({ batchSize: 3, signal: controller.signal })) controller.abort(new Error('enough'))
    })()
    await expect(reading).rejects.toThrow('enough')
    expect(closed).toBe(2)
  })

  it.each([
    [
      [
        { x: [1], y: 0 },
        { x: [1, 2], y: 0 }
      ],
      'expected x of shape [1] as in the rows before, got [2] in row 1'
    ],
    [[{ x: [1], y: 0 }, { x: [1] }], 'expected x, y as in the rows before, got x in row 1'],
    [[{ x: [1] }, { x: [1], y: 0 }], 'expected x as in the rows before, got y in row 1'],
    [[{ y: 0 }], 'expected a row { x, y }, got an object in row 0'],
    [[{ x: 'text' }], "expected x to be numbers, got 'text' in row 0"],
    [['text'], "expected a row { x, y }, got 'text' in row 0"]
  ])('refuses rows %j', async (given, message) => {
    await expect(read(datasetFrom(() => given as never))).rejects.toThrow(message)
  })

  it('refuses a row unlike the first, however far away', async () => {
    const unlike = datasetFrom(function* () {
      yield* rows(600)
      yield { x: [1, 2, 3], y: 0 }
    })
    await expect(read(unlike)).rejects.toThrow('expected x of shape [2] as in the rows before, got [3] in row 600')
    const changed = source(600).map(({ x, ...rest }) => ({ x: (x as Float32Array)[0] === 500 ? [1] : x, ...rest }))
    await expect(read(changed)).rejects.toThrow('Dataset.map: expected x of shape [2] as in the rows before, got [1] in row 500')
  })

  it('delivers what a function changed before it threw, and says in which row', async () => {
    const cause = new Error('no such picture')
    const data = source(30).map((row) => {
      if ((row.x as Float32Array)[0] === 17) throw cause
      return row
    })
    const seen: number[] = []
    const reading = (async () => {
      for await (const { y } of data.batches({ batchSize: 10 })) seen.push((y as number[]).length)
    })()
    await expect(reading).rejects.toMatchObject({ name: 'DataError', row: 17, cause })
    expect(seen).toEqual([10, 7])
    await expect(
      read(
        datasetFrom(() => [
          { x: Uint8Array.of(1), y: 0 },
          { x: [0.5], y: 0 }
        ])
      )
    ).rejects.toThrow('expected x of bytes as in the rows before')
  })

  it('refuses what is no function of rows', async () => {
    expect(() => datasetFrom(rows(3) as never)).toThrow(
      'expected a function that gives the rows anew for each pass, got [an object, an object, an object]'
    )
    await expect(read(datasetFrom(() => 7 as never))).rejects.toThrow('expected the function to give an iterable of rows, got 7')
    await expect(read(source(3), { batchSize: 0 })).rejects.toThrow('expected batchSize to be an integer at least 1, got 0')
  })
})

describe('map', () => {
  const jittered = (count: number) =>
    source(count).map(({ x, y }, random) => ({
      x: [(x as Float32Array)[0]!, random.uniform(), random.normal(), random.integer(1000)],
      y: y!
    }))
  const everything = async (data: RowDataset, options: Options) => {
    const all = new Map<number, number[]>()
    for await (const { x } of data.batches({ batchSize: 5, ...options })) {
      const { data: values, shape } = x as { data: Float32Array; shape: number[] }
      for (let row = 0; row < shape[0]!; row++) all.set(values[row * 4]!, [...values.subarray(row * 4, row * 4 + 4)])
    }
    return all
  }

  it('changes a row the same way whatever the batch size, order and start; anew in the next epoch and by another seed', async () => {
    const expected = await everything(jittered(50), { batchSize: 50 })
    for (const batchSize of [1, 3, 7, 20]) expect(await everything(jittered(50), { batchSize })).toEqual(expected)
    const rest = await everything(jittered(50), { batchSize: 10, start: 3 })
    expect([...rest]).toEqual([...expected].slice(30))
    for (const other of [{ epoch: 1 }, { seed: 1 }]) {
      const changed = await everything(jittered(50), other)
      for (const [row, values] of expected) expect(changed.get(row)).not.toEqual(values)
    }
  })

  it('has random numbers with the moments they should have', async () => {
    const all = [...(await everything(jittered(20_000), {})).values()]
    const mean = (of: (values: number[]) => number) => all.reduce((sum, values) => sum + of(values), 0) / all.length
    // Five deviations of a mean over 20000: 5 / √20000 = 0.035 of the value's own.
    expect(Math.abs(mean(([, uniform]) => uniform!) - 0.5)).toBeLessThan(0.035 * Math.sqrt(1 / 12))
    expect(Math.abs(mean(([, , normal]) => normal!))).toBeLessThan(0.035)
    expect(Math.abs(mean(([, , normal]) => normal! ** 2) - 1)).toBeLessThan(0.035 * Math.SQRT2)
    expect(Math.abs(mean(([, , , integer]) => integer!) - 499.5)).toBeLessThan(0.035 * 289)
    for (const [, uniform, , integer] of all) {
      expect(uniform).toBeGreaterThanOrEqual(0)
      expect(uniform).toBeLessThan(1)
      expect(Number.isInteger(integer) && integer! < 1000).toBe(true)
    }
  })

  it('gives copies to write to, may be asynchronous, and throws for what is no row', async () => {
    const data = source(4).map(async ({ x, y }) => {
      ;(x as Float32Array)[0] = (x as Float32Array)[0]! + 100
      return { x, y: y! }
    })
    expect((await read(data)).firsts).toEqual([100, 101, 102, 103])
    await expect(read(source(4).map((() => undefined) as never))).rejects.toThrow(
      'Dataset.map: expected a row { x, y }, got undefined in row 0'
    )
    expect(() => source(4).map(3 as never)).toThrow('Dataset.map: expected a function, got 3')
  })
})

describe('shuffle', () => {
  it('gives each row once, in an order by seed and epoch alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 400 }), async (count, size) => {
        const { firsts, ys } = await read(source(count).shuffle(size))
        expect([...firsts].sort((a, b) => a - b)).toEqual(upTo(count))
        expect(ys).toEqual(firsts.map((row) => row % 3))
        // A row comes out at most `size` places early.
        for (const [place, row] of firsts.entries()) expect(row - place).toBeLessThan(size)
        expect((await read(source(count).shuffle(size), { batchSize: 64 })).firsts).toEqual(firsts)
      }),
      { numRuns: 30 }
    )
    const orders = await Promise.all([{}, { epoch: 1 }, { seed: 1 }].map((options) => read(source(500).shuffle(100), options)))
    expect(new Set(orders.map(({ firsts }) => firsts.join())).size).toBe(3)
  })

  it('delivers what it holds where the source fails', async () => {
    for (const count of [30, 300, 2000]) {
      const broken = datasetFrom(function* () {
        yield* rows(count)
        throw new Error('no more')
      })
      const seen: number[] = []
      const reading = (async () => {
        for await (const { x } of broken.shuffle(200).batches({ batchSize: 7 })) {
          const { data } = x as { data: Float32Array }
          for (let at = 0; at < data.length; at += 2) seen.push(data[at]!)
        }
      })()
      await expect(reading).rejects.toMatchObject({ name: 'DataError', row: count })
      expect(seen.sort((a, b) => a - b)).toEqual(upTo(count))
    }
  })

  it('passes over batches of the order it makes', async () => {
    const all = await read(source(300).shuffle(40))
    expect((await read(source(300).shuffle(40), { start: 11 })).firsts).toEqual(all.firsts.slice(77))
  })

  it('makes every order equally likely where the buffer holds all rows', async () => {
    const counts = new Map<string, number>()
    for (let seed = 0; seed < 2400; seed++) {
      const { firsts } = await read(source(4).shuffle(4), { seed })
      counts.set(firsts.join(), (counts.get(firsts.join()) ?? 0) + 1)
    }
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)
    expect(counts.size).toBe(24)
    // 23 degrees of freedom: above 58.6 once in 100000.
    expect(chiSquare).toBeLessThan(58.6)
  })
})

describe('filter, take, skip, split', () => {
  it('leave rows out, and know their length where it can be known', async () => {
    expect((await read(source(20).filter(({ y }) => y === 1))).firsts).toEqual([1, 4, 7, 10, 13, 16, 19])
    expect(
      (
        await read(
          source(20).filter(({ y }) => y === 1),
          { batchSize: 2, start: 2 }
        )
      ).firsts
    ).toEqual([13, 16, 19])
    expect((await read(source(20).take(5))).firsts).toEqual([0, 1, 2, 3, 4])
    expect((await read(source(20).skip(15))).firsts).toEqual([15, 16, 17, 18, 19])
    expect((await read(source(20).skip(3).take(9), { batchSize: 2, start: 3 })).firsts).toEqual([9, 10, 11])
    expect([source(20).take(5).length, source(20).skip(15).length, source(3).take(5).length, source(3).skip(5).length]).toEqual([
      5, 5, 3, 0
    ])
    expect(source(20).filter(() => true).length).toBeUndefined()
    const cause = new Error('no answer')
    const failing = source(30).filter(({ y, x }) => {
      if ((x as Float32Array)[0] === 17) throw cause
      return y !== 1
    })
    const seen: number[] = []
    const reading = (async () => {
      for await (const { y } of failing.batches({ batchSize: 5 })) seen.push((y as number[]).length)
    })()
    await expect(reading).rejects.toMatchObject({ name: 'DataError', row: 17, cause })
    expect(seen).toEqual([5, 5, 1])
    await expect(read(source(4).filter(() => 1 as never))).rejects.toThrow('Dataset.filter: expected true or false for row 0, got 1')
  })

  it('puts each row on one side of a split, the same in every epoch', async () => {
    const sides = (epoch: number) => {
      const { training, validation } = source(4000).split({ validation: 0.25, seed: 3 })
      return Promise.all([read(training, { epoch }), read(validation, { epoch })])
    }
    const [training, validation] = await sides(0)
    expect([...training.firsts, ...validation.firsts].sort((a, b) => a - b)).toEqual(upTo(4000))
    // Five deviations of a binomial: 5 · √(4000 · 0.25 · 0.75) = 137.
    expect(Math.abs(validation.firsts.length - 1000)).toBeLessThan(137)
    expect((await sides(5))[1].firsts).toEqual(validation.firsts)
    expect(() => source(3).split({ validation: 1 })).toThrow('expected validation to be a finite number above 0 and below 1, got 1')
  })
})
