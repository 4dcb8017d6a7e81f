import { Command, Option } from 'commander'
import type { ReadOptions } from '../data/tables/columns.js'
import type { TableDataset } from '../data/tables/table-dataset.js'
import { type OutputColumn, type OutputRows, tableFormatOf, writeTable } from '../io/table-writer.js'
import { formatShape, staticElementCount } from '../shape.js'
import { type LoadOptions, loadModel, type Model, type ModelPort } from '../training/model.js'
import { addBackendOptions, type BackendArguments, integer, nonEmpty, refuseOutput } from './arguments.js'
import { Interrupted, onInterrupt } from './exit.js'
import { addCodeOption, type CodeArguments, readModelCode, withModuleAdvice } from './model-code.js'
import { type Give, give, PredictedColumns } from './predicted-columns.js'
import { count, Progress } from './report.js'
import { openTableFile } from './table-files.js'

interface PredictArguments extends BackendArguments, CodeArguments {
  readonly output: string
  readonly force: boolean
  readonly columns?: readonly string[]
  readonly name: string
  readonly give: Give
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
      new Option(
        '--give <what>',
        "values, the network's outputs; probabilities, their softmax (of one number its sigmoid); or class, the one with the largest (of one number, a logit, 1 where it is above 0, else 0). Of several outputs also by name: kind=class,price=values"
      )
        .argParser(give)
        .default(give('values'), 'values')
    )
    .addOption(
      new Option('--missing <what>', "rows with an empty cell (default: as the model's file says; else error)").choices(['error', 'skip'])
    )
    .option('--batch-size <n>', 'rows a step', integer(1, 1 << 20), 1024)
    .option('--json', 'rows and seconds as one JSON object in the last line', false)
    .allowExcessArguments(false)
    .addHelpText('after', '\nCtrl-C leaves no half file behind.')
  return addBackendOptions(addCodeOption(command)).action(predict)
}

const columnList = (text: string): string[] => text.split(',').map((name) => name.trim())

async function predict(file: string, rows: string, given: PredictArguments): Promise<void> {
  tableFormatOf('evenkeel predict', given.output)
  await refuseOutput(given.output, given.force)
  const model = await openModel(file, given)
  const table = await openTable(rows, model, given)
  const width = expectColumns(model, rows, table)
  const predicted = new PredictedColumns(model, given.name, given.give)
  const outputs = outputColumns(table, predicted)
  const stop = new AbortController()
  const interrupt = onInterrupt(() => stop.abort(new Interrupted('interrupted')))
  const progress = new Progress({ unit: 'row', total: table.length })
  const scoring = new Scoring(model, table, predicted, given.batchSize, progress, stop.signal)
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

async function openModel(file: string, { backend, threads, module }: PredictArguments): Promise<Model> {
  const code = await readModelCode(module)
  const options = { ...code, backend, ...(threads === undefined ? {} : { threads }) }
  return (await withModuleAdvice(file, code, loadModel(file, options as LoadOptions & { model?: undefined }))) as Model
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
  if (model.inputs.length > 1 || shape.length !== 1)
    throw new Error(
      `expected a model whose input is a row of numbers, got ${model.inputs.map((input) => formatShape(input.shape)).join(' and ')}`
    )
  if (x.length === expected) return expected
  throw new Error(
    `${file}: expected ${expected} columns for the model's input, got ${x.length}: ${x.slice(0, 20).join(', ')}. Choose them with --columns a,b,c`
  )
}

function outputColumns({ columns }: TableDataset, predicted: PredictedColumns): OutputColumn[] {
  const names = predicted.columns.map(({ name }) => name)
  const taken = columns.find((column) => names.includes(column.name))
  if (taken) throw new Error(`expected a name for the predictions that no column has, got '${taken.name}'. Give another with --name`)
  return [...columns, ...predicted.columns]
}

/** The file's rows with their predictions, batch by batch; the next batch is read while one is computed. */
class Scoring {
  rows = 0
  readonly #model: Model
  readonly #table: TableDataset
  readonly #predicted: PredictedColumns
  readonly #batchSize: number
  readonly #progress: Progress
  readonly #signal: AbortSignal

  constructor(model: Model, table: TableDataset, predicted: PredictedColumns, batchSize: number, progress: Progress, signal: AbortSignal) {
    this.#model = model
    this.#table = table
    this.#predicted = predicted
    this.#batchSize = batchSize
    this.#progress = progress
    this.#signal = signal
  }

  async *pieces(): AsyncGenerator<OutputRows, void, undefined> {
    const batchSize = this.#batchSize
    const predictor = this.#model.predictor({ maxBatch: batchSize, output: this.#predicted.forms })
    try {
      for await (const { columns, output } of predictor.stream(this.#table, { batchSize, signal: this.#signal })) {
        const carried = this.#table.columns.map(({ name }) => columns![name]!)
        const cells = this.#predicted.cells(output)
        yield [...carried, ...cells]
        this.rows += cells[0]!.length
        this.#progress.update(this.rows)
      }
    } finally {
      predictor.dispose()
    }
  }
}
