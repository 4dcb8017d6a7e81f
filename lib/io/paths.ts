import { wrongKind } from '../errors.js'
import type { FileSource } from './safetensors.js'

export function expectPath(owner: string, path: unknown): string | URL {
  if ((typeof path === 'string' && path !== '') || path instanceof URL) return path
  throw wrongKind(owner, 'a path', path)
}

/** A path, or a file's bytes. */
export function expectSource(owner: string, source: unknown): FileSource {
  if (source instanceof Uint8Array) return source
  if ((typeof source === 'string' && source !== '') || source instanceof URL) return source
  throw wrongKind(owner, 'a path, or the bytes of a file as a Uint8Array', source)
}
