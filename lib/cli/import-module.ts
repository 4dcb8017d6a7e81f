import { stat } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What a user's module exports. A file that is not there is said to be missing by the path that was given: the
 * system's words are about the file of this package that imports it. What goes wrong inside of the module says where.
 */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const target = path.resolve(file)
  const found = await stat(target).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause
    throw new Error(`expected the file of a module, got ${file}: there is no such file`, { cause })
  })
  if (found.isDirectory()) throw new Error(`expected the file of a module, got ${file}: it is a folder`)
  const { href } = pathToFileURL(target)
  return (await import(href).catch((cause: unknown) => {
    throw new Error(`${file}: ${(cause as Error)?.message ?? String(cause)}${placeOf(cause, file, href)}`, { cause })
  })) as Record<string, unknown>
}

/** ` (file:///…/train.js:3:7)`: where in the module it happened, or in which file that the module imports. */
function placeOf(error: unknown, file: string, href: string): string {
  const places = String((error as Error | undefined)?.stack).match(/file:\/\/[^\s()]+:\d+/g) ?? []
  const place = places.find((each) => each.startsWith(href)) ?? places[0]
  if (place) return ` (${place})`
  // Node tells the line of an error of syntax only where it ends the process.
  return error instanceof SyntaxError ? ` (node ${file} shows the line)` : ''
}
