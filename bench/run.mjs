#!/usr/bin/env node
// npm run bench -- [suite ...] [--json] [--rounds N] [--threads 1,2] [--file-rows N] [--megabytes N]
// Runs us and each peer in turn, round by round in one go, and prints the medians and their ratio.
import { parseArgs } from 'node:util'
import { backendInfo } from 'evenkeel'
import { printTable } from './table.mjs'

const suites = ['step', 'kernels', 'stream', 'dataset']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    threads: { type: 'string', default: '1,2' },
    'file-rows': { type: 'string', default: '1000000' },
    megabytes: { type: 'string', default: '100' },
    help: { type: 'boolean', short: 'h', default: false }
  }
})
const unknown = positionals.filter((name) => !suites.includes(name))
const rounds = Number(values.rounds)
const threads = values.threads.split(',').map(Number)
const fileRows = Number(values['file-rows'])
const megabytes = Number(values.megabytes)
if (
  values.help ||
  unknown.length > 0 ||
  !Number.isInteger(rounds) ||
  rounds < 1 ||
  !Number.isInteger(fileRows) ||
  fileRows < 1 ||
  !(megabytes >= 1) ||
  threads.some((count) => !Number.isInteger(count) || count < 1)
) {
  if (unknown.length > 0) console.error(`bench: expected suites out of ${suites.join(', ')}, got ${unknown.join(', ')}`)
  console.error(`usage: npm run bench -- [${suites.join('|')} ...] [--json] [--rounds N] [--threads 1,2] [--file-rows N] [--megabytes N]`)
  process.exit(values.help ? 0 : 2)
}

const log = values.json ? () => {} : console.log
const { backend, instructionSet } = backendInfo()
log(
  `evenkeel on ${backend} (${instructionSet}), ${rounds} rounds, us and the peer in turn; medians, with the least and the most of the rounds' ratios`
)
for (const name of positionals.length > 0 ? positionals : suites) {
  const { run } = await import(`./suites/${name}.mjs`)
  const rows = await run({ rounds, threads, fileRows, megabytes, log })
  if (values.json) for (const row of rows) console.log(JSON.stringify(row))
  else printTable(rows)
}
