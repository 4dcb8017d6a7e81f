import { BackendError, outOfRange } from '../errors.js'
import { choiceOption, integerOption } from '../options.js'
import { availableInstructionSets, createNativeRuntime, whyNotNative } from './native.js'
import { portableRuntime } from './portable.js'
import type { Runtime } from './runtime.js'

export type BackendChoice = 'auto' | 'native' | 'portable'
export const backendChoices: readonly BackendChoice[] = ['auto', 'native', 'portable']
const mostThreads = 256

export interface RuntimeOptions {
  /** Default `'auto'`: native where it runs, else portable. */
  readonly backend?: BackendChoice | undefined
  /** Default: the least of CPU affinity, cgroup quota and physical cores. The portable backend has one thread. */
  readonly threads?: number | undefined
}

export interface BackendInfo {
  /** What `'auto'` gives here. */
  readonly backend: 'native' | 'portable'
  /** The instruction set in use; `'portable'` for the portable backend. */
  readonly instructionSet: string
  /** The instruction sets that the native backend has on this machine, best first; none where it does not run. */
  readonly available: readonly string[]
  readonly threads: number
  /** Why the native backend is not in use. */
  readonly reason?: string
}

interface Environment {
  readonly backend: BackendChoice
  readonly instructionSet: string | undefined
  readonly threads: number | undefined
}

let environment: Environment | undefined
const chosen = new Map<string, Runtime>()

/**
 * The runtime for a setting, made once and kept. `EVENKEEL_BACKEND` says what `'auto'` means, and with `portable` the
 * native binary is not even looked for; `EVENKEEL_ISA` says which instruction set native uses, `EVENKEEL_THREADS` how many threads
 * where nothing else does. They are read once.
 *
 * @throws RangeError for a value that is none of the choices; BackendError where `'native'` cannot be had, with the reason
 */
export function selectRuntime(options: RuntimeOptions = {}): Runtime {
  environment ??= readEnvironment()
  const backend = choiceOption('backend', 'backend', options.backend, 'auto', backendChoices)
  const threads = options.threads ?? environment.threads
  if (options.threads !== undefined) integerOption('backend', 'threads', options.threads, 1, { atLeast: 1, atMost: mostThreads })
  const wanted = backend === 'auto' ? environment.backend : backend
  if (wanted === 'portable') return portableRuntime
  const reason = whyNot(environment)
  if (reason === undefined) return nativeRuntime(environment.instructionSet, threads)
  if (wanted === 'native' || environment.instructionSet !== undefined) throw unavailable(reason, wanted, environment)
  return portableRuntime
}

/**
 * What `'auto'` gives here, and why it is not native where it is not.
 *
 * @throws RangeError for an environment variable that is none of its choices; BackendError where `EVENKEEL_BACKEND` is
 * `native`, or `EVENKEEL_ISA` is set, and native does not run
 * @example const { backend, instructionSet, reason } = backendInfo()
 */
export function backendInfo(): BackendInfo {
  const { backend, instructionSet, threads } = selectRuntime()
  const reason = whyNot(environment!)
  const available = reason === undefined ? availableInstructionSets() : []
  return { backend, instructionSet, available, threads, ...(backend === 'portable' && reason !== undefined ? { reason } : {}) }
}

function whyNot({ backend }: Environment): string | undefined {
  return backend === 'portable' ? 'EVENKEEL_BACKEND is portable' : whyNotNative()
}

function unavailable(reason: string, wanted: BackendChoice, { instructionSet }: Environment): BackendError {
  const expected = wanted === 'native' ? 'the native backend' : `the native backend for EVENKEEL_ISA=${instructionSet}`
  return new BackendError(`backend: expected ${expected}, got none: ${reason}. Build it with cmake-js, or use the portable backend`, {
    code: 'EVENKEEL_NATIVE_UNAVAILABLE'
  })
}

function nativeRuntime(instructionSet: string | undefined, threads: number | undefined): Runtime {
  const sets = availableInstructionSets()
  const set = choiceOption('environment', 'EVENKEEL_ISA', instructionSet, sets[0]!, sets)
  const key = `${set} ${threads ?? 'default'}`
  const known = chosen.get(key)
  if (known) return known
  const runtime = createNativeRuntime({ instructionSet: set, ...(threads === undefined ? {} : { threads }) })
  chosen.set(key, runtime)
  return runtime
}

function readEnvironment(): Environment {
  const { EVENKEEL_BACKEND, EVENKEEL_ISA, EVENKEEL_THREADS } = process.env
  return {
    backend: choiceOption('environment', 'EVENKEEL_BACKEND', EVENKEEL_BACKEND || undefined, 'auto', backendChoices),
    instructionSet: EVENKEEL_ISA || undefined,
    threads: EVENKEEL_THREADS ? threadCount(EVENKEEL_THREADS) : undefined
  }
}

function threadCount(text: string): number {
  const threads = Number(text)
  if (!/^\d+$/.test(text) || threads < 1 || threads > mostThreads)
    throw outOfRange('environment', `EVENKEEL_THREADS to be an integer from 1 to ${mostThreads}`, text)
  return threads
}
