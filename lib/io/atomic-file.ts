import type { Stats } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, rename, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { wrongKind } from '../errors.js'
import { removeLeftovers, temporaryName } from './leftovers.js'

/** Appends bytes to the file; the array may be used again once the promise has settled. */
export type Write = (bytes: Uint8Array) => Promise<void>

/**
 * Writes a file so that its name holds either what it held before or all of the new bytes, whatever happens between:
 * an error, a full disk, a crash, a power failure. The bytes go to a new file in the same folder, reach the disk, and
 * only then take the name; then the folder reaches the disk.
 *
 * A symbolic link stays one, its target is replaced. Permission bits, and the owner where the system allows, stay as
 * they were. Of overlapping calls for one path the last to finish wins, and none is mixed with another. After an error
 * nothing is left behind; after a crash a file `.<...>.evenkeel` may be, which a later call for the same folder removes.
 *
 * @param owner for messages
 * @param produce called once with `write`; what it throws is thrown on
 */
export async function writeAtomically(owner: string, file: string | URL, produce: (write: Write) => Promise<void>): Promise<void> {
  const target = await resolveLinks(path.resolve(typeof file === 'string' ? file : fileURLToPath(file)))
  const before = await existing(owner, target)
  const folder = path.dirname(target)
  const beside = path.join(folder, await temporaryName())
  const handle = await create(beside, target, file)
  try {
    try {
      // First of all, as the disk may be full of them.
      await removeLeftovers(folder, async () => (await handle.stat()).mtimeMs)
      await produce((bytes) => writeAll(handle, bytes))
      if (before) await keepOwnerAndMode(handle, before)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await renamePatiently(beside, target)
  } catch (error) {
    await unlink(beside).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** The new file has a name that the caller never gave: where it cannot be made, the error names the file that was asked for. */
async function create(beside: string, target: string, file: string | URL): Promise<FileHandle> {
  try {
    return await open(beside, 'wx', 0o666)
  } catch (cause) {
    if (typeof (cause as { syscall?: unknown }).syscall !== 'string') throw cause
    const { message, errno, code, syscall } = cause as NodeJS.ErrnoException
    const named = typeof file === 'string' ? file : fileURLToPath(file)
    const told = message.replaceAll(beside, () => named)
    const advice = code === 'ENOENT' ? `. There is no folder ${path.dirname(target)}: make it first` : ''
    throw Object.assign(new Error(told + advice, { cause }), { errno, code, syscall, path: named })
  }
}

/** Where writing to `file` writes: the end of a chain of links, which need not exist yet. */
async function resolveLinks(file: string, hops = 0): Promise<string> {
  try {
    return await realpath(file)
  } catch (error) {
    if (code(error) !== 'ENOENT' || hops > 40) throw error
  }
  const link = await lstat(file).catch(() => undefined)
  if (!link?.isSymbolicLink()) return file
  return resolveLinks(path.resolve(path.dirname(file), await readlink(file)), hops + 1)
}

async function existing(owner: string, target: string): Promise<Stats | undefined> {
  const stats = await stat(target).catch((error) => {
    if (code(error) === 'ENOENT') return undefined
    throw error
  })
  // Renaming over a device or a pipe would replace it for the whole system.
  if (stats && !stats.isFile()) throw wrongKind(owner, 'the path of a file', target, 'There is something else under this name')
  return stats
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written)
    written += bytesWritten
  }
}

async function keepOwnerAndMode(handle: FileHandle, before: Stats): Promise<void> {
  const now = await handle.stat()
  if (now.uid !== before.uid || now.gid !== before.gid)
    await handle.chown(before.uid, before.gid).catch((error) => {
      // Only the superuser gives files away.
      if (code(error) !== 'EPERM') throw error
    })
  if (now.mode !== before.mode) await handle.chmod(before.mode & 0o7777)
}

/** On Windows a virus scanner or an indexer may hold either file for a moment. */
async function renamePatiently(from: string, to: string): Promise<void> {
  const attempts = process.platform === 'win32' ? 10 : 1
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to)
      return
    } catch (error) {
      if (attempt >= attempts || !['EPERM', 'EACCES', 'EBUSY'].includes(code(error))) throw error
      await delay(20 * attempt)
    }
  }
}

/** Makes the rename itself durable. Some systems have no such call for a folder: then the file system must do. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!['EPERM', 'EACCES', 'EISDIR', 'EINVAL', 'ENOTSUP'].includes(code(error))) throw error
  }
}

function code(error: unknown): string {
  return String((error as { code?: unknown }).code)
}
