import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const place = (): string => mkdtempSync(path.join(tmpdir(), 'evenkeel-small-disk-'))

function mount(folder: string, kibibytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder], { stdio: 'ignore' })
}

/** Whether this process may mount a disk. */
export const mounts = ((): boolean => {
  const folder = place()
  try {
    mount(folder, 64)
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
})()

/** Runs `body` with the folder of a disk of so many KiB. */
export async function onSmallDisk(kibibytes: number, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = place()
  mount(folder, kibibytes)
  try {
    await body(folder)
  } finally {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  }
}
