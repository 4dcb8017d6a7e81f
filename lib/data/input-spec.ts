import { outOfRange, wrongKind } from '../errors.js'
import { checkOptions, choiceOption, numberOption } from '../options.js'
import type { StaticShape } from '../shape.js'

/** What an input of a model is fed with. */
export interface InputSpec {
  /** Of one row, without the batch dimension. */
  readonly shape: StaticShape
  /** Each value v of an input is read as v · scale + shift. */
  readonly scale?: number
  readonly shift?: number
  /** Default 'float32'. 'int32' for row numbers and classes that the model looks up: whole numbers, read as they are. */
  readonly dtype?: 'float32' | 'int32'
}

/** What the option `input` may be: one input, or several by name. */
export type InputOption = StaticShape | InputSpec | Readonly<Record<string, StaticShape | InputSpec>>

/** An input as the data path knows it. */
export interface InputPort {
  /** Its name among several; undefined where the model has one without a name. */
  readonly key: string | undefined
  /** What messages call it: `x`, or `x.left`. */
  readonly name: string
  readonly shape: StaticShape
  readonly dtype: 'float32' | 'int32'
  readonly scale?: number
  readonly shift?: number
}

const advice = 'Give the shape of one row: input: [784], or { shape: [784], scale: 1 / 255 }, or several of these by name'

/** A shape, `{ shape, scale?, shift?, dtype? }`, or a record of these by name. The sizes are checked where the model is described. */
export function inputPorts(owner: string, input: unknown): readonly InputPort[] {
  if (typeof input !== 'object' || input === null) throw wrongKind(owner, 'input to be a shape', input, advice)
  // An input called shape is written { shape: { shape: [3] } }.
  if (Array.isArray(input) || Array.isArray((input as InputSpec).shape)) return [portOf(owner, undefined, input)]
  const entries = Object.entries(input)
  const named = entries.length > 0 && entries.every(([, value]) => typeof value === 'object' && value !== null)
  if (!named) throw wrongKind(owner, 'input.shape to be a shape', (input as InputSpec).shape, advice)
  return entries.map(([key, value]) => portOf(owner, key, value))
}

function portOf(owner: string, key: string | undefined, input: unknown): InputPort {
  const name = key === undefined ? 'input' : `input.${key}`
  const given: Partial<InputSpec> = Array.isArray(input)
    ? { shape: input as unknown as StaticShape }
    : checkOptions<InputSpec>(`${owner}, ${name}`, input as InputSpec, ['shape', 'scale', 'shift', 'dtype'])
  const { shape, scale, shift } = given
  if (!Array.isArray(shape)) throw wrongKind(owner, `${name}.shape to be a shape`, shape, advice)
  const dtype = choiceOption(owner, `${name}.dtype`, given.dtype, 'float32', ['float32', 'int32'])
  if (dtype === 'int32' && (scale !== undefined || shift !== undefined))
    throw outOfRange(owner, `${name} of int32 without scale and shift`, scale ?? shift, 'Whole numbers are read as they are')
  return Object.freeze({
    key,
    name: key === undefined ? 'x' : `x.${key}`,
    shape: Object.freeze([...shape]) as StaticShape,
    dtype,
    ...(scale === undefined ? {} : { scale: numberOption(owner, `${name}.scale`, scale, 1) }),
    ...(shift === undefined ? {} : { shift: numberOption(owner, `${name}.shift`, shift, 0) })
  })
}

/** What `inputPorts` reads as the same again: for files. */
export function inputOption(ports: readonly InputPort[]): InputOption {
  const specs = ports.map(({ key, name: _, dtype, ...spec }) => [key, { ...spec, ...(dtype === 'float32' ? {} : { dtype }) }] as const)
  return ports[0]!.key === undefined ? specs[0]![1] : Object.fromEntries(specs)
}
