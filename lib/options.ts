import { describe, outOfRange, withCode, wrongKind } from './errors.js'

/**
 * Checks that `options` is an object with no other keys than `allowed`, and gives it back (an empty one for
 * undefined). An unknown key is a `TypeError` with code `EVENKEEL_OPTION` that names the key, the nearest allowed
 * one and all of them; `notes` has a sentence of its own for names that people bring from elsewhere
 * (`{ momentum: 'Use decay: …' }`).
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T | undefined,
  allowed: readonly (keyof T & string)[],
  notes: Readonly<Record<string, string>> = {}
): Partial<T> {
  if (options === undefined) return {}
  // By tag and not by prototype: objects of another realm are fine, a Map or an array is not.
  if (Object.prototype.toString.call(options) !== '[object Object]') throw wrongKind(owner, 'an options object', options)
  if ('graph' in options && 'source' in options)
    throw wrongKind(owner, 'an options object', options, `A layer is made first and then applied: ${owner}()(x)`)
  for (const key of Object.keys(options)) {
    if ((allowed as readonly string[]).includes(key)) continue
    const note = Object.hasOwn(notes, key) ? notes[key] : undefined
    throw unknownOption(owner, key, allowed, note)
  }
  return options
}

function unknownOption(owner: string, key: string, allowed: readonly string[], note: string | undefined): TypeError {
  const advice = note ?? hint(key, allowed)
  const known = allowed.length === 0 ? 'no options' : `only the options ${allowed.join(', ')}`
  const message = `${owner}: expected ${known}, got ${describe(key)}${advice ? `. ${advice}` : ''}`
  return withCode(new TypeError(message), 'EVENKEEL_OPTION')
}

function hint(key: string, allowed: readonly string[]): string {
  const near = nearest(key, allowed)
  return near === undefined ? '' : `Did you mean ${near}?`
}

/** The candidate that a reader would take `word` for, or undefined where none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = squash(word)
  const limit = Math.max(1, Math.floor(plain.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    const distance = abbreviates(word, candidate) ? 0.5 : editDistance(plain, squash(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

const squash = (word: string): string => word.replace(/[_\s-]/g, '').toLowerCase()

/** `eps` for epsilon, `lr` for learningRate, `decay` for weightDecay. */
function abbreviates(word: string, candidate: string): boolean {
  const short = squash(word)
  if (short.length < 2) return false
  const initials = candidate.charAt(0) + candidate.slice(1).replace(/[^A-Z]/g, '')
  const long = squash(candidate)
  return long.startsWith(short) || initials.toLowerCase() === short || (short.length >= 4 && long.endsWith(short))
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) distance = Math.min(distance, beforeLast[j - 2]! + 1)
      row.push(distance)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** A path that a file may have, checked before anything is opened. */
export function expectPath(owner: string, path: unknown): string | URL {
  if (isPath(path)) return path
  throw wrongKind(owner, 'a path, or a URL that begins with file:', path instanceof URL ? path.href : path)
}

/** A text without a NUL, which no system takes, or a URL of a file. */
export function isPath(path: unknown): path is string | URL {
  return typeof path === 'string' ? path !== '' && !path.includes('\0') : path instanceof URL && path.protocol === 'file:'
}

/** An AbortSignal or undefined. */
export function signalOption(owner: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined
  const { aborted, addEventListener, throwIfAborted } = (value ?? {}) as AbortSignal
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof throwIfAborted === 'function')
    return value as AbortSignal
  const advice = value instanceof AbortController ? 'Give its signal: controller.signal' : undefined
  throw wrongKind(owner, 'signal to be an AbortSignal', value, advice)
}

export interface NumberRange {
  readonly atLeast?: number
  readonly above?: number
  readonly atMost?: number
  readonly below?: number
}

/** The value of a numeric option, finite and in range; `fallback` for undefined. */
export function numberOption(owner: string, name: string, value: unknown, fallback: number, range: NumberRange = {}): number {
  if (value === undefined) return fallback
  const expected = `${name} to be ${rangeText('a finite number', range)}`
  if (typeof value !== 'number') throw wrongKind(owner, expected, value)
  if (!Number.isFinite(value) || !inRange(value, range)) throw outOfRange(owner, expected, value)
  return value
}

/** The value of an integer option, in range; `fallback` for undefined. */
export function integerOption(owner: string, name: string, value: unknown, fallback: number, range: NumberRange = {}): number {
  if (value === undefined) return fallback
  const expected = `${name} to be ${rangeText('an integer', range)}`
  if (typeof value !== 'number') throw wrongKind(owner, expected, value)
  if (!Number.isSafeInteger(value) || !inRange(value, range)) throw outOfRange(owner, expected, value)
  return value
}

/** The value of a boolean option; `fallback` for undefined. */
export function booleanOption(owner: string, name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value !== 'boolean') throw wrongKind(owner, `${name} to be true or false`, value)
  return value
}

/** The value of an option that is one of a few words; `fallback` for undefined. */
export function choiceOption<T extends string>(owner: string, name: string, value: unknown, fallback: T, choices: readonly T[]): T {
  if (value === undefined) return fallback
  const expected = `${name} to be ${choices.map((choice) => `'${choice}'`).join(' or ')}`
  if (typeof value !== 'string') throw wrongKind(owner, expected, value)
  if ((choices as readonly string[]).includes(value)) return value as T
  const near = nearest(value, choices)
  throw outOfRange(owner, expected, value, near === undefined ? undefined : `Did you mean '${near}'?`)
}

function inRange(value: number, { atLeast, above, atMost, below }: NumberRange): boolean {
  if (atLeast !== undefined && value < atLeast) return false
  if (above !== undefined && value <= above) return false
  if (atMost !== undefined && value > atMost) return false
  return below === undefined || value < below
}

function rangeText(kind: string, { atLeast, above, atMost, below }: NumberRange): string {
  const low = atLeast !== undefined ? `at least ${atLeast}` : above !== undefined ? `above ${above}` : ''
  const high = atMost !== undefined ? `at most ${atMost}` : below !== undefined ? `below ${below}` : ''
  const limits = [low, high].filter((limit) => limit !== '').join(' and ')
  return limits === '' ? kind : `${kind} ${limits}`
}
