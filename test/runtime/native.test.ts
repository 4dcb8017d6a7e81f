import { describe, it } from 'vitest'
import { availableInstructionSets, createNativeRuntime, whyNotNative } from '../../lib/runtime/native.js'
import { addon, reason } from '../helpers/backends.js'
import { runtimeConformance } from './conformance.js'

for (const instructionSet of addon ? availableInstructionSets() : [])
  for (const threads of [1, 2])
    runtimeConformance(`native ${instructionSet}, ${threads} thread(s)`, createNativeRuntime({ instructionSet, threads }))

describe.skipIf(addon)(`native runtime (skipped: ${reason ?? whyNotNative()})`, () => {
  it.skip('does what every runtime does', () => {})
})
