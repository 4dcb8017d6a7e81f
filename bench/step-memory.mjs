#!/usr/bin/env node
// node --expose-gc --max-semi-space-size=1 bench/step-memory.mjs [native|portable] [--steps 2000,20000] [--json]
// Memory after a collection, after the first number of steps and after the second: a step allocates nothing, so that
// native bytes are equal, and resident memory within 2 MB. V8's young generation grows to 16 MB with any work at all:
// the flag keeps it at its first size, so that resident memory tells of us.
import { batchNorm, createModel, dropout, linear, relu, sequential, sgd, softmaxCrossEntropy, weightNorm } from 'evenkeel'

const backend = process.argv.includes('portable') ? 'portable' : 'native'
const at = process.argv.indexOf('--steps')
const [first, second] = (at < 0 ? '2000,20000' : process.argv[at + 1]).split(',').map(Number)
if (!globalThis.gc) throw new Error('step-memory: expected node --expose-gc')

const rows = 640
const x = Float32Array.from({ length: rows * 16 }, (_, i) => ((i * 7919) % 1000) / 1000)
const y = Int32Array.from({ length: rows }, (_, i) => i % 4)
const net = createModel(sequential(weightNorm(linear(32)), batchNorm(), relu(), dropout(0.5), linear(4)), { input: [16], seed: 1, backend })
const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.01, momentum: 0.9 }) })

async function memoryAfter(steps) {
  while (trainer.steps < steps) await trainer.fit({ x, y }, { epochs: Math.ceil((steps - trainer.steps) / 20), batchSize: 32 })
  // What a fit borrowed is given back in later turns of the loop, and finalizers run after the collection.
  for (let i = 0; i < 5; i++) {
    globalThis.gc()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, external, arrayBuffers } = process.memoryUsage()
  return { steps: trainer.steps, rss, external, arrayBuffers }
}

const before = await memoryAfter(first)
const after = await memoryAfter(second)
const result = {
  suite: 'step-memory',
  backend,
  before,
  after,
  growth: {
    rss: after.rss - before.rss,
    external: after.external - before.external,
    arrayBuffers: after.arrayBuffers - before.arrayBuffers
  }
}
if (process.argv.includes('--json')) console.log(JSON.stringify(result))
else
  for (const [name, bytes] of Object.entries(result.growth))
    console.log(`${name.padEnd(12)} ${bytes} bytes more after ${after.steps} steps than after ${before.steps}`)
