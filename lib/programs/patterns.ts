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
    const matches = expression(each)
    const found = names.filter((name) => matches.test(name))
    for (const name of found) matched.add(name)
    if (found.length > 0) continue
    const near = names.some((name) => name.startsWith(`${each}.`)) ? `Did you mean '${each}.*'?` : `They are ${names.join(', ')}`
    throw outOfRange(owner, 'a pattern that matches a parameter', each, near)
  }
  return names.filter((name) => matched.has(name))
}

function expression(pattern: string): RegExp {
  const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${source.join('.*')}$`, 's')
}
