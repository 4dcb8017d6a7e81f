// Scoring at volume, through the public asynchronous API: 64 callers with a row each against batches of 64; streams of
// rows and of batches, and a Parquet file, against the slower of reading alone and computing alone. A ratio of 1 is
// all that there is to gain: the work on the other side is a part of ours.
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createModel, linear, readParquet, relu, sequential } from 'evenkeel'
import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import { interleave, median } from '../table.mjs'

const callers = 64
const columns = 32
const sizes = [columns, 64, 64, 1]
/** Rows of a batch of the file. */
const batchSize = 4096

export async function run({ rounds, threads, fileRows, log }) {
  const rows = []
  for (const count of threads) {
    rows.push(await single('64 single rows, 32-64-64-1', sizes, 200, count, rounds))
    rows.push(await single('64 single rows, 784-1024-1024-10', [784, 1024, 1024, 10], 8, count, rounds))
    rows.push(...(await streams(count, rounds)))
  }
  rows.push(...(await parquet({ rounds, threads, fileRows, log })))
  return rows
}

function network([inputs, ...units], threads) {
  const layers = units.flatMap((size, index) => (index < units.length - 1 ? [linear(size), relu()] : [linear(size)]))
  return createModel(sequential(...layers), { input: [inputs], seed: 1, threads })
}

/** Numbers in ±1, the same at each call. */
function numbers(length) {
  let state = 12345
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2147483648 - 1
  })
}

const cut = (data, width) => Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width))

/** Milliseconds for a row of each caller, all of them going on as soon as they have an answer, and for the same rows as a batch. */
async function single(name, layers, turns, threads, rounds) {
  const net = network(layers, threads)
  const predictor = net.predictor({ maxBatch: callers })
  const batch = numbers(callers * layers[0])
  const rows = cut(batch, layers[0])
  const whole = await predictor.predict(batch)
  const alone = await Promise.all(rows.map((row) => predictor.predict(row)))
  expectEqual(name, Float32Array.from(alone.flatMap(({ data }) => [...data])), whole.data)
  const ours = async () => {
    const start = performance.now()
    const client = async (row) => {
      for (let turn = 0; turn < turns; turn++) await predictor.predict(row)
    }
    await Promise.all(rows.map(client))
    return (performance.now() - start) / turns
  }
  const peer = async () => {
    const start = performance.now()
    for (let turn = 0; turn < turns; turn++) await predictor.predict(batch)
    return (performance.now() - start) / turns
  }
  const result = await interleave(rounds, ours, peer)
  net.dispose()
  predictor.dispose()
  return { suite: 'stream', case: name, threads, ...result, peerName: 'batch of 64', unit: 'ms' }
}

/** Rows and batches that are in memory, one by one, against one call with all of them. */
async function streams(threads, rounds) {
  const predictor = network(sizes, threads).predictor()
  const data = numbers(100_000 * columns)
  const rows = cut(data, columns)
  const batches = cut(data, 1000 * columns).map((part) => ({ x: part }))
  const expected = (await predictor.predict(data)).data
  const peer = async () => {
    const start = performance.now()
    await predictor.predict(data)
    return performance.now() - start
  }
  const results = []
  for (const [name, items] of [
    ['100,000 rows streamed', rows],
    ['100 batches of 1000 streamed', batches]
  ]) {
    const outputs = new Float32Array(expected.length)
    const ours = async () => {
      const start = performance.now()
      let at = 0
      for await (const item of predictor.stream(items)) {
        const output = item.output ?? item
        outputs.set(output.data, at)
        at += output.data.length
      }
      return performance.now() - start
    }
    const result = await interleave(rounds, ours, peer)
    expectEqual(name, outputs, expected)
    results.push({ suite: 'stream', case: `${name}, 32-64-64-1`, threads, ...result, peerName: 'one predict of all', unit: 'ms' })
  }
  predictor.dispose()
  return results
}

async function parquet({ rounds, threads, fileRows, log }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-bench-'))
  try {
    const file = path.join(folder, 'rows.parquet')
    writeRows(file, fileRows)
    log(`stream: a Parquet file of ${fileRows} rows and ${columns} columns, ${(statSync(file).size / 1e6).toFixed(0)} MB`)
    const results = []
    for (const count of threads) results.push(...(await scoreFile(file, fileRows, count, rounds)))
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A part at a time, so that the file may be larger than memory. */
function writeRows(file, rows) {
  const part = 100_000
  const values = numbers(part + columns)
  const columnData = (count) =>
    Array.from({ length: columns }, (_, index) => ({ name: `c${index}`, data: values.subarray(index, index + count), type: 'FLOAT' }))
  const writer = new ParquetWriter({ writer: fileWriter(file), schema: schemaFromColumnData({ columnData: columnData(1) }) })
  for (let written = 0; written < rows; written += part)
    writer.write({ columnData: columnData(Math.min(part, rows - written)), rowGroupSize: part })
  writer.finish()
}

async function scoreFile(file, rows, threads, rounds) {
  const predictor = network(sizes, threads).predictor()
  const table = await readParquet(file)
  const reading = () => table.batches({ batchSize })
  const computing = await computingAlone(reading, rows)
  const memory = { early: 0, late: 0 }
  let sum = 0
  let passes = 0
  /** Milliseconds per million rows, of the clock and of all threads' processor time; every number that comes is looked at. */
  const pass = async (items, ours) => {
    const start = performance.now()
    const before = process.cpuUsage()
    let count = 0
    for await (const { x, output } of items) {
      const given = output ?? x
      count += given.shape[0]
      sum += given.data[0]
      const period = ours && passes === 0 && count < rows / 10 ? 'early' : 'late'
      memory[period] = Math.max(memory[period], process.memoryUsage.rss())
    }
    const { user, system } = process.cpuUsage(before)
    return { clock: ((performance.now() - start) / count) * 1e6, processor: ((user + system) / 1e3 / count) * 1e6 }
  }
  const taken = { ours: [], reading: [], computing: [] }
  const ours = async () => {
    taken.ours.push(await pass(predictor.stream(table), true))
    passes++
    return taken.ours.at(-1).clock
  }
  const peer = async () => {
    taken.reading.push(await pass(reading(), false))
    taken.computing.push(await pass(predictor.stream(computing()), false))
    return Math.max(taken.reading.at(-1).clock, taken.computing.at(-1).clock)
  }
  const result = await interleave(Math.min(rounds, 5), ours, peer)
  if (!Number.isFinite(sum)) throw new Error('stream: the outputs are not finite')
  predictor.dispose()
  const of = (name, kind) => median(taken[name].slice(1).map((times) => times[kind]))
  const slower = of('reading', 'clock') > of('computing', 'clock') ? 'reading' : 'computing'
  const row = (name, ours, peer, peerName, unit) => {
    const ratio = peer / ours
    return { suite: 'stream', case: `${shortCase(rows)}: ${name}`, threads, ours, peer, ratio, least: ratio, most: ratio, peerName, unit }
  }
  const added = of('reading', 'processor') + of('computing', 'processor')
  return [
    { suite: 'stream', case: shortCase(rows), threads, ...result, peerName: `the slower alone: ${slower}`, unit: 'ms/1e6 rows' },
    // What the clock says depends on what else runs; this does not.
    row('processor time', of('ours', 'processor'), added, 'reading and computing alone, added', 'ms/1e6 rows'),
    // What the first tenth of the rows of the first pass needed, against all that came after.
    row('resident memory', memory.late / 1e6, memory.early / 1e6, 'in the first tenth', 'MB')
  ]
}

const shortCase = (rows) => `Parquet, ${rows} rows, 32-64-64-1`

/** As many batches as the file has, of the same size, out of a few that are in memory. */
async function computingAlone(reading, rows) {
  const some = []
  for await (const batch of reading()) if (some.push(batch) === 8) break
  const count = Math.ceil(rows / batchSize)
  return function* () {
    for (let index = 0; index < count; index++) yield some[index % some.length]
  }
}

function expectEqual(name, actual, expected) {
  if (actual.length !== expected.length || actual.some((value, index) => !Object.is(value, expected[index])))
    throw new Error(`stream: the outputs of '${name}' are not the same bits`)
}
