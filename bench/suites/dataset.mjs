// Reading CSV as a dataset against the libraries alone: rows of float32 numbers of ours against csv-parse's and uDSV's
// arrays of texts (what they do without being asked for numbers) and uDSV's arrays of numbers.
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { readCsv } from 'evenkeel'
import { interleave } from '../table.mjs'

const columns = 16
const names = [...Array.from({ length: columns }, (_, index) => `c${index}`), 'y']
const chunk = { highWaterMark: 1 << 18 }

export async function run({ rounds, megabytes, log }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-bench-'))
  try {
    const rows = []
    for (const quoted of [false, true]) {
      const file = path.join(folder, 'rows.csv')
      const count = write(file, megabytes * 1e6, quoted)
      const size = statSync(file).size
      log(`dataset: ${quoted ? 'with quoted text' : 'numbers only'}, ${(size / 1e6).toFixed(0)} MB, ${count} rows`)
      const peers = { 'csv-parse, texts': csvParse, 'uDSV, texts': udsv('stringArrs'), 'uDSV, numbers': udsv('typedArrs') }
      for (const [peerName, peer] of Object.entries(peers)) {
        const timed = (read) => async () => {
          const start = performance.now()
          const found = await read(file)
          if (found !== count) throw new Error(`bench dataset: ${peerName}: expected ${count} rows, got ${found}`)
          return performance.now() - start
        }
        // csv-parse takes minutes for what the others do in seconds.
        const turns = peerName.startsWith('csv-parse') ? Math.min(rounds, 3) : rounds
        const result = await interleave(turns, timed(ours), timed(peer))
        rows.push({ suite: 'dataset', case: quoted ? 'CSV, quoted text' : 'CSV, numbers', threads: 1, peerName, ...rate(result, size) })
      }
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** MB/s from milliseconds; the ratio stays that of the times. */
function rate(result, size) {
  return { ...result, ours: size / 1e3 / result.ours, peer: size / 1e3 / result.peer, unit: 'MB/s' }
}

function write(file, bytes, quoted) {
  const rows = Array.from({ length: 20_000 }, (_, row) => {
    const cells = names.map((_, column) => {
      const value = ((row * 16807 + column * 48271) % 99991) / 997
      return column === columns ? row % 2 : column % 4 === 0 ? Math.round(value) : value.toFixed((column % 4) + 2)
    })
    return (quoted ? [...cells, `"text, ${row % 13} ""q"""`] : cells).join(',')
  })
  const block = Buffer.from(`${rows.join('\n')}\n`)
  const handle = openSync(file, 'w')
  let written = writeSync(handle, `${(quoted ? [...names, 't'] : names).join(',')}\n`)
  let count = 0
  for (; written < bytes; count += rows.length) written += writeSync(handle, block)
  closeSync(handle)
  return count
}

async function ours(file) {
  const data = await readCsv(file, { x: names.slice(0, columns), y: 'y' })
  let rows = 0
  for await (const { x } of data.batches({ batchSize: 1024 })) rows += x.shape[0]
  return rows
}

async function csvParse(file) {
  const { parse } = await import('csv-parse')
  let rows = -1
  for await (const _ of createReadStream(file, chunk).pipe(parse())) rows++
  return rows
}

const udsv = (method) => async (file) => {
  const { initParser, inferSchema } = await import('udsv')
  let rows = 0
  let parser
  for await (const text of createReadStream(file, { encoding: 'utf8', ...chunk })) {
    parser ??= initParser(inferSchema(text))
    parser.chunk(text, parser[method], () => ++rows > 0)
  }
  parser.end()
  return rows
}
