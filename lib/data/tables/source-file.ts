import { type FileHandle, open, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { FileFormatError } from '../../errors.js'
import { expectPath } from '../../options.js'

interface Identity {
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
}

/** A file that is read several times and must be the same each time: told by size, time of change and inode. */
export class SourceFile {
  readonly path: string
  readonly where: string
  readonly size: number
  readonly #identity: Identity

  private constructor(file: string, where: string, identity: Identity) {
    this.path = file
    this.where = where
    this.size = identity.size
    this.#identity = identity
  }

  /** @throws the system's error where there is no such file, FileFormatError for what is not a file */
  static async at(owner: string, file: string | URL): Promise<SourceFile> {
    // Absolute, so that a later epoch finds it after a change of folder.
    expectPath(owner, file)
    const absolute = path.resolve(typeof file === 'string' ? file : fileURLToPath(file))
    const where = `${owner} '${String(file)}'`
    const stats = await stat(absolute)
    if (!stats.isFile()) throw new FileFormatError(`${where}: expected a file, got something else under this name`)
    return new SourceFile(absolute, where, stats)
  }

  /** Opens it for one pass. */
  async open(): Promise<OpenSourceFile> {
    const handle = await open(this.path)
    const opened = new OpenSourceFile(this, handle)
    try {
      await opened.assertUnchanged()
      return opened
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The error of its content, unless the file is no longer what it was: then nothing of its content means anything. */
  async explained(error: unknown): Promise<unknown> {
    try {
      this.assertSame(await stat(this.path))
    } catch (changed) {
      // One that is gone by now can still be read by who has it open.
      if (changed instanceof FileFormatError) return changed
    }
    return error
  }

  assertSame({ size, mtimeMs, ino }: Identity): void {
    const then = this.#identity
    if (size === then.size && mtimeMs === then.mtimeMs && ino === then.ino) return
    const change = size === then.size ? 'one that was written since' : `one of ${size} bytes that had ${then.size}`
    throw new FileFormatError(`${this.where}: expected a file that stays as it is while it is read, got ${change}. Read it anew`, {
      code: 'EVENKEEL_FILE_CHANGED'
    })
  }
}

/** Bytes after which the file is looked at again: a look costs as much as reading about 100 KB. */
const bytesBetweenLooks = 1 << 23

export class OpenSourceFile {
  readonly file: SourceFile
  readonly #handle: FileHandle
  #unlooked = 0

  constructor(file: SourceFile, handle: FileHandle) {
    this.file = file
    this.#handle = handle
  }

  /** Fills `target` with the bytes at `position`, which must be there. */
  async read(target: Uint8Array, position: number): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      const { bytesRead } = await this.#handle.read(target, filled, target.length - filled, position + filled)
      if (bytesRead === 0) {
        await this.assertUnchanged()
        throw new FileFormatError(`${this.file.where}: expected ${target.length} bytes at ${position}, got the end of the file`)
      }
      filled += bytesRead
    }
    this.#unlooked += target.length
    if (this.#unlooked >= bytesBetweenLooks) await this.assertUnchanged()
  }

  /** Throws where the file was written to since it was first looked at. */
  async assertUnchanged(): Promise<void> {
    this.#unlooked = 0
    this.file.assertSame(await this.#handle.stat())
  }

  /** Its bytes from the first on; to be destroyed before the file is closed. */
  stream(chunkBytes: number): Readable {
    return this.#handle.createReadStream({ start: 0, autoClose: false, highWaterMark: chunkBytes })
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
