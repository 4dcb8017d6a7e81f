#!/usr/bin/env node
// node bench/dataset-memory.mjs [--megabytes 2000] [--format csv|parquet] [--keep FILE] [--json]
// Writes a file of so many megabytes, trains one epoch on it in a process of its own, and prints that process's largest
// resident memory (VmHWM: Linux only), its rate, and the longest gap of its event loop; how much of that its thread was
// given a processor for, where other programs have some of it.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { batchNorm, createModel, linear, meanSquaredError, readCsv, readParquet, relu, sequential, sgd } from 'evenkeel'
import { fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'

const columns = 16
const names = [...Array.from({ length: columns }, (_, index) => `c${index}`), 'y']

if (process.argv[2] === 'train') await train(process.argv[3])
else main()

function main() {
  const { values } = parseArgs({
    options: {
      megabytes: { type: 'string', default: '2000' },
      format: { type: 'string', default: 'csv' },
      keep: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const file = values.keep ?? path.join(tmpdir(), `evenkeel-dataset-${process.pid}.${values.format}`)
  try {
    if (!existsSync(file)) (values.format === 'csv' ? writeCsv : writeParquet)(file, Number(values.megabytes) * 1e6)
    const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'train', file], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`dataset-memory: the training process ended with ${status}: ${stderr}`)
    const result = JSON.parse(stdout)
    if (values.json) console.log(stdout.trim())
    else
      console.log(
        `${(result.bytes / 1e6).toFixed(0)} MB, ${result.rows} rows: ${result.seconds.toFixed(1)} s, ${(result.bytes / 1e6 / result.seconds).toFixed(0)} MB/s, ` +
          `${result.megabytes.toFixed(0)} MB resident at most, ` +
          `event loop held ${result.longestGap.toFixed(1)} ms at most, ${result.usualGap.toFixed(1)} ms in 99.9 %; ` +
          `of that the processor was its own for ${result.longestTurn.toFixed(1)} and ${result.usualTurn.toFixed(1)} ms`
      )
  } finally {
    if (!values.keep) rmSync(file, { force: true })
  }
}

async function train(file) {
  const options = { x: names.slice(0, columns), y: 'y' }
  const data = file.endsWith('.parquet') ? await readParquet(file, options) : await readCsv(file, options)
  const net = createModel(sequential(linear(64), batchNorm(), relu(), linear(1)), { input: [columns], seed: 1 })
  const trainer = net.trainer({ loss: meanSquaredError(), optimizer: sgd({ learningRate: 1e-3 }) })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let rows = 0
  const start = performance.now()
  delay.enable()
  const turns = watchTurns()
  const { steps } = await trainer.fit(data, { batchSize: 256, onStep: (step) => void (rows += step.rows) })
  delay.disable()
  const { longest: longestTurn, usual: usualTurn } = turns()
  const seconds = (performance.now() - start) / 1000
  const megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
  const gaps = { longestGap: delay.max / 1e6, usualGap: delay.percentile(99.9) / 1e6, longestTurn, usualTurn }
  console.log(JSON.stringify({ bytes: statSync(file).size, rows, steps, seconds, megabytes, ...gaps }))
}

/**
 * Processor time of this thread from one tick of a timer of 1 ms to the next, as long as a turn of the event loop takes or
 * 1 ms longer: the longest, and what 99.9 % stay below. Linux only.
 */
function watchTurns() {
  const file = openSync('/proc/thread-self/schedstat', 'r')
  const bytes = Buffer.alloc(64)
  const ran = () => Number.parseInt(bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)), 10) / 1e6
  const took = []
  let last = ran()
  const timer = setInterval(() => {
    const now = ran()
    took.push(now - last)
    last = now
  }, 1)
  return () => {
    clearInterval(timer)
    closeSync(file)
    took.sort((a, b) => a - b)
    return { longest: took.at(-1) ?? 0, usual: took[Math.floor(took.length * 0.999)] ?? 0 }
  }
}

/** Numbers of one to seven digits, of −1 to 1 or so, the same at each call. */
function cell(row, column) {
  if (column === columns) return row % 2
  const value = ((row * 16807 + column * 48271) % 99991) / 49995.5 - 1
  return column % 4 === 0 ? Math.round(value * 9) : Number(value.toFixed((column % 4) + 3))
}

function writeCsv(file, bytes) {
  const handle = openSync(file, 'w')
  let written = writeSync(handle, `${names.join(',')}\n`)
  // The same block of rows again and again: what they hold does not matter to reading them.
  const rows = Array.from({ length: 20_000 }, (_, row) => names.map((_, column) => cell(row, column)).join(','))
  const block = Buffer.from(`${rows.join('\n')}\n`)
  while (written < bytes) written += writeSync(handle, block)
  closeSync(handle)
}

function writeParquet(file, bytes) {
  const rows = 100_000
  const columnData = names.map((name, column) => ({
    name,
    type: 'FLOAT',
    encoding: 'PLAIN',
    nullable: false,
    data: Float32Array.from({ length: rows }, (_, row) => cell(row, column))
  }))
  const schema = schemaFromColumnData({ columnData })
  const writer = new ParquetWriter({ writer: fileWriter(file), schema, codec: 'UNCOMPRESSED', statistics: false })
  const groups = Math.ceil(bytes / (rows * names.length * 4))
  for (let group = 0; group < groups; group++) writer.write({ columnData, rowGroupSize: rows })
  writer.finish()
}
