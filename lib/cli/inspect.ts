import { stat } from 'node:fs/promises'
import { Command } from 'commander'
import { openModelFile } from '../io/model-file.js'
import { openSafetensors, type SafetensorsFile } from '../io/safetensors.js'
import { layerFactories } from '../layers/define-layer.js'
import { formatShape } from '../shape.js'
import { summaryTable } from '../training/summary.js'
import { addCodeOption, type CodeArguments, type GivenCode, isAboutCode, readModelCode, withModuleAdvice } from './model-code.js'
import { count } from './report.js'

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('Shows what a model file holds: its layers, and of every tensor shape, mean, deviation and range.')
    .argument('<model>', 'a file that save wrote')
    .option('--json', 'one JSON object', false)
    .allowExcessArguments(false)
  return addCodeOption(command).action(async (model: string, { json, module }: CodeArguments & { json: boolean }) => {
    const report = await inspect(model, await readModelCode(module))
    if (json) console.log(JSON.stringify(report))
    else for (const line of linesOf(report)) console.log(line)
  })
}

interface TensorReport {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly mean: number
  readonly deviation: number
  readonly minimum: number
  readonly maximum: number
  /** NaN and infinities; the others' statistics leave them out. */
  readonly nonFinite: number
}

interface ModelReport {
  readonly file: string
  readonly bytes: number
  /** What the file says of itself: versions, seed, and JSON parsed. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** The layers as a table; undefined where code would be needed that the file does not hold. */
  readonly summary: string | undefined
  readonly tensors: readonly TensorReport[]
}

async function inspect(file: string, code: GivenCode): Promise<ModelReport> {
  const { size } = await stat(file)
  const opened = await openSafetensors('inspect', file)
  try {
    const summary = await summaryOf(file, code)
    const tensors: TensorReport[] = []
    for (const name of opened.tensors.keys()) tensors.push(await tensorReport(opened, name))
    return { file, bytes: size, metadata: metadataOf(opened), summary, tensors }
  } finally {
    await opened.close()
  }
}

async function summaryOf(file: string, code: GivenCode): Promise<string | undefined> {
  const { model, layers } = code
  try {
    const opened = await withModuleAdvice(file, code, openModelFile('inspect', file, { model, layers: layerFactories('inspect', layers) }))
    await opened.close()
    return summaryTable(opened.description, new Set())
  } catch (error) {
    if (!model && !layers && isAboutCode(error)) return undefined
    throw error
  }
}

function metadataOf({ metadata }: SafetensorsFile): Record<string, unknown> {
  return Object.fromEntries([...metadata].map(([key, text]) => [key, /^[[{]/.test(text) ? JSON.parse(text) : text]))
}

async function tensorReport(file: SafetensorsFile, name: string): Promise<TensorReport> {
  const { shape, type } = file.tensors.get(name)!
  const data = (await file.read(name)) as Iterable<number | bigint>
  let [finite, nonFinite, sum, minimum, maximum] = [0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let squares = 0
  for (const element of data) {
    const value = Number(element)
    if (!Number.isFinite(value)) {
      nonFinite++
      continue
    }
    // Welford (1962): a mean far from zero costs no digits.
    finite++
    const difference = value - sum
    sum += difference / finite
    squares += difference * (value - sum)
    minimum = Math.min(minimum, value)
    maximum = Math.max(maximum, value)
  }
  const deviation = finite > 0 ? Math.sqrt(squares / finite) : 0
  return { name, shape, dtype: type, mean: sum, deviation, minimum, maximum, nonFinite }
}

function linesOf({ file, bytes, metadata, summary, tensors }: ModelReport): string[] {
  const { version, formatVersion, seed, input, output } = metadata
  return [
    `${file}: ${count(bytes)} bytes, written by evenkeel ${version}, format ${formatVersion}, seed ${seed}`,
    `input ${JSON.stringify(input)}`,
    ...(output === undefined ? [] : [`output ${JSON.stringify(output)}`]),
    '',
    summary ?? missingCode(metadata),
    '',
    ...tableOf(tensors)
  ]
}

function missingCode({ model }: ModelReport['metadata']): string {
  const what = model === 'function' ? 'was saved from a function' : 'has layers of kinds of its own'
  return `The file ${what}, code that it does not hold: --module FILE shows its layers.`
}

const number = (value: number): string => (Number.isFinite(value) ? Number(value.toPrecision(5)).toString() : '-')

function tableOf(tensors: readonly TensorReport[]): string[] {
  const rows = [
    ['tensor', 'shape', 'type', 'mean', 'deviation', 'minimum', 'maximum'],
    ...tensors.map(({ name, shape, dtype, mean, deviation, minimum, maximum, nonFinite }) => [
      name,
      formatShape(shape),
      dtype,
      number(mean),
      number(deviation),
      number(minimum),
      number(maximum) + (nonFinite > 0 ? `  ${count(nonFinite)} NaN or infinite` : '')
    ])
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column > 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  )
}
