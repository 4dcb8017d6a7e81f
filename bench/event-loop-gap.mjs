#!/usr/bin/env node
// node bench/event-loop-gap.mjs [native] [portable] [--rounds 7] [--json]
// The longest gap of the event loop while a model is planned, trained, validated, saved and loaded; 'idle' is what
// the machine itself does to a loop that has nothing to do. Each round is a process of its own, whose code is cold, as a
// server's is at its first request: the median over the rounds, the least and the most.
import { execFileSync } from 'node:child_process'
import { unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { batchNorm, createModel, dropout, linear, loadModel, relu, sequential, sgd, softmaxCrossEntropy, weightNorm } from 'evenkeel'

/** At the default an idle process reads 10 ms. */
const resolution = 1
const batchSize = 128
const file = path.join(tmpdir(), `evenkeel-gap-${process.pid}.safetensors`)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function gap(name, backend, body) {
  await pause(50)
  const monitor = monitorEventLoopDelay({ resolution })
  monitor.enable()
  await body()
  await pause(5)
  monitor.disable()
  return { suite: 'event-loop-gap', case: `${name}, ${backend}`, ours: Math.max(0, monitor.max / 1e6 - resolution), unit: 'ms' }
}

async function measure(backend, rows) {
  const block = () => [weightNorm(linear(1024)), batchNorm(), relu(), dropout(0.5)]
  const x = Float32Array.from({ length: rows * 784 }, (_, i) => ((i * 7919) % 1000) / 1000)
  const y = Int32Array.from({ length: rows }, (_, i) => i % 10)
  const results = []
  const run = async (name, body) => results.push(await gap(name, backend, body))
  await run('idle', () => pause(300))
  const net = createModel(sequential(...block(), ...block(), linear(10)), { input: [784], seed: 1, backend })
  const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) })
  await run('initialization, planning and the first step', () =>
    trainer.step({ x: x.subarray(0, batchSize * 784), y: y.subarray(0, batchSize) })
  )
  await run('fit', () => trainer.fit({ x, y }, { batchSize }))
  await run('fit with validation', () => trainer.fit({ x, y }, { batchSize, validation: 0.2 }))
  await run('evaluate', () => net.evaluate({ x, y }))
  await run('predict', () => net.predict(x))
  const predictor = net.predictor()
  await run('folding and the first prediction', () => predictor.predict(x))
  await run('save', () => net.save(file))
  await run('load and predict', async () => (await loadModel(file, { backend })).predict(x))
  await unlink(file)
  return results
}

const asked = ['native', 'portable'].filter((backend) => process.argv.includes(backend))
const backends = asked.length > 0 ? asked : ['native', 'portable']
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

function round() {
  const output = execFileSync(process.execPath, [process.argv[1], ...backends, '--round'], { encoding: 'utf8' })
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

if (process.argv.includes('--round')) {
  for (const backend of backends)
    for (const row of await measure(backend, backend === 'native' ? 6400 : 640)) console.log(JSON.stringify(row))
} else {
  const at = process.argv.indexOf('--rounds')
  const rounds = Array.from({ length: at < 0 ? 7 : Number(process.argv[at + 1]) }, round)
  for (const [index, row] of rounds[0].entries()) {
    const gaps = rounds.map((rows) => rows[index].ours)
    const result = { ...row, ours: median(gaps), least: Math.min(...gaps), most: Math.max(...gaps) }
    const [middle, least, most] = [result.ours, result.least, result.most].map((gap) => gap.toFixed(2).padStart(7))
    console.log(process.argv.includes('--json') ? JSON.stringify(result) : `${middle} ms  (${least} to ${most})  ${row.case}`)
  }
}
