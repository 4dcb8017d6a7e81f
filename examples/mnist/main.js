// Trains a network on MNIST, saves it, loads it again and reads the test set, once: npm run demo -- --help
import { stat } from 'node:fs/promises'
import {
  accuracy,
  backendInfo,
  batchNorm,
  cosineDecay,
  createModel,
  dropout,
  linear,
  loadModel,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  weightNorm
} from 'evenkeel'
import { readTestData, readTrainingData } from './data.js'
import { readOptions } from './options.js'
import { backendText, count, Progress, percent } from './report.js'

/** Chosen on the validation images; the learning rate is that of a batch of 128 and grows with the batch's root. */
const settings = { epochs: 8, portableEpochs: 1, learningRate: 0.1, momentum: 0.9, dropout: 0.2 }

const hidden = () => [weightNorm(linear(1024, { bias: false })), batchNorm(), relu(), dropout(settings.dropout)]

function createNetwork({ seed, backend, threads }) {
  const layers = sequential(...hidden(), ...hidden(), linear(10))
  const input = { shape: [784], scale: 1 / 255, shift: 0 }
  return createModel(layers, { input, seed, backend, ...(threads === undefined ? {} : { threads }) })
}

async function train(net, options, { training, validation }, signal) {
  const { epochs, batch } = options
  const steps = epochs * Math.ceil(training.y.length / batch)
  const learningRate = cosineDecay({ learningRate: settings.learningRate * Math.sqrt(batch / 128), steps })
  const optimizer = sgd({ learningRate, momentum: settings.momentum, nesterov: true })
  const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer })
  const progress = new Progress(steps, epochs)
  const { onStep } = progress
  try {
    return await trainer.fit(training, {
      epochs,
      batchSize: batch,
      validation,
      metrics: [accuracy()],
      signal,
      onEpoch: (record) => progress.epoch(record),
      ...(onStep ? { onStep } : {})
    })
  } finally {
    progress.stop()
    trainer.dispose()
  }
}

/** Test error and images a second of the folded network, in batches of 1000. */
async function test(file, { backend, threads }) {
  const net = await loadModel(file, { backend, ...(threads === undefined ? {} : { threads }) })
  const { x, y } = await readTestData()
  const predictor = net.predictor({ maxBatch: 1000 })
  // Once before the clock starts: folding and memory are no part of serving.
  await predictor.predict(x.subarray(0, 784 * 1000))
  const start = performance.now()
  const { data, shape } = await predictor.predict(x)
  const seconds = (performance.now() - start) / 1000
  const wrong = y.reduce((sum, label, row) => sum + (largest(data, row * shape[1], shape[1]) === label ? 0 : 1), 0)
  predictor.dispose()
  net.dispose()
  return { testError: wrong / y.length, imagesPerSecond: y.length / seconds }
}

function largest(values, start, length) {
  let best = 0
  for (let i = 1; i < length; i++) if (values[start + i] > values[start + best]) best = i
  return best
}

async function main() {
  const options = readOptions()
  const stop = new AbortController()
  process.once('SIGINT', () => {
    process.exitCode = 130
    stop.abort(new Error('stopped'))
  })
  const start = performance.now()
  const net = createNetwork(options)
  const { backend } = net
  if (backend.backend === 'portable') introducePortable(options)
  options.epochs ??= backend.backend === 'portable' ? settings.portableEpochs : settings.epochs
  const sets = await readTrainingData()
  console.log(`MNIST: ${count(sets.training.y.length)} images to train, ${count(sets.validation.y.length)} to validate`)
  const epochs = options.epochs === 1 ? '1 epoch' : `${options.epochs} epochs`
  console.log(`784-1024-1024-10 on ${backendText(backend)}; ${epochs} in batches of ${options.batch}, seed ${options.seed}`)

  const history = await train(net, options, sets, stop.signal)
  await net.save(options.out)
  net.dispose()
  console.log(`saved ${options.out} (${((await stat(options.out)).size / 1e6).toFixed(1)} MB); loading it again`)
  const { testError, imagesPerSecond } = await test(options.out, options)
  console.log(`test error ${percent(testError)}  ${count(imagesPerSecond)} images/s  ${backendText(backend)}`)
  if (options.json) console.log(JSON.stringify(results({ options, backend, history, testError, imagesPerSecond, start })))
}

function introducePortable({ epochs, backend }) {
  const { reason } = backendInfo()
  console.log(`The portable path runs${backend === 'portable' || !reason ? '' : `: ${reason}`}`)
  if (epochs === undefined) console.log('It is slower by far, so it does one epoch by default; --epochs asks for more')
}

/** Counts over ten thousand: what subtraction leaves beyond is noise. */
function errorOf({ validationAccuracy }) {
  return Number((1 - validationAccuracy).toFixed(6))
}

function results({ options, backend, history, testError, imagesPerSecond, start }) {
  const trainingSeconds = history.epochs.reduce((sum, { seconds }) => sum + seconds, 0)
  const samples = history.epochs.reduce((sum, { samplesPerSecond, seconds }) => sum + samplesPerSecond * seconds, 0)
  return {
    testError,
    validationError: errorOf(history.epochs.at(-1)),
    samplesPerSecond: samples / trainingSeconds,
    imagesPerSecond,
    ...backend,
    epochs: options.epochs,
    batch: options.batch,
    seed: options.seed,
    seconds: (performance.now() - start) / 1000,
    model: options.out
  }
}

try {
  await main()
} catch (error) {
  console.error(error.message)
  process.exitCode ||= 1
}
