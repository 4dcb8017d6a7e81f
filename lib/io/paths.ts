import { wrongKind } from '../errors.js'
import { isPath } from '../options.js'
import type { FileSource } from './safetensors.js'

/** A path, or a file's bytes. */
export function expectSource(owner: string, source: unknown): FileSource {
  if (source instanceof Uint8Array) return source
  if (isPath(source)) return source
  throw wrongKind(owner, 'a path, or the bytes of a file as a Uint8Array', source instanceof URL ? source.href : source)
}
