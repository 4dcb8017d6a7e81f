import { createHash, randomBytes } from 'node:crypto'
import { opendir, readFile, readlink, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import path from 'node:path'

/** Milliseconds between two looks into a folder, and for which a file must have been left alone whose writer cannot be asked. */
const quiet = 600_000

/** A file that is being written: `.<machine>.<process>.<its start>.<random>.evenkeel`. */
const pattern = /^\.([0-9a-f]{12})\.(\d+)\.(\d+)\.[0-9a-f]{16}\.evenkeel$/

/** When this process last looked into a folder. */
const looked = new Map<string, number>()

let writer: Promise<{ readonly machine: string; readonly start: string }> | undefined

/** A name that no other file has, and that tells who writes it: whether that process lives can be asked later. */
export async function temporaryName(): Promise<string> {
  const { machine, start } = await (writer ??= identify())
  return `.${machine}.${process.pid}.${start}.${randomBytes(8).toString('hex')}.evenkeel`
}

/**
 * Removes what processes left behind in the folder that ended in the middle of writing. A file stays as long as its
 * process lives. Of a process in another container or on another machine that cannot be asked: its file goes when nothing
 * was written to it for ten minutes. Never throws: who writes a file did not ask for this.
 *
 * @param now the file system's own time, in ms: it need not be that of this machine
 */
export async function removeLeftovers(folder: string, now: () => Promise<number>): Promise<void> {
  const last = looked.get(folder)
  if (last !== undefined && performance.now() - last < quiet) return
  for (const [other, at] of looked) if (performance.now() - at >= quiet) looked.delete(other)
  looked.set(folder, performance.now())
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 128 }))
      if (pattern.test(name) && (await isLeft(path.join(folder, name), now))) await unlink(path.join(folder, name)).catch(() => {})
  } catch {}
}

async function isLeft(file: string, now: () => Promise<number>): Promise<boolean> {
  const [, machine, pid, start] = pattern.exec(path.basename(file)) as unknown as [string, string, string, string]
  if (machine === (await writer!).machine) return !(await lives(Number(pid), start))
  return (await now()) - (await stat(file)).mtimeMs > quiet
}

async function lives(pid: number, start: string): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESRCH') return false
  }
  // The number may be another process's by now.
  const now = await startOf(pid)
  return now === unknown || start === unknown || now === start
}

/**
 * Process numbers mean something in one boot of one system, and in one namespace of it: containers have their own. Where
 * the system does not tell of these, its name has to do.
 */
async function identify(): Promise<{ readonly machine: string; readonly start: string }> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '')
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  const machine = createHash('sha256').update(`${hostname()}\n${boot}\n${namespace}`).digest('hex').slice(0, 12)
  return { machine, start: await startOf('self') }
}

const unknown = '0'
/** Unlike any start: a process that has ended and that nobody has asked about. */
const ended = '-'

/** When a process started, in the system's own count. */
async function startOf(pid: number | 'self'): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  // The second field, the program's name, may hold anything.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return ended
  return /^\d+$/.test(fields[19] ?? '') ? fields[19]! : unknown
}
