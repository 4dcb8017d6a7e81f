import { describe, expect, it } from 'vitest'
import type { Program } from '../../lib/graph/program.js'
import { kernelTable } from '../../lib/kernels/table.js'
import { loadAddon } from '../../lib/runtime/addon.js'
import { encodeProgram, streamVersion } from '../../lib/runtime/encode.js'
import { addon, reason } from '../helpers/backends.js'
import { testRandom } from '../helpers/random.js'

const rows = 6
const width = 5

/** A loop, an optional operand left out, slots, strides, two phases, a report: every kind of word. */
const program: Program = {
  symbols: [
    { name: 'batch', maximum: rows },
    { name: 'time', maximum: 4 }
  ],
  slots: ['slope', 'unused'],
  regions: [
    {
      kind: 'input',
      name: 'x',
      bytes: rows * width * 4,
      rows: { constant: 0, terms: { batch: 1 } },
      rowElements: width,
      dtype: 'float32'
    },
    {
      kind: 'output',
      name: 'y',
      bytes: rows * width * 4,
      rows: { constant: 0, terms: { batch: 1 } },
      rowElements: width,
      dtype: 'float32'
    },
    { kind: 'parameter', name: 'p', bytes: 256 },
    { kind: 'scratch', name: 's', bytes: 4 * rows * width * 4 }
  ],
  segments: [
    {
      phase: 'compute',
      count: { constant: 0, terms: { time: 1 } },
      calls: [
        {
          kernel: 'add',
          operands: [
            { region: 3, offset: 0, stride: rows * width * 4, dtype: 'float32' },
            { region: 0, offset: 0, dtype: 'float32' },
            { region: 2, offset: 0, dtype: 'float32' }
          ],
          dims: [{ constant: 0, terms: { batch: width } }],
          scalars: [],
          label: 'sum'
        },
        {
          kernel: 'activationForward',
          operands: [
            { region: 1, offset: 0, dtype: 'float32' },
            { region: 3, offset: 0, stride: rows * width * 4, dtype: 'float32' }
          ],
          dims: [{ constant: 0, terms: { batch: width } }],
          scalars: [2, { constant: 0.1, slot: 0, perTurn: 0.25 }],
          label: 'leaky'
        }
      ]
    },
    {
      phase: 'commit',
      count: 1,
      calls: [
        {
          kernel: 'add',
          operands: [
            { region: 2, offset: 0, dtype: 'float32' },
            { region: 2, offset: 0, dtype: 'float32' },
            { region: 3, offset: 64, dtype: 'float32' }
          ],
          dims: [4],
          scalars: [],
          label: 'update'
        }
      ]
    }
  ],
  reports: [{ name: 'first', source: { region: 3, offset: 4, dtype: 'float32' } }]
}

describe.skipIf(!addon)(`streams of Programs${reason ? ` (skipped: ${reason})` : ''}`, () => {
  const native = () => loadAddon().addon!
  const target = () =>
    native()
      .targets()
      .findIndex(({ supported }) => supported)
  const number = (name: string) =>
    native()
      .kernels()
      .findIndex((kernel) => kernel.name === name)
  const valid = () => encodeProgram(program, number)

  /** Compiles, binds and runs; true where all of it went through. */
  function attempt(stream: Float64Array): boolean {
    try {
      const compiled = native().compile(target(), stream)
      const memory = program.regions.map(({ kind, bytes }) => (kind === 'parameter' ? new Uint8Array(native().allocate(bytes)) : null))
      const executor = native().bind(compiled, memory, 2)
      const [x, y] = [new Float32Array(2 * rows * width), new Float32Array(2 * rows * width)]
      const symbols = Float64Array.of(3, 2, rows, 4)
      native().runSync(executor, 2, symbols, new Float64Array(4), [x], [null], Float64Array.of(0, 0, 1, 0), [y], new Float64Array(2))
      return true
    } catch (error) {
      expect((error as { code?: string }).code).toMatch(/^EVENKEEL_/)
      expect((error as Error).message.length).toBeGreaterThan(3)
      return false
    }
  }

  it('takes the one that encodeProgram writes', () => {
    expect(attempt(valid())).toBe(true)
  })

  it('refuses every stream that ends too early or goes on too long', () => {
    const stream = valid()
    for (let length = 0; length < stream.length; length++) expect(attempt(stream.slice(0, length)), `${length} words`).toBe(false)
    expect(attempt(Float64Array.of(...stream, 0))).toBe(false)
  })

  it('refuses another version', () => {
    const stream = valid()
    stream[1] = streamVersion + 1
    expect(() => native().compile(target(), stream)).toThrow(/version/)
  })

  it('survives any word being anything', () => {
    const seed = 20_240_817
    const random = testRandom(seed)
    const values = [
      -1,
      0,
      1,
      2,
      3,
      4,
      7,
      63,
      64,
      1e3,
      65536,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32,
      2 ** 40,
      2 ** 53,
      2 ** 63,
      -(2 ** 63),
      1e300,
      0.5,
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -4,
      -(2 ** 40),
      kernelTable.length - 1
    ]
    const stream = valid()
    let accepted = 0
    for (let round = 0; round < 6000; round++) {
      const mutant = stream.slice()
      const changes = 1 + random.integer(3)
      for (let i = 0; i < changes; i++) {
        const at = random.integer(mutant.length)
        mutant[at] = random.uniform() < 0.5 ? values[random.integer(values.length)]! : mutant[random.integer(mutant.length)]!
      }
      if (attempt(mutant)) accepted++
    }
    // Some changes are harmless (a scalar, a smaller offset), most are not.
    expect(accepted, `seed ${seed}`).toBeGreaterThan(50)
    expect(accepted, `seed ${seed}`).toBeLessThan(5000)
  })

  it('refuses memory that is shorter than the region, or not the library’s own', () => {
    const compiled = native().compile(target(), valid())
    const bind = (memory: Uint8Array | null) => native().bind(compiled, [null, null, memory, null], 1)
    expect(() => bind(new Uint8Array(native().allocate(255)))).toThrow(/at least 256 bytes/)
    expect(() => bind(new Uint8Array(256))).toThrow(/library's own/)
    expect(() => bind(null)).toThrow(/library's own/)
    expect(() => bind(new Uint8Array(native().allocate(512), 1, 300))).toThrow(/aligned/)
    bind(new Uint8Array(new SharedArrayBuffer(256)))
  })
})
