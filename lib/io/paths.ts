import { wrongKind } from '../errors.js'
import type { FileSource } from './safetensors.js'

export function expectPath(owner: string, path: unknown): string | URL {
  if (isPath(path)) return path
  throw wrongKind(owner, 'a path, or a URL that begins with file:', path instanceof URL ? path.href : path)
}

/** A text without a NUL, which no system takes, or a URL of a file. */
export function isPath(path: unknown): path is string | URL {
  return typeof path === 'string' ? path !== '' && !path.includes('\0') : path instanceof URL && path.protocol === 'file:'
}

/** A path, or a file's bytes. */
export function expectSource(owner: string, source: unknown): FileSource {
  if (source instanceof Uint8Array) return source
  if (isPath(source)) return source
  throw wrongKind(owner, 'a path, or the bytes of a file as a Uint8Array', source instanceof URL ? source.href : source)
}
