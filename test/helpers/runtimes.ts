import { availableInstructionSets, createNativeRuntime, whyNotNative } from '../../lib/runtime/native.js'
import { portableRuntime } from '../../lib/runtime/portable.js'
import type { Runtime } from '../../lib/runtime/runtime.js'

function nativeRuntimes(): { name: string; runtime: Runtime }[] {
  if (process.env.EVENKEEL_BACKEND === 'portable') return []
  const reason = whyNotNative()
  if (reason !== undefined && process.env.EVENKEEL_BACKEND === 'native') throw new Error(reason)
  return availableInstructionSets().map((instructionSet) => ({
    name: `native ${instructionSet}`,
    runtime: createNativeRuntime({ instructionSet, threads: 2 })
  }))
}

/** Every way to run a Program here: portable, and native on each instruction set. */
export const runtimes: readonly { readonly name: string; readonly runtime: Runtime }[] = [
  { name: 'portable', runtime: portableRuntime },
  ...nativeRuntimes()
]
