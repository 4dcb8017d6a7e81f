// One training step of the MLP 784-1024-1024-10, (linear, batch normalization, ReLU, dropout 0.5) × 2, SGD with
// momentum, at batch 128 and 1024, through the public asynchronous API, against PyTorch with memory recycled.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { batchNorm, createModel, dropout, linear, relu, sequential, sgd, softmaxCrossEntropy } from 'evenkeel'
import { missing, Peer, recycled } from '../peers/python.mjs'
import { interleave } from '../table.mjs'

const sets = 4
const learningRate = 0.01
const momentum = 0.9

export async function run({ rounds, threads, log }) {
  const absent = missing('torch')
  if (absent) log(`step: the peer PyTorch is skipped: ${absent}`)
  const rows = []
  for (const batch of [128, 1024]) {
    const data = makeData(batch)
    if (!absent) await compare(batch, data, log)
    for (const count of threads) rows.push(await time(batch, data, count, rounds, absent))
  }
  return rows
}

function network(rate, options) {
  const block = () => [linear(1024), batchNorm(), relu(), dropout(rate)]
  return createModel(sequential(...block(), ...block(), linear(10)), { input: [784], seed: 1, ...options })
}

/** Batches with something to learn, so that neither side computes with denormals or infinities. */
function makeData(batch) {
  let state = 12345
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
  const x = Float32Array.from({ length: sets * batch * 784 }, () => uniform() * 2 - 1)
  const y = Int32Array.from({ length: sets * batch }, () => Math.floor(uniform() * 10))
  const batches = Array.from({ length: sets }, (_, i) => ({
    x: x.subarray(i * batch * 784, (i + 1) * batch * 784),
    y: y.subarray(i * batch, (i + 1) * batch)
  }))
  return { x, y, batches }
}

function writeInputs(folder, net, { x, y }) {
  writeFileSync(path.join(folder, 'x'), x)
  writeFileSync(path.join(folder, 'y'), y)
  for (const [name, { data }] of Object.entries(net.parameters)) writeFileSync(path.join(folder, name), data)
}

/** One step at learning rate 1 moves each parameter by its gradient: both sides' losses and gradients must agree. */
async function compare(batch, data, log) {
  const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-bench-'))
  const peer = new Peer('pytorch_step.py', recycled)
  const net = network(0)
  try {
    writeInputs(folder, net, data)
    await peer.ask({ ask: 'setup', rate: 0, folder, batch, sets, learningRate: 1, momentum: 0 })
    const theirs = await peer.ask({ ask: 'gradients', folder })
    const before = Object.fromEntries(Object.entries(net.parameters).map(([name, { data: values }]) => [name, values.slice()]))
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 1 }) })
    const { loss } = await trainer.step(data.batches[0])
    if (!(Math.abs(loss - theirs.loss) <= 1e-4 * Math.abs(theirs.loss)))
      throw new Error(`step: our loss ${loss} is not the peer's ${theirs.loss}`)
    let worst = 0
    for (const [name, { data: after }] of Object.entries(net.parameters)) {
      const [layer, own] = name.split('.')
      const key = { gamma: 'weight', beta: 'bias' }[own] ?? own
      const file = readFileSync(path.join(folder, `peer.${layer}.${key}`))
      const gradient = new Float32Array(file.buffer, file.byteOffset, file.length / 4)
      worst = Math.max(worst, difference(name, before[name], after, gradient))
    }
    log(`step, batch ${batch}: loss and gradients agree with PyTorch's (largest difference ${worst.toExponential(1)} of a gradient's norm)`)
  } finally {
    peer.close()
    net.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** ‖(before − after) − gradient‖ / ‖gradient‖, or of the rounding of the parameters where the gradient is next to nothing. */
function difference(name, before, after, gradient) {
  let squared = 0
  let norm = 0
  let rounding = 0
  for (let i = 0; i < before.length; i++) {
    squared += (before[i] - after[i] - gradient[i]) ** 2
    norm += gradient[i] ** 2
    rounding += (before[i] * 2 ** -23) ** 2
  }
  const relative = Math.sqrt(squared) / Math.sqrt(norm + 1e-12)
  // A bias before batch normalization has a gradient of zero but for rounding.
  if (!(relative <= 1e-3 || squared <= 4 * rounding + 1e-12))
    throw new Error(`step: our gradient of ${name} is off by ${relative} of its norm`)
  return relative > 1e-3 ? 0 : relative
}

async function time(batch, data, threads, rounds, absent) {
  const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-bench-'))
  const net = network(0.5, { threads })
  const peer = absent ? null : new Peer('pytorch_step.py', { ...recycled, OMP_NUM_THREADS: String(threads) })
  try {
    if (peer) {
      writeInputs(folder, net, data)
      await peer.ask({ ask: 'setup', rate: 0.5, folder, batch, sets, learningRate, momentum })
    }
    const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate, momentum }) })
    const steps = batch <= 128 ? 24 : 4
    let turn = 0
    const ours = async () => {
      const start = performance.now()
      let total = 0
      for (let i = 0; i < steps; i++) total += (await trainer.step(data.batches[turn++ % sets])).loss
      if (!Number.isFinite(total)) throw new Error('step: the loss is not finite')
      return (performance.now() - start) / steps
    }
    const theirs = peer && (async () => (await peer.ask({ ask: 'run', steps, threads })).seconds * 1000)
    const result = await interleave(rounds, ours, theirs)
    return {
      suite: 'step',
      case: `mlp batch ${batch}`,
      threads,
      ...result,
      peerName: peer ? 'PyTorch recycled' : 'PyTorch absent',
      unit: 'ms'
    }
  } finally {
    peer?.close()
    net.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}
