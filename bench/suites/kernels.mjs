// The raw kernels, each on arrays that are written over again, against PyTorch with memory recycled. Before anything is
// timed both sides' results are compared; dropout's, which draw other bits, by what they keep.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { kernels } from 'evenkeel/kernels'
import { missing, Peer, recycled } from '../peers/python.mjs'
import { interleave } from '../table.mjs'

/** A round's work on each side, about. */
const roundMilliseconds = 60
/** Arrays that are gone through in turn: those of one call are not all in L1 and L2 at the next. */
const sets = 2

export async function run({ rounds, threads, log }) {
  const absent = missing('torch')
  if (absent) log(`kernels: the peer PyTorch is skipped: ${absent}`)
  const rows = []
  for (const made of cases()) for (const count of threads) rows.push(await time(made, count, rounds, absent))
  return rows
}

/** [name of the case, what PyTorch is asked for, shapes of the arrays in the order of its gradients, our call] */
function cases() {
  const image = [32, 56, 56, 64]
  return [
    ...['[128, 1024]', '[1024, 1024]', '[8192, 4096]'].flatMap((text) => normalization(text, JSON.parse(text), undefined)),
    ...normalization('channels-last [32, 64, 56, 56]', image, 'channelsLast'),
    ...normalization('channels-first [32, 64, 56, 56]', [32, 64, 56, 56], 'channelsFirst'),
    ...[0.1, 0.5].map((rate) => dropout('dropoutForward', rate)),
    dropout('dropoutBackward', 0.5),
    ...['weightNormForward', 'weightNormBackward'].map(weight),
    ...[128, 1024].flatMap((rows) => ['linear', 'matmul', 'matmulTransposed'].map((layout) => product(layout, rows)))
  ]
}

function normalization(text, shape, layout) {
  const channels = layout === 'channelsFirst' ? shape[1] : shape.at(-1)
  const [outer, inner] = layout === 'channelsFirst' ? [shape[0], shape[2] * shape[3]] : [size(shape) / channels, 1]
  const sizes = [outer, channels, inner]
  const make = (direction, relu) => {
    const activation = relu ? { activation: 'relu' } : {}
    const shapes = { x: shape, gamma: [channels], beta: [channels], ...(direction === 'Backward' ? { dy: shape } : {}) }
    return {
      name: `batchNorm${relu ? ' + relu' : ''} ${direction.toLowerCase()} ${text}`,
      peer: { operation: `batchNorm${direction}`, shapes, layout, relu },
      prepare: (k, { x, gamma, beta }) =>
        direction === 'Backward' ? k.batchNormForward({ x, shape: sizes, gamma, beta, ...activation }) : undefined,
      call(k, { x, gamma, beta, dy }, out, forward) {
        if (direction === 'Forward') return [k.batchNormForward({ x, shape: sizes, gamma, beta, ...activation, out }).y]
        const { mean, meanLow, invStd } = forward
        const { dx, dGamma, dBeta } = k.batchNormBackward({ dy, x, shape: sizes, mean, meanLow, invStd, gamma, beta, ...activation, out })
        return [dx, dGamma, dBeta]
      },
      elements: size(shape),
      // Sums over a channel's values, which PyTorch adds up in float32. Behind a relu a few elements in a million are so near
      // to 0 that both sides disagree on their sign.
      tolerance: relu && direction === 'Backward' ? 1e-2 : 1e-3
    }
  }
  return ['Forward', 'Backward'].flatMap((direction) => [false, true].map((relu) => make(direction, relu)))
}

function dropout(operation, rate) {
  const elements = 2 ** 20
  const backward = operation === 'dropoutBackward'
  return {
    name: `dropout ${backward ? 'backward' : 'forward'}, 1M elements, rate ${rate}`,
    peer: { operation, shapes: { x: [elements], ...(backward ? { dy: [elements] } : {}) }, rate },
    prepare: (k, { x }) => (backward ? k.dropoutForward({ x, rate, seed: 1 }) : undefined),
    call: (k, { x, dy }, out, forward) =>
      backward ? [k.dropoutBackward({ dy, mask: forward.mask, rate, out })] : [k.dropoutForward({ x, rate, seed: 1, out }).y],
    elements,
    random: true
  }
}

function weight(operation) {
  const [rows, width] = [512, 4608]
  const backward = operation === 'weightNormBackward'
  const shapes = { v: [rows, width], g: [rows, 1], ...(backward ? { dy: [rows, width] } : {}) }
  return {
    name: `weightNorm ${backward ? 'backward' : 'forward'} [512, 4608]`,
    peer: { operation, shapes },
    prepare: (k, { v, g }) => (backward ? k.weightNormForward({ v, g, rows }) : undefined),
    call(k, { v, g, dy }, out, forward) {
      if (!backward) return [k.weightNormForward({ v, g, rows, out }).w]
      const { dv, dg } = k.weightNormBackward({ dw: dy, v, g, norm: forward.norm, rows, out })
      return [dv, dg]
    },
    elements: rows * width,
    tolerance: 1e-4
  }
}

/** x · Wᵀ, dy · W, and dyᵀ · x: what a linear layer of 1024 × 1024 needs for its output and its gradients. */
function product(layout, rows) {
  const [m, n, k] = layout === 'matmulTransposed' ? [1024, 1024, rows] : [rows, 1024, 1024]
  const shapes = { a: layout === 'matmulTransposed' ? [k, m] : [m, k], b: layout === 'linear' ? [n, k] : [k, n] }
  const what = { linear: 'x·Wᵀ', matmul: 'dy·W', matmulTransposed: 'dyᵀ·x' }[layout]
  return {
    name: `matmul ${what} ${rows} rows, 1024 × 1024`,
    peer: { operation: layout, shapes },
    call: (kernel, { a, b }, out) => [
      kernel.matmul({ a, b, m, n, k, transposeA: layout === 'matmulTransposed', transposeB: layout === 'linear', out })
    ],
    elements: m * n,
    tolerance: 1e-4
  }
}

const size = (shape) => shape.reduce((total, length) => total * length, 1)

async function time({ name, peer: asked, prepare, call, elements, random, tolerance }, threads, rounds, absent) {
  const k = kernels('native', { threads })
  const folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-bench-'))
  const peer = absent ? null : new Peer('pytorch_kernels.py', { ...recycled, OMP_NUM_THREADS: String(threads) })
  try {
    const inputs = Array.from({ length: sets }, (_, set) => arrays(asked.shapes, set))
    const saved = inputs.map((arrays) => prepare?.(k, arrays))
    const outs = inputs.map(() => new Float32Array(elements))
    let turn = 0
    const once = () => {
      const set = turn++ % sets
      return call(k, inputs[set], outs[set], saved[set])
    }
    if (peer) {
      for (const [set, named] of inputs.entries())
        for (const [key, data] of Object.entries(named)) writeFileSync(path.join(folder, `${key}.${set}`), data)
      await peer.ask({ ask: 'setup', folder, sets, ...asked })
      await peer.ask({ ask: 'results' })
      for (const [index, ours] of once().entries()) compare(`${name}, result ${index}`, ours, read(folder, index), random, tolerance)
    }
    const times = Math.max(1, Math.round(roundMilliseconds / measure(once, 3)))
    const ours = () => measure(once, times)
    const theirs = peer && (async () => (await peer.ask({ ask: 'run', times, threads })).seconds * 1000)
    const result = await interleave(rounds, ours, theirs)
    return { suite: 'kernels', case: name, threads, ...result, peerName: peer ? 'PyTorch recycled' : 'PyTorch absent', unit: 'ms' }
  } finally {
    peer?.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds a call. */
function measure(call, times) {
  const start = performance.now()
  for (let i = 0; i < times; i++) call()
  return (performance.now() - start) / times
}

/** Numbers in ±1, other ones for each set. */
function arrays(shapes, set) {
  let state = 12345 + set
  const value = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2147483648 - 1
  }
  return Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, Float32Array.from({ length: size(shape) }, value)]))
}

function read(folder, index) {
  const file = readFileSync(path.join(folder, `peer.${index}`))
  return new Float32Array(file.buffer, file.byteOffset, file.length / 4)
}

function compare(what, ours, theirs, random, tolerance) {
  if (ours.length !== theirs.length) throw new Error(`kernels: ${what}: ${ours.length} numbers, the peer has ${theirs.length}`)
  if (random) {
    const kept = (values) => values.reduce((count, value) => count + (value === 0 ? 0 : 1), 0) / values.length
    if (Math.abs(kept(ours) - kept(theirs)) > 0.01) throw new Error(`kernels: ${what}: keeps ${kept(ours)}, the peer ${kept(theirs)}`)
    return
  }
  let [difference, norm] = [0, 0]
  for (const [i, value] of ours.entries()) {
    difference += (value - theirs[i]) ** 2
    norm += theirs[i] ** 2
  }
  if (!(Math.sqrt(difference) <= tolerance * Math.sqrt(norm)))
    throw new Error(`kernels: ${what}: off by ${Math.sqrt(difference / norm)} of the peer's norm`)
}
