import { expectation, outOfRange, withCode, wrongKind } from '../errors.js'
import { portName } from '../layers/ports.js'
import { nearest, numberOption } from '../options.js'
import { isLoss, type Loss, type Losses, type ModelDescription, objectivesOf } from '../programs/index.js'
import { asLoss } from './define-loss.js'
import { accuracy, type Metric } from './metrics.js'

// What a model's outputs are asked for: of the only one, or of each by its name.

/** The part of a model's description that says what it gives. */
type Outputs = Pick<ModelDescription, 'outputs'>

/** What training or an evaluation wants to know of an output: its rows are read and compared with targets. */
export interface Asked {
  /** Index among the model's outputs. */
  readonly output: number
  /** Its name among several, undefined where there is one without. */
  readonly key: string | undefined
  /** What messages call its targets, and the Program's input: `y`, or `y.price`. */
  readonly target: string
  readonly loss: Loss | undefined
  /** Of the loss, in the sum. */
  readonly weight: number
  readonly metrics: readonly Metric[]
}

/** What is given for the only output, or for those with names by name; undefined for anything else. */
export function outputsByName(
  owner: string,
  what: string,
  { outputs }: Outputs,
  given: unknown
): Readonly<Record<string, unknown>> | undefined {
  const names = outputs.flatMap(({ key }) => (key === undefined ? [] : [key]))
  if (names.length === 0 || Object.prototype.toString.call(given) !== '[object Object]' || isLoss(given)) return undefined
  const values = given as Readonly<Record<string, unknown>>
  for (const name of Object.keys(values)) if (!names.includes(name)) throw unknownOutput(owner, what, name, names)
  if (Object.values(values).every((value) => value === undefined))
    throw outOfRange(owner, `${what} for at least one of the outputs ${names.join(', ')}`, given)
  return values
}

function unknownOutput(owner: string, what: string, name: string, names: readonly string[]): TypeError {
  const near = nearest(name, names)
  const advice = near === undefined ? undefined : `Did you mean ${near}?`
  const text = expectation(owner, `${what} by the names of the outputs, ${names.join(', ')}`, `'${name}'`, advice)
  return withCode(new TypeError(text), 'EVENKEEL_NAME')
}

/** A loss for every output, or losses by output. */
export function lossesOption(owner: string, model: Outputs, given: unknown): Losses {
  const named = outputsByName(owner, 'loss', model, given)
  if (!named) return expectLoss(owner, 'loss', given)
  const losses = Object.entries(named).flatMap(([name, loss]) =>
    loss === undefined ? [] : [[name, expectLoss(owner, `loss.${name}`, loss)] as const]
  )
  return Object.fromEntries(losses)
}

function expectLoss(owner: string, what: string, value: unknown): Loss {
  const loss = asLoss(value)
  if (loss) return loss
  const advice = typeof value === 'function' ? 'Call it: softmaxCrossEntropy(), not softmaxCrossEntropy' : undefined
  throw wrongKind(owner, `${what} to be a loss such as softmaxCrossEntropy(), or a function of prediction and target`, value, advice)
}

/** What each output's loss counts for in the sum, by output; 1 for those that are not named. */
export function lossWeightsOption(owner: string, model: Outputs, losses: Losses, given: unknown): Readonly<Record<string, number>> {
  if (given === undefined) return {}
  const named = outputsByName(owner, 'lossWeights', model, given)
  if (!named) throw wrongKind(owner, 'lossWeights to be a number for each output by its name', given)
  const trained = objectivesOf(model, losses).map(({ key }) => key!)
  const weights = Object.entries(named).map(([name, weight]) => {
    if (!trained.includes(name)) throw outOfRange(owner, `lossWeights for outputs that have a loss, ${trained.join(', ')}`, name)
    return [name, numberOption(owner, `lossWeights.${name}`, weight, 1, { atLeast: 0 })] as const
  })
  return Object.fromEntries(weights)
}

export interface AskedOptions {
  readonly losses: Losses | undefined
  readonly lossWeights?: Readonly<Record<string, number>> | undefined
  /** As it was given: an array for every output that has a loss, or arrays by output. Omitted: what fits each loss. */
  readonly metrics: unknown
  /** Whether an output may be measured that has no loss. */
  readonly withoutLoss?: boolean
}

/** What an evaluation asks, in the order of the outputs. */
export function askedOf(owner: string, model: Outputs, { losses, lossWeights, metrics, withoutLoss }: AskedOptions): readonly Asked[] {
  const objectives = losses ? objectivesOf(model, losses, lossWeights) : []
  const named = outputsByName(owner, 'metrics', model, metrics)
  const shared = named ? undefined : metricsOption(owner, 'metrics', metrics)
  return model.outputs.flatMap(({ key }, output): Asked[] => {
    const { loss, weight = 1 } = objectives.find((objective) => objective.output === output) ?? {}
    const own = named ? metricsOption(owner, `metrics.${key}`, (Object.hasOwn(named, key!) ? named[key!] : undefined) ?? []) : shared
    if (named && !loss && own!.length > 0 && !withoutLoss)
      throw outOfRange(owner, `metrics for outputs that have a loss, ${objectives.map((each) => each.key).join(', ')}`, key)
    // Metrics that were not given, or for all outputs alike, are for those that are compared with something.
    if (!loss && losses && !named) return []
    const asked = { output, key, target: portName('y', key), loss, weight, metrics: own ?? defaultMetrics(loss) }
    return loss || asked.metrics.length > 0 ? [asked] : []
  })
}

const defaultMetrics = (loss: Loss | undefined): readonly Metric[] => (loss?.target === 'values' ? [] : [accuracy()])

/** undefined where none were given. */
function metricsOption(owner: string, what: string, value: unknown): readonly Metric[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw wrongKind(owner, `${what} to be an array`, value, 'Such as [accuracy()]')
  const names = new Set(['loss'])
  for (const metric of value) {
    const { name, start } = (metric ?? {}) as Partial<Metric>
    if (typeof name !== 'string' || typeof start !== 'function')
      throw wrongKind(
        owner,
        `${what} such as accuracy()`,
        metric,
        typeof metric === 'function' ? 'Call it: accuracy(), not accuracy' : undefined
      )
    if (names.has(name))
      throw withCode(new TypeError(expectation(owner, 'every metric to have a name of its own', `'${name}' twice`)), 'EVENKEEL_NAME')
    names.add(name)
  }
  return value
}
