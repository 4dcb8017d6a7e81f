import { activationBackward } from './activation-backward.js'
import { activationForward } from './activation-forward.js'
import { add } from './add.js'
import { batchNormApply } from './batch-norm-apply.js'
import { batchNormFold } from './batch-norm-fold.js'
import { batchNormForward } from './batch-norm-forward.js'
import { batchNormInvStd } from './batch-norm-inv-std.js'
import { batchNormRunning } from './batch-norm-running.js'
import { batchNormStats } from './batch-norm-stats.js'
import { dropoutBackward } from './dropout-backward.js'
import { dropoutForward } from './dropout-forward.js'
import { matmul } from './matmul.js'
import { matmulPack } from './matmul-pack.js'
import type { KernelName } from './table.js'
import type { PortableKernel } from './types.js'
import { weightNormBackward } from './weight-norm-backward.js'
import { weightNormForward } from './weight-norm-forward.js'
import { weightNormScale } from './weight-norm-scale.js'

/** Every kernel's TypeScript twin. */
export const portableKernels: Partial<Record<KernelName, PortableKernel>> = {
  add,
  activationForward,
  activationBackward,
  matmul,
  matmulPack,
  batchNormStats,
  batchNormApply,
  batchNormForward,
  batchNormInvStd,
  batchNormRunning,
  batchNormFold,
  dropoutForward,
  dropoutBackward,
  weightNormForward,
  weightNormScale,
  weightNormBackward
}
