import { Command, Option } from 'commander'
import type { ReadOptions } from '../data/tables/columns.js'
import type { TableDataset } from '../data/tables/table-dataset.js'
import { type OutputColumn, type OutputRows, tableFormatOf, writeTable } from '../io/table-writer.js'
import { formatShape, staticElementCount } from '../shape.js'
import type { Tensor } from '../tensor.js'
import { loadModel, type Model, type ModelPort } from '../training/model.js'
import { addBackendOptions, type BackendArguments, integer, nonEmpty, refuseExisting } from './arguments.js'
import { Interrupted, onInterrupt } from './exit.js'
import { count, Progress } from './report.js'
import { openTableFile } from './table-files.js'

interface PredictArguments extends BackendArguments {
  readonly output: string
  readonly force: boolean
  readonly columns?: readonly string[]
  readonly name: string
  readonly give: 'values' | 'probabilities' | 'class'
  readonly missing?: 'error' | 'skip'
  readonly batchSize: number
  readonly json: boolean
}

export function predictCommand(): Command {
  const command = new Command('predict')
    .description("Scores a file's rows with a model: every column of the file is carried along, the predictions come last.")
    .argument('<model>', 'a file that save wrote')
    .argument('<file>', 'rows as .csv, .tsv, .jsonl, .parquet or .arrow')
    .requiredOption('-o, --output <file>', 'where the rows are written, as .csv, .tsv, .jsonl or .parquet', nonEmpty)
    .option('--force', 'replace the output file where there is one', false)
    .option(
      '--columns <names>',
      "the columns that are the model's input, with commas between (default: those it was trained on, where its file says so; else all)",
      columnList
    )
    .option('--name <name>', 'of the column of predictions; several are called name.0, name.1, …', nonEmpty, 'prediction')
    .addOption(
      new Option('--give <what>', "the network's output, its softmax (of one number its sigmoid), or the class with the largest")
        .choices(['values', 'probabilities', 'class'])
        .default('values')
    )
    .addOption(
      new Option('--missing <what>', "rows with an empty cell (default: as the model's file says; else error)").choices(['error', 'skip'])
    )
    .option('--batch-size <n>', 'rows a step', integer(1, 1 << 20), 1024)
    .option('--json', 'rows and seconds as one JSON object in the last line', false)
    .allowExcessArguments(false)
    .addHelpText('after', '\nCtrl-C leaves no half file behind.')
  return addBackendOptions(command).action(predict)
}

const columnList = (text: string): string[] => text.split(',').map((name) => name.trim())

async function predict(file: string, rows: string, given: PredictArguments): Promise<void> {
  tableFormatOf('evenkeel predict', given.output)
  await refuseExisting(given.output, given.force)
  const { backend, threads } = given
  const model = await loadModel(file, { backend, ...(threads === undefined ? {} : { threads }) })
  const table = await openTable(rows, model, given)
  const width = expectColumns(model, rows, table)
  const outputs = outputColumns(given, table, model)
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort(new Interrupted('interrupted')))
  const progress = new Progress({ unit: 'row', total: table.length })
  const scoring = new Scoring(model, table, given, progress, stop.signal)
  const start = performance.now()
  try {
    await writeTable('evenkeel predict', given.output, outputs, scoring.pieces())
  } finally {
    progress.stop()
    interrupt.dispose()
    model.dispose()
  }
  const seconds = (performance.now() - start) / 1000
  console.log(
    `${count(scoring.rows)} rows of ${width} columns in ${seconds.toFixed(1)} s, ${count(scoring.rows / seconds)} rows/s: ${given.output}`
  )
  if (given.json) console.log(JSON.stringify({ rows: scoring.rows, seconds, output: given.output, ...model.backend }))
}

async function openTable(file: string, { preprocessing }: Model, { columns, missing }: PredictArguments): Promise<TableDataset> {
  if (!preprocessing) {
    const options: ReadOptions = { keep: 'all', ...(missing ? { missing } : {}), ...(columns ? { x: columns } : {}) }
    return await openTableFile(file, options)
  }
  for (const [option, value] of Object.entries({ columns, missing }))
    if (value !== undefined) throw new Error(`expected no --${option}, got one: the model's file says which columns it reads and how`)
  return (await openTableFile(file, { keep: 'all', x: preprocessing.columns })).preprocess(preprocessing)
}

/** The model takes as many numbers a row as columns were chosen. */
function expectColumns(model: Model, file: string, { x }: TableDataset): number {
  if (model.preprocessing) return x.length
  const [{ shape }] = model.inputs as [ModelPort]
  const expected = staticElementCount(shape)
  if (model.inputs.length > 1 || model.outputs.length > 1 || shape.length !== 1)
    throw new Error(
      `expected a model of one output whose input is a row of numbers, got ${model.inputs.map((input) => formatShape(input.shape)).join(' and ')}`
    )
  if (x.length === expected) return expected
  throw new Error(
    `${file}: expected ${expected} columns for the model's input, got ${x.length}: ${x.slice(0, 20).join(', ')}. Choose them with --columns a,b,c`
  )
}

function outputColumns({ name, give }: PredictArguments, { columns }: TableDataset, model: Model): OutputColumn[] {
  const width = staticElementCount(model.outputs[0]!.shape)
  const classes = model.preprocessing?.classes
  const names =
    give === 'class' || width === 1 ? [name] : Array.from({ length: width }, (_, index) => `${name}.${classes?.[index] ?? index}`)
  const taken = columns.find((column) => names.includes(column.name))
  if (taken) throw new Error(`expected a name for the predictions that no column has, got '${taken.name}'. Give another with --name`)
  const kind = give === 'class' ? (classes ? 'text' : 'integer') : 'float'
  return [...columns, ...names.map((column): OutputColumn => ({ name: column, kind }))]
}

/** The file's rows with their predictions, batch by batch; the next batch is read while one is computed. */
class Scoring {
  rows = 0
  readonly #model: Model
  readonly #table: TableDataset
  readonly #given: PredictArguments
  readonly #progress: Progress
  readonly #signal: AbortSignal

  constructor(model: Model, table: TableDataset, given: PredictArguments, progress: Progress, signal: AbortSignal) {
    this.#model = model
    this.#table = table
    this.#given = given
    this.#progress = progress
    this.#signal = signal
  }

  async *pieces(): AsyncGenerator<OutputRows, void, undefined> {
    const { batchSize } = this.#given
    const predictor = this.#model.predictor({
      maxBatch: batchSize,
      ...(this.#given.give === 'probabilities' ? { output: 'probabilities' } : {})
    })
    try {
      const batches = this.#table.batches({ batchSize, signal: this.#signal })
      for await (const { columns, output } of predictor.stream(batches, { batchSize, signal: this.#signal })) {
        const carried = this.#table.columns.map(({ name }) => columns![name]!)
        yield [...carried, ...this.#predicted(output)]
        this.rows += output.shape[0]!
        this.#progress.update(this.rows)
      }
    } finally {
      predictor.dispose()
    }
  }

  #predicted({ data, shape }: Tensor): ArrayLike<unknown>[] {
    const rows = shape[0]!
    const width = data.length / rows
    if (this.#given.give === 'class') {
      const numbers = Array.from({ length: rows }, (_, row) => largest(data, row * width, width))
      const classes = this.#model.preprocessing?.classes
      return [classes ? numbers.map((number) => classes[number]) : numbers]
    }
    return Array.from({ length: width }, (_, column) => Float32Array.from({ length: rows }, (_, row) => data[row * width + column]!))
  }
}

/** The class of a row of logits; a single logit is positive for class 1. */
function largest(values: Float32Array, start: number, width: number): number {
  if (width === 1) return values[start]! > 0 ? 1 : 0
  let best = 0
  for (let i = 1; i < width; i++) if (values[start + i]! > values[start + best]!) best = i
  return best
}
