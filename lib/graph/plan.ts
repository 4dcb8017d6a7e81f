import { bytesPerElement } from '../kernels/types.js'
import { type Dimension, elementCount, evaluateDimension, type SymbolValues } from '../shape.js'
import type { Sliced } from '../sliced.js'
import type { Graph, Value } from './graph.js'
import { lowerNodes, neededNodes, storageOf } from './lower.js'
import type { LoweredCall, Placement, Scalar, Temporary } from './lowering.js'
import { operandStorage, planScratch } from './memory.js'
import type { BufferReference, KernelCall, Program, ProgramSymbol, Region, ScalarReference, Segment } from './program.js'

/** A persistent region that the executor is bound to. */
export interface RegionRequest {
  readonly kind: 'parameter' | 'gradient' | 'buffer' | 'optimizer' | 'constant'
  readonly name: string
  readonly bytes: number
}

export interface PlanRequest {
  readonly graph: Graph
  readonly symbols: readonly ProgramSymbol[]
  readonly slots?: readonly string[]
  readonly regions: readonly RegionRequest[]
  /** The graph's inputs that become input regions; all unless said otherwise. */
  readonly inputs?: readonly string[]
  /** Values that are there before the Program runs, besides the graph's inputs. */
  readonly given: ReadonlyMap<Value, Placement>
  /** Values that the Program computes into a persistent region. */
  readonly targets?: ReadonlyMap<Value, Placement>
  /** Name → value: each becomes an output region whose rows are the value's first dimension. */
  readonly outputs?: Readonly<Record<string, Value>>
  /** Name → value of one float32. */
  readonly reports?: Readonly<Record<string, Value>>
  /** Whether the graph's checks and commits are part of it; true unless said otherwise. */
  readonly effects?: boolean
  /** Calls on whole regions, after the graph's own: finite checks of the gradients, the optimizer. */
  readonly after?: {
    readonly compute?: readonly RegionCall[]
    readonly commit?: readonly RegionCall[]
    /** Segments of their own, after those. */
    readonly segments?: readonly RegionSegment[]
    /** Name → where one float32 is that these calls write; they come after the values. */
    readonly reports?: Readonly<Record<string, Placement>>
  }
}

/** A segment of calls on places. */
export interface RegionSegment {
  readonly phase: Segment['phase']
  readonly count: Dimension
  readonly calls: readonly RegionCall[]
}

/** A kernel call on places instead of values. */
export type RegionCall = Omit<LoweredCall, 'operands'> & { readonly operands: readonly ((Placement & { dtype?: 'float64' }) | null)[] }

/** Lowers what the request asks for, places every value, and writes the Program. */
export function* planStages(request: PlanRequest): Sliced<Program> {
  const { graph, symbols, outputs = {}, reports = {}, targets = new Map<Value, Placement>(), inputs = [...graph.inputs.keys()] } = request
  const maxima: SymbolValues = Object.fromEntries(symbols.map(({ name, maximum }) => [name, maximum]))
  const given = new Set<Value>([...request.given.keys(), ...graph.inputs.values()])
  const wanted = [...Object.values(outputs), ...Object.values(reports), ...targets.keys()]
  const nodes = neededNodes(graph.nodes, wanted, given, request.effects !== false)
  yield
  const phases = lowerNodes(nodes)
  yield
  const places = new Map<Value | Temporary, Placement>(request.given)
  for (const [value, place] of targets) places.set(value, place)
  for (const [name, value] of graph.inputs) places.set(value, { region: name, offset: 0 })
  for (const [name, value] of Object.entries(outputs)) places.set(value, { region: name, offset: 0 })
  const kept = new Set(Object.values(reports).map(storageOf))
  const scratch = planScratch([...phases.compute, ...phases.commit], (storage) => places.has(storage), kept, maxima)
  yield
  const regions: Region[] = [
    ...inputs.map((name) => rowRegion('input', name, graph.inputs.get(name)!, maxima)),
    ...Object.entries(outputs).map(([name, value]) => rowRegion('output', name, value, maxima)),
    ...request.regions,
    { kind: 'scratch', name: 'scratch', bytes: scratch.bytes }
  ]
  const writer = new ProgramWriter(regions, request.slots ?? [], (storage) => {
    const place = places.get(storage)
    if (place) return place
    return { region: 'scratch', offset: scratch.offsetOf(storage)! }
  })
  const segments: Segment[] = [
    { phase: 'compute', count: 1, calls: [...phases.compute.map(writer.call), ...(request.after?.compute ?? []).map(writer.regionCall)] },
    { phase: 'commit', count: 1, calls: [...phases.commit.map(writer.call), ...(request.after?.commit ?? []).map(writer.regionCall)] },
    ...(request.after?.segments ?? []).map((segment) => ({ ...segment, calls: segment.calls.map(writer.regionCall) }))
  ]
  return {
    symbols,
    slots: request.slots ?? [],
    regions,
    segments: segments.filter((segment) => segment.calls.length > 0),
    reports: [
      ...Object.entries(reports).map(([name, value]) => ({ name, source: writer.reference(storageOf(value)) })),
      ...Object.entries(request.after?.reports ?? {}).map(([name, place]) => ({ name, source: writer.placed(place) }))
    ]
  }
}

class ProgramWriter {
  readonly #regions = new Map<string, number>()
  readonly #slots: readonly string[]
  readonly #place: (storage: Value | Temporary) => Placement

  constructor(regions: readonly Region[], slots: readonly string[], place: (storage: Value | Temporary) => Placement) {
    for (const [index, region] of regions.entries()) this.#regions.set(region.name, index)
    this.#slots = slots
    this.#place = place
  }

  readonly call = (call: LoweredCall): KernelCall => ({
    kernel: call.kernel,
    operands: call.operands.map((operand) => {
      const storage = operandStorage(operand)
      return storage && this.reference(storage)
    }),
    dims: call.dims,
    scalars: call.scalars.map(this.#scalar),
    label: call.label
  })

  readonly regionCall = (call: RegionCall): KernelCall => ({
    kernel: call.kernel,
    operands: call.operands.map((place) => place && this.placed(place)),
    dims: call.dims,
    scalars: call.scalars.map(this.#scalar),
    label: call.label
  })

  reference(storage: Value | Temporary): BufferReference {
    const place = this.#place(storage)
    return { region: this.#region(place.region), offset: place.offset, dtype: storage.dtype }
  }

  placed({ region, offset, dtype }: Placement & { dtype?: 'float64' }): BufferReference {
    return { region: this.#region(region), offset, dtype: dtype ?? 'float32' }
  }

  #region(name: string): number {
    const index = this.#regions.get(name)
    if (index === undefined) throw new Error(`planStages: no region '${name}'`)
    return index
  }

  readonly #scalar = (scalar: Scalar): ScalarReference => {
    if (typeof scalar === 'number') return scalar
    const slot = this.#slots.indexOf(scalar.slot)
    if (slot < 0) throw new Error(`planStages: no slot '${scalar.slot}'`)
    return { slot }
  }
}

function rowRegion(kind: 'input' | 'output', name: string, value: Value, maxima: SymbolValues): Region {
  const rows: Dimension = value.shape[0] ?? 1
  const rowElements = evaluateDimension(elementCount(value.shape.slice(1)), maxima)
  return {
    kind,
    name,
    bytes: evaluateDimension(rows, maxima) * rowElements * bytesPerElement[value.dtype],
    rows,
    rowElements,
    dtype: value.dtype
  }
}
