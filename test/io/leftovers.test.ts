import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { writeAtomically } from '../../lib/io/atomic-file.js'
import { temporaryName } from '../../lib/io/leftovers.js'
import { bundleForChild } from '../helpers/child.js'

let script = ''
let folder = ''
const children: ChildProcessByStdio<Writable, Readable, null>[] = []
beforeAll(async () => {
  script = await bundleForChild('test/io/fixtures/held-save.ts')
})
afterAll(() => rmSync(script, { force: true }))
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'evenkeel-leftovers-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const target = (name = 'model'): string => path.join(folder, name)
const save = (): Promise<void> => writeAtomically('save', target(), (write) => write(new TextEncoder().encode('saved')))
const besides = (): string[] => readdirSync(folder).filter((name) => name.startsWith('.'))

/** A process in the middle of writing. */
async function writing(file: string) {
  const child = spawn(process.execPath, [script, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

it('what a process left that was killed while it wrote goes with the next file in its folder; what a living one writes stays', async () => {
  const [killed, living] = [await writing(target()), await writing(target('other'))]
  expect(besides().length).toBe(2)
  const closed = once(killed, 'close')
  killed.kill('SIGKILL')
  await closed
  await save()
  expect(besides().length).toBe(1)
  const ended = once(living, 'close')
  living.stdin.end()
  expect(await ended).toEqual([0, null])
  expect(readFileSync(target('other'), 'utf8')).toBe('half and whole')
  expect(readFileSync(target(), 'utf8')).toBe('saved')
  expect(besides()).toEqual([])
})

it('a process number that another process has by now, and files of elsewhere', async () => {
  const own = await temporaryName()
  const [, machine, pid, start] = own.split('.') as [string, string, string, string]
  const name = (...parts: (string | number)[]): string => `.${parts.join('.')}.${'0'.repeat(16)}.evenkeel`
  const elsewhere = 'f'.repeat(12)
  const old = Date.now() / 1000 - 3600
  const cases: [string, boolean, number?][] = [
    // This process, as another thread of it would write; long ago, if need be.
    [own, true, old],
    [name(machine, process.ppid, 0), true],
    // The start is only known where there is /proc.
    [name(machine, pid, `1${start}`), start === '0'],
    [name(elsewhere, pid, start), true],
    [name(elsewhere, 1, start), false, old],
    [`.${'0'.repeat(24)}.evenkeel`, true, old],
    ['.evenkeel', true, old],
    [`x${own}`, true, old]
  ]
  for (const [file, , time] of cases) {
    writeFileSync(target(file), 'left')
    if (time !== undefined) utimesSync(target(file), time, time)
  }
  await save()
  const stay = cases.filter(([, stays]) => stays).map(([file]) => file)
  expect(readdirSync(folder).sort()).toEqual([...stay, 'model'].sort())
})

it('are removed before the new bytes are written, so that there is room', async () => {
  const child = await writing(target())
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
  let seen: string[] = []
  await writeAtomically('save', target(), async () => {
    seen = besides()
  })
  expect(seen.length).toBe(1)
  expect(seen[0]!.split('.')[2]).toBe(String(process.pid))
})
