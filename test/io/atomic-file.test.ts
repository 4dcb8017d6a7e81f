import * as real from 'node:fs'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import type * as promises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { writeAtomically } from '../../lib/io/atomic-file.js'
import { mounts, onSmallDisk } from '../helpers/small-disk.js'

/** Which call fails next, and how: `handle.sync` and the like are methods of the file, the rest functions of the module. */
const faults = vi.hoisted(() => ({ fail: new Map<string, { after: number; code: string }>(), calls: [] as string[], shortWrites: false }))

vi.mock('node:fs/promises', async (original) => {
  const files = await original<typeof promises>()
  const strike = (name: string): void => {
    faults.calls.push(name)
    const fault = faults.fail.get(name)
    if (fault && fault.after-- <= 0) throw Object.assign(new Error(`${fault.code}: made up for ${name}`), { code: fault.code })
  }
  const wrap = (handle: promises.FileHandle, prefix: string): promises.FileHandle =>
    new Proxy(handle, {
      get(target, property) {
        const method = Reflect.get(target, property, target) as unknown
        if (typeof method !== 'function') return method
        return async (...parameters: unknown[]) => {
          // A file must be closed even where closing is said to fail.
          if (property === 'close') await target.close()
          strike(`${prefix}.${String(property)}`)
          if (property === 'close') return undefined
          if (property === 'write' && faults.shortWrites) parameters[2] = Math.max(1, (parameters[2] as number) >> 1)
          return (method as (...parameters: unknown[]) => unknown).apply(target, parameters)
        }
      }
    })
  return {
    ...files,
    open: async (...parameters: Parameters<typeof files.open>) => {
      const prefix = parameters[1] === 'wx' ? 'file' : 'folder'
      strike(`${prefix}.open`)
      return wrap(await files.open(...parameters), prefix)
    },
    rename: async (...parameters: Parameters<typeof files.rename>) => {
      strike('rename')
      return files.rename(...parameters)
    }
  }
})

let folder = ''
let target = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-atomic-'))
  target = path.join(folder, 'model.safetensors')
})
afterEach(() => {
  faults.fail.clear()
  faults.calls.length = 0
  faults.shortWrites = false
  vi.unstubAllGlobals()
  rmSync(folder, { recursive: true, force: true })
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const save = (text: string, file: string | URL = target): Promise<void> =>
  writeAtomically('save', file, async (write) => {
    for (const part of text.match(text.length > 200 ? /.{1,999}/gs : /.{1,7}/gs) ?? []) await write(bytes(part))
  })
const content = (file = target): string => readFileSync(file, 'utf8')

describe('writeAtomically', () => {
  it('writes a new file and replaces an old one', async () => {
    await save('first')
    expect(content()).toBe('first')
    await save('the second, longer than the first')
    expect(content()).toBe('the second, longer than the first')
    await save('', pathToFileURL(target))
    expect(content()).toBe('')
    expect(readdirSync(folder)).toEqual(['model.safetensors'])
  })

  it('syncs the file before the rename, and the folder after it', async () => {
    await save('x')
    expect(faults.calls).toEqual([
      'file.open',
      'file.write',
      'file.sync',
      'file.close',
      'rename',
      'folder.open',
      'folder.sync',
      'folder.close'
    ])
  })

  it('goes on after short writes', async () => {
    faults.shortWrites = true
    await save('0123456789'.repeat(20))
    expect(content()).toBe('0123456789'.repeat(20))
  })

  it.each([
    ['file.open', 'EACCES', 0],
    ['file.write', 'ENOSPC', 0],
    ['file.write', 'ENOSPC', 3],
    ['file.write', 'EIO', 3],
    ['file.chmod', 'EIO', 0],
    ['file.sync', 'EIO', 0],
    ['file.close', 'EDQUOT', 0],
    ['rename', 'EPERM', 0]
  ])('%s fails with %s: the error comes through, the old file stays, nothing is left', async (step, code, after) => {
    writeFileSync(target, 'precious')
    chmodSync(target, 0o640)
    faults.fail.set(step, { after, code })
    await expect(save('x'.repeat(100))).rejects.toMatchObject({ code })
    expect(faults.calls).toContain(step)
    faults.fail.clear()
    expect(content()).toBe('precious')
    expect(statSync(target).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder)).toEqual(['model.safetensors'])
  })

  it('an error of the producer leaves all as it was', async () => {
    writeFileSync(target, 'precious')
    const failing = writeAtomically('save', target, async (write) => {
      await write(bytes('half of'))
      throw new RangeError('no more')
    })
    await expect(failing).rejects.toThrow('no more')
    expect(content()).toBe('precious')
    expect(readdirSync(folder)).toEqual(['model.safetensors'])
  })

  it('folders that cannot be synced are accepted, a disk that fails is not', async () => {
    faults.fail.set('folder.sync', { after: 0, code: 'EINVAL' })
    await save('a')
    expect(content()).toBe('a')
    faults.fail.set('folder.sync', { after: 0, code: 'EIO' })
    await expect(save('b')).rejects.toMatchObject({ code: 'EIO' })
    expect(content()).toBe('b')
  })

  it('waits on Windows while a scanner holds the file', async () => {
    vi.stubGlobal('process', new Proxy(process, { get: (of, name) => (name === 'platform' ? 'win32' : Reflect.get(of, name)) }))
    let held = 3
    faults.fail.set('rename', {
      code: 'EBUSY',
      get after() {
        return held-- > 0 ? 0 : 1
      },
      set after(_value: number) {}
    })
    await save('patience')
    expect(faults.calls.filter((call) => call === 'rename')).toHaveLength(4)
    expect(content()).toBe('patience')
  })

  it('keeps permission bits, and gives new files those of the umask', async () => {
    await save('a')
    expect(statSync(target).mode & 0o777).toBe(0o666 & ~process.umask())
    chmodSync(target, 0o604)
    await save('b')
    expect(statSync(target).mode & 0o777).toBe(0o604)
  })

  it('keeps a symbolic link, and follows chains and links to nothing', async () => {
    const inner = path.join(folder, 'inner')
    mkdirSync(inner)
    const [link, chain] = [path.join(folder, 'link'), path.join(folder, 'chain')]
    symlinkSync('inner/real', link)
    symlinkSync(link, chain)
    await save('through', chain)
    expect(content(path.join(inner, 'real'))).toBe('through')
    await save('again', link)
    expect(content(chain)).toBe('again')
    expect(lstatSync(link).isSymbolicLink() && lstatSync(chain).isSymbolicLink()).toBe(true)
    expect(readdirSync(inner)).toEqual(['real'])
    symlinkSync('loop', path.join(folder, 'loop'))
    await expect(save('x', path.join(folder, 'loop'))).rejects.toMatchObject({ code: 'ELOOP' })
  })

  it('refuses folders and devices, and a folder that is not there', async () => {
    await expect(save('x', folder)).rejects.toThrow(/^save: expected the path of a file, got '/)
    await expect(save('x', '/dev/null')).rejects.toThrow(TypeError)
    expect(real.statSync('/dev/null').isCharacterDevice()).toBe(true)
    await expect(save('x', path.join(folder, 'no', 'file'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('names as long as the system takes', async () => {
    const longest = path.join(folder, 'm'.repeat(255))
    await save('x', longest)
    expect(content(longest)).toBe('x')
  })

  it('a folder that does not exist is named, and not the file beside', async () => {
    const missing = path.join(folder, 'none')
    const file = path.join(missing, 'model.safetensors')
    const error = await save('new', file).catch((error: Error) => error)
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'open', path: file, cause: { code: 'ENOENT' } })
    expect((error as Error).message).toBe(`ENOENT: no such file or directory, open '${file}'. There is no folder ${missing}: make it first`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('overlapping saves: one of them wins whole', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(500 + i))
    await Promise.all(texts.map((text) => save(text)))
    expect(texts).toContain(content())
    expect(readdirSync(folder)).toEqual(['model.safetensors'])
  })

  it('a reader sees the old file or the new one, never a part', async () => {
    const [a, b] = ['a'.repeat(4000), 'b'.repeat(9000)]
    await save(a)
    let saving = true
    const saves = (async () => {
      for (let i = 0; i < 10; i++) await save(i % 2 ? a : b)
      saving = false
    })()
    while (saving) {
      expect([a, b]).toContain(content())
      await new Promise((resolve) => setImmediate(resolve))
    }
    await saves
  })
})

describe.skipIf(!mounts)('on a disk of 256 KiB (needs the right to mount one)', () => {
  it('a full disk is an error, and the old file stays', async () => {
    await onSmallDisk(256, async (disk) => {
      const file = path.join(disk, 'model')
      await save('precious', file)
      const large = writeAtomically('save', file, async (write) => {
        for (let i = 0; i < 10; i++) await write(new Uint8Array(1 << 16))
      })
      await expect(large).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(content(file)).toBe('precious')
      expect(readdirSync(disk)).toEqual(['model'])
      await save('there is room again', file)
    })
  })
})
