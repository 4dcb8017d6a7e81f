#!/usr/bin/env node
// node --expose-gc --max-semi-space-size=1 bench/step-memory.mjs [native|portable] [--steps 2000,20000,100000] [--json]
// Memory after a collection, after each number of steps: a step allocates nothing, so that native bytes are equal from
// the first number to the second, and resident memory within 2 MB. The numbers behind tell what goes on growing from what
// V8 needs once, for code that becomes hot. Its young generation grows to 16 MB with any work at all, and keeps its pages
// after a collection: the flag holds it at its first size, so that resident memory tells of us.
import { getHeapSpaceStatistics } from 'node:v8'
import { batchNorm, createModel, dropout, linear, relu, sequential, sgd, softmaxCrossEntropy, weightNorm } from 'evenkeel'

const backend = process.argv.includes('portable') ? 'portable' : 'native'
const at = process.argv.indexOf('--steps')
const marks = (at < 0 ? '2000,20000,100000' : process.argv[at + 1]).split(',').map(Number)
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
  const youngGeneration = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').physical_space_size
  return { steps: trainer.steps, rss, external, arrayBuffers, youngGeneration }
}

// The numbers lie in an array of 40 external bytes, which the first call makes.
process.memoryUsage()
const taken = []
for (const steps of marks) taken.push(await memoryAfter(steps))
const growths = taken.slice(1).map((after, index) => {
  const before = taken[index]
  const growth = Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]]))
  return { suite: 'step-memory', backend, before, after, growth }
})
const number = (bytes) => String(bytes).padStart(9)
for (const result of growths) {
  const { before, after, growth } = result
  if (process.argv.includes('--json')) console.log(JSON.stringify(result))
  else {
    console.log(`${backend}, step ${before.steps} to ${after.steps}:`)
    console.log(
      `  rss          ${number(growth.rss)} bytes more, ${growth.youngGeneration} of them the young generation of V8's main thread`
    )
    for (const name of ['external', 'arrayBuffers']) console.log(`  ${name.padEnd(12)} ${number(growth[name])} bytes more`)
  }
}
