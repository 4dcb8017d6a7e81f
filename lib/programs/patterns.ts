import { outOfRange, wrongKind } from '../errors.js'

/**
 * Names of the parameters that one of the patterns matches; `*` stands for any characters: `'0.*'`, `'*.gamma'`.
 *
 * @throws TypeError for something else than patterns, RangeError for one that matches nothing
 */
export function matchingNames(owner: string, pattern: unknown, names: readonly string[]): string[] {
  const patterns: readonly unknown[] = Array.isArray(pattern) ? pattern : [pattern]
  const matched = new Set<string>()
  for (const each of patterns) {
    if (typeof each !== 'string') throw wrongKind(owner, 'a pattern', each, "Such as '0.*' or '*.gamma'")
    const parts = each.split('*')
    const found = names.filter((name) => matches(parts, name))
    for (const name of found) matched.add(name)
    if (found.length > 0) continue
    const near = names.some((name) => name.startsWith(`${each}.`)) ? `Did you mean '${each}.*'?` : `They are ${names.join(', ')}`
    throw outOfRange(owner, 'a pattern that matches a parameter', each, near)
  }
  return names.filter((name) => matched.has(name))
}

/**
 * Whether the parts between the stars stand in the name, in order: the first at its start, the last at its end. Each in
 * between is taken where it comes first, so nothing is tried twice: a regular expression of many stars would be.
 */
function matches(parts: readonly string[], name: string): boolean {
  const [first, last] = [parts[0]!, parts.at(-1)!]
  if (parts.length === 1) return name === first
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  const end = name.length - last.length
  let position = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, position)
    if (found < 0 || found + part.length > end) return false
    position = found + part.length
  }
  return true
}
