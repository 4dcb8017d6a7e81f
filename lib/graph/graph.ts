import { withCode } from '../errors.js'
import type { DType } from '../kernels/types.js'
import { formatShape, type Shape, type StaticShape } from '../shape.js'
import type { Lowering } from './lowering.js'

/** What is known of a value before anything runs. */
export interface ValueType {
  readonly shape: Shape
  readonly dtype: DType
}

/** A tensor-to-be: an edge of the graph. */
export interface Value extends ValueType {
  readonly graph: Graph
  readonly id: number
  readonly source: Source
}

export function isValue(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && (value as Value).graph instanceof Graph
}

/** Where a value comes from. */
export type Source =
  | { readonly kind: 'node'; readonly node: Node; readonly index: number }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'buffer'; readonly name: string }

/** One application of an operation. */
export interface Node {
  readonly id: number
  readonly operation: Operation
  readonly inputs: readonly (Value | null)[]
  readonly attributes: Attributes
  readonly outputs: readonly Value[]
  /** What an error about this node names: the dotted path of the layer that made it. */
  readonly label: string
}

// biome-ignore lint/suspicious/noExplicitAny: an operation alone knows its attributes; its own functions see them typed
export type Attributes = any

/** Knows an operation's shapes, gradient and kernels. One a file in lib/ops. */
export interface Operation<A = Attributes> {
  readonly name: string
  /** Types of the outputs; throws ShapeError for inputs that do not fit. */
  infer(inputs: readonly (Value | null)[], attributes: A, label: string): readonly ValueType[]
  /**
   * Gradients of the inputs from those of the outputs (null: no gradient flows). Absent: not differentiable.
   * `wanted[i]` is false where nobody needs the gradient of input i: return null there and save the work.
   */
  gradient?(node: Node, upstream: readonly (Value | null)[], wanted: readonly boolean[]): readonly (Value | null)[]
  /** Emits the kernel calls. */
  lower(node: Node, lowering: Lowering): void
  /** Output 0 is input 0 under another shape: no kernel, the same memory. */
  readonly view?: true
  /** Runs in the commit phase, after every check, and writes buffers in place; has no outputs. */
  readonly commits?: true
  /** Only checks: runs in the compute phase even where nobody reads it. */
  readonly checks?: true
}

export class Graph {
  readonly nodes: Node[] = []
  readonly inputs = new Map<string, Value>()
  readonly parameters = new Map<string, Value>()
  readonly buffers = new Map<string, Value>()
  #values = 0
  #label = ''

  /** Nodes made by `trace` carry this label. */
  labelled<T>(label: string, trace: () => T): T {
    const before = this.#label
    this.#label = label
    try {
      return trace()
    } finally {
      this.#label = before
    }
  }

  get label(): string {
    return this.#label
  }

  input(name: string, shape: Shape, dtype: DType): Value {
    return this.#once(this.inputs, name, { kind: 'input', name }, { shape, dtype })
  }

  parameter(name: string, shape: StaticShape): Value {
    return this.#once(this.parameters, name, { kind: 'parameter', name }, { shape, dtype: 'float32' })
  }

  buffer(name: string, shape: StaticShape, dtype: DType): Value {
    return this.#once(this.buffers, name, { kind: 'buffer', name }, { shape, dtype })
  }

  apply<A>(operation: Operation<A>, inputs: readonly (Value | null)[], attributes: A): readonly Value[] {
    for (const value of inputs)
      if (value && value.graph !== this)
        throw withCode(new TypeError(`ops.${operation.name}: expected values of one model, got values of two`), 'EVENKEEL_TYPE')
    const outputs: Value[] = []
    const node: Node = { id: this.nodes.length, operation, inputs, attributes, outputs, label: this.#label }
    for (const [index, type] of operation.infer(inputs, attributes, this.#label).entries())
      outputs.push({ graph: this, id: this.#values++, source: { kind: 'node', node, index }, ...type })
    this.nodes.push(node)
    return outputs
  }

  #once(map: Map<string, Value>, name: string, source: Source, type: ValueType): Value {
    const known = map.get(name)
    if (known)
      throw withCode(
        new TypeError(`graph: expected one ${source.kind} of a name, got a second '${name}' ${formatShape(type.shape)}`),
        'EVENKEEL_TYPE'
      )
    const value: Value = { graph: this, id: this.#values++, source, ...type }
    map.set(name, value)
    return value
  }
}
