import path from 'node:path'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { portableKernels } from '../../lib/kernels/portable.js'
import { type KernelName, kernelTable } from '../../lib/kernels/table.js'
import type { KernelCallArguments, TypedArray } from '../../lib/kernels/types.js'

/** A way to run one kernel: the TypeScript twin, or the native kernels on one instruction set. */
export interface KernelBackend {
  /** `portable`, `native avx2`, … */
  readonly name: string
  call(
    kernel: KernelName,
    operands: readonly (TypedArray | null)[],
    dims: readonly number[],
    scalars?: readonly number[],
    threads?: number
  ): { status: number; detail: number }
}

export interface RawAddon {
  call(
    target: number,
    kernel: number,
    operands: readonly (TypedArray | null)[],
    dims: readonly number[],
    scalars: readonly number[],
    threads: number
  ): [number, number]
  kernels(): {
    name: string
    dims: number
    scalars: number
    operands: { name: string; dtype: string; access: string; optional: boolean }[]
  }[]
  elements(kernel: number, dims: readonly number[], scalars: readonly number[]): number[]
  targets(): { name: string; supported: boolean }[]
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** The addon, or why there is none. With EVENKEEL_BACKEND=native a missing addon fails the run. */
export const { addon, reason } = loadAddon()

function loadAddon(): { addon: RawAddon | undefined; reason: string | undefined } {
  if (process.env.EVENKEEL_BACKEND === 'portable') return { addon: undefined, reason: 'EVENKEEL_BACKEND=portable' }
  try {
    return { addon: nodeGypBuild(root) as RawAddon, reason: undefined }
  } catch (error) {
    if (process.env.EVENKEEL_BACKEND === 'native') throw error
    return { addon: undefined, reason: (error as Error).message }
  }
}

const portable: KernelBackend = {
  name: 'portable',
  call(kernel, operands, dims, scalars = []) {
    const run = portableKernels[kernel]
    if (!run) throw new Error(`no portable kernel '${kernel}'`)
    const call: KernelCallArguments = { operands, dims, scalars, detail: 0 }
    const status = run(call)
    return { status, detail: call.detail }
  }
}

function nativeBackends(): KernelBackend[] {
  if (!addon) return []
  const numbers = new Map(addon.kernels().map((kernel, index) => [kernel.name, index]))
  return addon.targets().flatMap((target, index): KernelBackend[] => {
    if (!target.supported) return []
    return [
      {
        name: `native ${target.name}`,
        call(kernel, operands, dims, scalars = [], threads = 2) {
          const number = numbers.get(kernel)
          if (number === undefined) throw new Error(`no native kernel '${kernel}'`)
          const [status, detail] = addon!.call(index, number, operands, dims, scalars, threads)
          return { status, detail }
        }
      }
    ]
  })
}

/** Every backend that runs here, the portable one first. */
export const kernelBackends: readonly KernelBackend[] = [portable, ...nativeBackends()]

/** Kernel names in the order of the table. */
export const kernelNames: readonly KernelName[] = kernelTable.map((spec) => spec.name)
