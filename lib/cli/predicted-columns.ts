import { InvalidArgumentError } from 'commander'
import type { OutputColumn } from '../io/table-writer.js'
import { staticElementCount } from '../shape.js'
import type { Tensor } from '../tensor.js'
import type { Model, ModelPort } from '../training/model.js'

const choices = ['values', 'probabilities', 'class'] as const
type Form = (typeof choices)[number]

/** What `--give` says: of every output, and of single ones by name. */
export interface Give {
  readonly all: Form
  readonly byOutput: ReadonlyMap<string, Form>
}

/** `class`, or `kind=class,price=values`, or both: `probabilities,price=values`. */
export function give(text: string): Give {
  const byOutput = new Map<string, Form>()
  let all: Form | undefined
  for (const part of text.split(',')) {
    const at = part.lastIndexOf('=')
    const form = formOf(part.slice(at + 1))
    const name = part.slice(0, Math.max(0, at))
    if (at < 0 ? all !== undefined : byOutput.has(name))
      throw new InvalidArgumentError(`Expected one for each output, got '${part}' besides.`)
    if (at < 0) all = form
    else byOutput.set(name, form)
  }
  return { all: all ?? 'values', byOutput }
}

function formOf(text: string): Form {
  const form = choices.find((choice) => choice === text)
  if (form) return form
  throw new InvalidArgumentError(`Expected ${choices.join(', ')}, or one of these by output: kind=class,price=values.`)
}

/** The columns that a model's predictions become. */
export class PredictedColumns {
  readonly columns: readonly OutputColumn[]
  readonly #outputs: readonly Output[]

  constructor(model: Model, name: string, { all, byOutput }: Give) {
    const names = model.outputs.map((output) => output.name)
    for (const key of byOutput.keys())
      if (!names.includes(key))
        throw new Error(`expected --give for outputs of the model, ${names.join(', ') || 'one without a name'}, got '${key}'`)
    this.#outputs = model.outputs.map((port) => {
      const form = (port.name === undefined ? undefined : byOutput.get(port.name)) ?? all
      return { port, form, classes: model.outputs.length === 1 ? model.preprocessing?.classes : undefined }
    })
    this.columns = this.#outputs.flatMap((output) => columnsOf(output, name))
  }

  /** What the predictor is to give. */
  get forms(): 'logits' | 'probabilities' | Readonly<Record<string, 'logits' | 'probabilities'>> {
    const forms = this.#outputs.map(({ port, form }) => [port.name, form === 'probabilities' ? form : 'logits'] as const)
    return forms[0]![0] === undefined ? forms[0]![1] : Object.fromEntries(forms)
  }

  /** The columns' cells, of what the predictor gave for some rows. */
  cells(given: Tensor | Readonly<Record<string, Tensor>>): ArrayLike<unknown>[] {
    return this.#outputs.flatMap((output) => {
      const { name } = output.port
      return cellsOf(output, name === undefined ? (given as Tensor) : (given as Readonly<Record<string, Tensor>>)[name]!)
    })
  }
}

interface Output {
  readonly port: ModelPort
  readonly form: Form
  /** Names of the classes, where the model knows them. */
  readonly classes: readonly string[] | undefined
}

function columnsOf({ port, form, classes }: Output, name: string): OutputColumn[] {
  const base = port.name === undefined ? name : `${name}.${port.name}`
  const width = staticElementCount(port.shape)
  if (form === 'class') return [{ name: base, kind: classes ? 'text' : 'integer' }]
  if (width === 1) return [{ name: base, kind: 'float' }]
  return Array.from({ length: width }, (_, index) => ({ name: `${base}.${classes?.[index] ?? index}`, kind: 'float' }))
}

function cellsOf({ form, classes }: Output, { data, shape }: Tensor): ArrayLike<unknown>[] {
  const rows = shape[0]!
  const width = data.length / rows
  if (form === 'class') {
    const numbers = Array.from({ length: rows }, (_, row) => largest(data, row * width, width))
    return [classes ? numbers.map((number) => classes[number]) : numbers]
  }
  return Array.from({ length: width }, (_, column) => Float32Array.from({ length: rows }, (_, row) => data[row * width + column]!))
}

/** The class of a row of logits; a single logit is positive for class 1. */
function largest(values: Float32Array, start: number, width: number): number {
  if (width === 1) return values[start]! > 0 ? 1 : 0
  let best = 0
  for (let i = 1; i < width; i++) if (values[start + i]! > values[start + best]!) best = i
  return best
}
