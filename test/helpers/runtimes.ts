import { portableRuntime } from '../../lib/runtime/portable.js'
import type { Runtime } from '../../lib/runtime/runtime.js'

/** Every way to run a Program here: portable, and native on each instruction set. */
export const runtimes: readonly { readonly name: string; readonly runtime: Runtime }[] = [{ name: 'portable', runtime: portableRuntime }]
