import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-build-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A PATH on which nothing is but Node, and tools that print and end as told. */
async function pathWith(tools: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(path.join(folder, 'bin-'))
  await symlink(process.execPath, path.join(bin, 'node'))
  for (const [name, script] of Object.entries(tools)) {
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`)
    await chmod(path.join(bin, name), 0o755)
  }
  return bin
}

/** `npm run build:native` in a checkout that holds only what it reads. */
async function build(tools: Readonly<Record<string, string>>, backend = ''): Promise<{ code: number; stdout: string; stderr: string }> {
  const checkout = await mkdtemp(path.join(folder, 'checkout-'))
  for (const name of ['package.json', 'CMakeLists.txt', 'lib', 'scripts', 'native', 'node_modules'])
    await symlink(path.join(root, name), path.join(checkout, name))
  await mkdir(path.join(checkout, 'build'))
  const env = { HOME: folder, PATH: await pathWith(tools), EVENKEEL_BACKEND: backend }
  return new Promise((resolve) =>
    execFile(
      process.execPath,
      ['--preserve-symlinks-main', 'scripts/build.mjs', '--native'],
      { cwd: checkout, env },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    )
  )
}

const fine = 'exit 0'

describe.skipIf(process.platform === 'win32')('npm run build', () => {
  it.each([
    ['no CMake', { 'g++': fine, make: fine }],
    ['no C++ compiler', { cmake: fine, ninja: fine }],
    ['no CMake, no C++ compiler, no make', {}],
    [
      'no headers of Google Highway',
      { 'g++': fine, make: fine, cmake: '[ "$1" = --version ] && exit 0; echo "Google Highway\'s headers were not found."; exit 1' }
    ]
  ])('goes on with %s, and says how to get it', async (what, tools) => {
    const { code, stderr } = await build(tools)
    expect(code).toBe(0)
    expect(stderr).toContain(`evenkeel: the native addon was not built: ${what}`)
    expect(stderr).toContain('apt-get install g++ make cmake libhwy-dev')
    expect(stderr).toContain('on the portable TypeScript path')
    expect((await build(tools, 'native')).code).toBe(1)
  })

  it('fails where the compiler does', async () => {
    const { code, stdout, stderr } = await build({
      'g++': fine,
      make: fine,
      cmake: '[ "$1" = --version ] && exit 0; echo "error: expected a semicolon"; exit 1'
    })
    expect(code).toBe(1)
    expect(stdout).toContain('expected a semicolon')
    expect(stderr).toContain('evenkeel: the build failed: cmake-js ended with code')
  })
})
