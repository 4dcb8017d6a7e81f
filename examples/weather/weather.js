// Tells the weather of a day in Seattle (sun, rain, fog, drizzle, snow) from its rain, temperatures and wind.
//
//     npx evenkeel train examples/weather/weather.js -o weather.safetensors
//     npx evenkeel predict weather.safetensors days.csv -o days-with-weather.csv --give class
//
// The file, 1461 days in CSV, comes with the npm package vega-datasets. `npm run example` does both.
import { fileURLToPath } from 'node:url'
import {
  accuracy,
  adamW,
  batchNorm,
  createModel,
  dropout,
  earlyStopping,
  linear,
  readCsv,
  relu,
  sequential,
  softmaxCrossEntropy
} from 'evenkeel'

const file = fileURLToPath(new URL('../data/seattle-weather.csv', import.meta.resolve('vega-datasets')))
const days = await readCsv(file, { x: ['precipitation', 'temp_max', 'temp_min', 'wind'], y: 'weather' })
const { training, validation: held } = days.split({ validation: 0.2, seed: 1 })
// Mean and deviation of each column and the names of the classes, from the training days alone; the model's file keeps them.
const preprocessing = await training.fitPreprocessing({ standardize: true })

export const model = ({ seed = 1, backend, threads }) =>
  createModel(
    sequential(linear(32), batchNorm(), relu(), dropout(0.1), linear(32), batchNorm(), relu(), linear(preprocessing.classes.length)),
    {
      input: [preprocessing.width],
      preprocessing,
      seed,
      backend,
      ...(threads === undefined ? {} : { threads })
    }
  )
export const data = training.preprocess(preprocessing).shuffle(2000)
export const validation = held.preprocess(preprocessing)
export const loss = softmaxCrossEntropy()
export const optimizer = adamW({ learningRate: 0.01, weightDecay: 0.01 })
export const metrics = [accuracy()]
export const epochs = 40
export const batchSize = 64
export const callbacks = [earlyStopping({ monitor: 'validationLoss', patience: 8, restoreBest: true })]
