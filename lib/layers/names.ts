import { withCode, wrongKind } from '../errors.js'

/** Throws unless it can be a part of a dotted path: not a number, which is the position of something without a name. */
export function checkName(owner: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw wrongKind(owner, 'a name that is a string', name)
  if (name === '' || /[.*\s]/.test(name) || /^\d+$/.test(name))
    throw withCode(
      new TypeError(
        `${owner}: expected a name without dots, stars and spaces that is not a number, got '${name}'. Numbers are the positions of layers without a name`
      ),
      'EVENKEEL_NAME'
    )
}
