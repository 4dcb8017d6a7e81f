import { Command } from 'commander'
import type { EpochRecord, History } from '../training/history.js'
import type { Model } from '../training/model.js'
import { addBackendOptions, type BackendArguments, integer, nonEmpty, refuseOutput } from './arguments.js'
import { Interrupted, onInterrupt } from './exit.js'
import { backendText, count, Progress } from './report.js'
import { readTrainingModule, type Training } from './training-module.js'

interface TrainArguments extends BackendArguments {
  readonly output: string
  readonly force: boolean
  readonly epochs?: number
  readonly batchSize?: number
  readonly seed?: number
  readonly json: boolean
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Trains the model that a module exports, and saves it.')
    .argument(
      '<module>',
      'a JavaScript file that exports model, data, loss and optimizer; validation, metrics, callbacks, epochs and batchSize where it wants to'
    )
    .option('-o, --output <file>', 'where the model is saved', nonEmpty, 'model.safetensors')
    .option('--force', 'replace the output file where there is one', false)
    .option('--epochs <n>', "times through the data (default: the module's, or 1)", integer(1))
    .option('--batch-size <n>', "rows a step (default: the module's, or 32)", integer(1))
    .option('--seed <n>', 'for modules whose model is a function of it', integer(0))
    .option('--json', 'the history as one JSON object in the last line', false)
    .allowExcessArguments(false)
    .addHelpText('after', '\nCtrl-C ends the training after the step on its way and saves the model; a second one ends at once.')
  return addBackendOptions(command).action(train)
}

async function train(module: string, given: TrainArguments): Promise<void> {
  await refuseOutput(given.output, given.force)
  const { seed, backend, threads } = given
  const training = await readTrainingModule(module, { seed, backend, threads })
  const { model } = training
  console.log(`${count(parameterCount(model))} parameters on ${backendText(model.backend)}, seed ${model.seed}`)
  const { history, interrupted } = await run(training, given)
  await model.save(given.output)
  console.log(`saved ${given.output} after ${count(history.steps)} steps`)
  if (given.json) console.log(JSON.stringify({ ...history, interrupted, output: given.output, ...model.backend }))
  model.dispose()
  if (interrupted) throw new Interrupted()
}

async function run({ model, data, trainer: options, fit: fitOptions }: Training, given: TrainArguments) {
  const trainer = model.trainer(options)
  const epochs = given.epochs ?? fitOptions.epochs ?? 1
  const batchSize = given.batchSize ?? fitOptions.batchSize ?? 32
  const progress = new Progress({ unit: 'step', total: undefined })
  const interrupt = onInterrupt(() => trainer.stop())
  try {
    const history: History = await trainer.fit(data, {
      ...fitOptions,
      epochs,
      batchSize,
      onEpoch: (record) => progress.line(epochLine(record, epochs)),
      ...(progress.shown ? { onStep: ({ step, loss }) => progress.update(step + 1, `loss ${loss.toPrecision(4)}`) } : {})
    })
    return { history, interrupted: interrupt.interrupted() }
  } finally {
    progress.stop()
    interrupt.dispose()
    trainer.dispose()
  }
}

const parameterCount = (model: Model): number => Object.values(model.parameters).reduce((sum, { data }) => sum + data.length, 0)

const untold = new Set(['epoch', 'steps', 'seconds', 'samplesPerSecond', 'learningRate'])

/** `epoch 3/8  loss 0.1034  validationLoss 0.0874  8,539 rows/s` */
function epochLine(record: EpochRecord, epochs: number): string {
  const losses = Object.entries(record.losses ?? {}).map(([name, loss]) => [`${name}.loss`, loss] as const)
  const told = [...Object.entries(record), ...losses].flatMap(([name, value]) =>
    typeof value === 'number' && !untold.has(name) ? [`${name} ${value.toPrecision(4)}`] : []
  )
  const number = String(record.epoch + 1).padStart(String(epochs).length)
  return [`epoch ${number}/${epochs}`, ...told, `${count(record.samplesPerSecond)} rows/s`].join('  ')
}
