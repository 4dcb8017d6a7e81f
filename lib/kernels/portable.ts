import { activationBackward } from './activation-backward.js'
import { activationForward } from './activation-forward.js'
import { add } from './add.js'
import type { KernelName } from './table.js'
import type { PortableKernel } from './types.js'

/** Every kernel's TypeScript twin. */
export const portableKernels: Partial<Record<KernelName, PortableKernel>> = {
  add,
  activationForward,
  activationBackward
}
