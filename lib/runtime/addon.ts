import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TypedArray } from '../kernels/types.js'
import type { CrossingResult } from './runtime.js'

/** What native/addon gives. Arguments are checked there; errors carry the codes of lib/errors.ts. */
export interface NativeAddon {
  call(
    target: number,
    kernel: number,
    operands: readonly (TypedArray | null)[],
    dims: readonly number[] | Float64Array,
    scalars: readonly number[] | Float64Array,
    threads: number
  ): [status: number, detail: number]
  kernels(): readonly AddonKernel[]
  elements(kernel: number, dims: readonly number[], scalars: readonly number[]): number[]
  /** Best first. */
  targets(): readonly { readonly name: string; readonly supported: boolean }[]
  /** The least of CPU affinity, cgroup quota and physical cores. */
  processors(): number
  allocate(bytes: number): ArrayBuffer
  memory(): { readonly bytes: number; readonly blocks: number }
  gather(
    target: number,
    out: TypedArray,
    source: TypedArray,
    rowElements: number,
    rows: Int32Array | null,
    first: number,
    count: number
  ): void
  compile(target: number, stream: Float64Array): ProgramHandle
  /** memory: one Uint8Array over the whole buffer for each region, null for those that are not bound. */
  bind(program: ProgramHandle, memory: readonly (Uint8Array | null)[], threads: number): ExecutorHandle
  run(...crossing: CrossingArguments): Promise<CrossingResult>
  runSync(...crossing: CrossingArguments): CrossingResult
  cancel(executor: ExecutorHandle): void
  release(handle: ProgramHandle | ExecutorHandle): void
}

export interface AddonKernel {
  readonly name: string
  readonly dims: number
  readonly scalars: number
  readonly operands: readonly { readonly name: string; readonly dtype: string; readonly access: string; readonly optional: boolean }[]
}

declare const program: unique symbol
declare const executor: unique symbol
export interface ProgramHandle {
  readonly [program]: never
}
export interface ExecutorHandle {
  readonly [executor]: never
}

/** numbers: first, affine (0 or 1), scale, shift of each source. */
export type CrossingArguments = [
  executor: ExecutorHandle,
  steps: number,
  symbols: Float64Array,
  slots: Float64Array,
  sources: readonly TypedArray[],
  rows: readonly (Int32Array | null)[],
  numbers: Float64Array,
  outputs: readonly TypedArray[],
  results: Float64Array
]

export type AddonLoad =
  | { readonly addon: NativeAddon; readonly reason?: undefined }
  | { readonly addon?: undefined; readonly reason: string }

let loaded: AddonLoad | undefined

/** Loads the addon at the first call; then, and where that failed, what came of it. Never throws. */
export function loadAddon(): AddonLoad {
  loaded ??= tryLoad()
  return loaded
}

function tryLoad(): AddonLoad {
  try {
    const here = thisFile()
    if (here === undefined) return { reason: 'the code was bundled, so its package folder with the native binary is not known' }
    const root = path.resolve(path.dirname(here), '../..')
    if (packageName(root) !== 'evenkeel')
      return {
        reason: `${root} is not the folder of the package evenkeel (was the code bundled?), so its native binary was not looked for`
      }
    // Not imported: node-gyp-build calls `require` at its top, which a bundle in ES modules does not have.
    const build = createRequire(here)('node-gyp-build') as (root: string) => NativeAddon
    const addon = build(root)
    // Hosts that keep all memory of ArrayBuffers in a cage of their own refuse this.
    addon.allocate(1)
    return { addon }
  } catch (error) {
    // node-gyp-build's message runs over several lines.
    return { reason: (error instanceof Error ? error.message : String(error)).trim().replace(/\s*\n\s*/g, ' ') }
  }
}

/** In a CommonJS bundle `import.meta.url` is empty. */
function thisFile(): string | undefined {
  const url: string | undefined = import.meta.url
  return url?.startsWith('file:') ? fileURLToPath(url) : undefined
}

function packageName(root: string): unknown {
  try {
    return (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { name?: unknown }).name
  } catch {
    return undefined
  }
}
