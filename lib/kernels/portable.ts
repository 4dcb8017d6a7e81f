import { activationBackward } from './activation-backward.js'
import { activationForward } from './activation-forward.js'
import { add } from './add.js'
import { dropoutBackward } from './dropout-backward.js'
import { dropoutForward } from './dropout-forward.js'
import type { KernelName } from './table.js'
import type { PortableKernel } from './types.js'

/** Every kernel's TypeScript twin. */
export const portableKernels: Partial<Record<KernelName, PortableKernel>> = {
  add,
  activationForward,
  activationBackward,
  dropoutForward,
  dropoutBackward
}
