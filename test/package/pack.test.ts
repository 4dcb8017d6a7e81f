import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { build } from 'esbuild'
import nodeGypBuild from 'node-gyp-build'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addon } from '../helpers/backends.js'

const run = promisify(execFile)
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const fixtures = path.join(root, 'test/package/fixtures')
const npm = findNpm()

let folder: string
/** PATH with Node and a shell, and nothing that compiles. */
let bare: NodeJS.ProcessEnv
let without: string
let withPrebuild: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-pack-'))
  const bin = path.join(folder, 'bin')
  await mkdir(bin)
  await symlink(process.execPath, path.join(bin, 'node'))
  await symlink('/bin/sh', path.join(bin, 'sh'))
  const { EVENKEEL_BACKEND: _, EVENKEEL_ISA: __, EVENKEEL_THREADS: ___, ...environment } = process.env
  bare = { ...environment, PATH: bin }
  const stage = path.join(folder, 'stage')
  for (const name of ['lib', 'native', 'scripts', 'package.json', 'tsconfig.json', 'CMakeLists.txt', 'README.md', 'LICENSE', 'binding.gyp'])
    await cp(path.join(root, name), path.join(stage, name), { recursive: true })
  await symlink(path.join(root, 'node_modules'), path.join(stage, 'node_modules'))
  await run(process.execPath, ['scripts/build.mjs', '--ts'], { cwd: stage })
  without = await pack(stage, 'without')
  if (!addon) return
  const prebuilds = path.join(stage, 'prebuilds', `${process.platform}-${process.arch}`)
  await mkdir(prebuilds, { recursive: true })
  const libc = existsSync('/etc/alpine-release') ? 'musl' : 'glibc'
  await cp(nodeGypBuild.path(root), path.join(prebuilds, `evenkeel.${libc}.node`))
  withPrebuild = await pack(stage, 'with')
})

afterAll(() => rm(folder, { recursive: true, force: true }))

async function pack(stage: string, name: string): Promise<string> {
  const destination = path.join(folder, name)
  await mkdir(destination)
  const { stdout } = await run(process.execPath, [npm, 'pack', '--json', '--ignore-scripts', '--pack-destination', destination], {
    cwd: stage
  })
  return path.join(destination, JSON.parse(stdout)[0].filename)
}

/** An empty folder with the tarball installed in it. */
async function install(tarball: string, ...more: string[]): Promise<string> {
  const consumer = await mkdtemp(path.join(folder, 'consumer-'))
  await writeFile(path.join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  await quietly(consumer, ['install', '--prefer-offline', tarball, ...more])
  for (const name of ['consumer.mjs', 'consumer.ts']) await cp(path.join(fixtures, name), path.join(consumer, name))
  return consumer
}

/** Runs npm, which must neither build nor warn. */
async function quietly(cwd: string, args: string[]): Promise<void> {
  const { stderr, stdout } = await run(process.execPath, [npm, ...args], { cwd, env: bare })
  // What the machine's own configuration makes npm say is not ours.
  const warnings = stderr
    .split('\n')
    .filter((line) => line !== '' && !/Unknown (user|env|project) config/.test(line) && !line.startsWith('npm notice'))
  expect(warnings).toEqual([])
  expect(stdout).not.toMatch(/gyp|cmake|evenkeel@.*(install|build)/)
}

async function consume(cwd: string, file: string): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, [file], { cwd, env: bare })
  return JSON.parse(stdout)
}

const works = { product: [11], loss: true, shape: [32, 2], ops: 'function' }

/** The consumer's script in CommonJS. */
async function required(consumer: string): Promise<string> {
  const source = await readFile(path.join(fixtures, 'consumer.mjs'), 'utf8')
  const script = source
    .replace(/import \* as (\w+) from ('[^']+')/g, 'const $1 = require($2)')
    .replace(/import (\{[^}]+\}) from ('[^']+')/g, 'const $1 = require($2)')
  await writeFile(path.join(consumer, 'consumer.cjs'), script)
  return 'consumer.cjs'
}

describe('the tarball', () => {
  it('holds what it should and nothing else', async () => {
    const { files } = await createPackageFromTarballDataOf(without)
    const names = files.map((name) => name.replace(/^.*?node_modules\/evenkeel\//, ''))
    const tops = [...new Set(names.map((name) => name.split('/')[0]))].sort()
    expect(tops.filter((name) => name !== 'CHANGELOG.md')).toEqual([
      'CMakeLists.txt',
      'LICENSE',
      'README.md',
      'dist',
      'lib',
      'native',
      'package.json'
    ])
    expect(names).toContain('dist/runtime/portable-worker-source.js')
    expect(names).toContain('dist/index.d.ts')
    expect(JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')).scripts).not.toHaveProperty('install')
  })

  it('is clean for publint and arethetypeswrong', async () => {
    const unpacked = path.join(await install(without), 'node_modules/evenkeel')
    const { messages } = await publint({ pkgDir: unpacked, pack: false, strict: true })
    const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'))
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([])
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(without))))
    // Node 20.19 and up require ES modules; older resolutions (node10) know no `exports`.
    const problems = analysis.types ? analysis.problems.filter(({ kind }) => kind !== 'CJSResolvesToESM') : ['no types']
    expect(
      problems.filter((problem) => !(typeof problem === 'object' && 'resolutionKind' in problem && problem.resolutionKind === 'node10'))
    ).toEqual([])
  })
})

describe('installed without a binary and without a compiler', () => {
  let consumer: string
  beforeAll(async () => {
    consumer = await install(without, 'typescript@~5.4.5', '@types/node@20')
  })

  it('has no compiler on its path', async () => {
    for (const tool of ['g++', 'c++', 'clang++', 'cmake', 'make'])
      await expect(run(tool, ['--version'], { env: bare })).rejects.toThrow('ENOENT')
  })

  it.each(['import', 'require'])('runs portable, by %s, and says why', async (how) => {
    const { reason, ...rest } = await consume(consumer, how === 'import' ? 'consumer.mjs' : await required(consumer))
    expect(rest).toEqual({ backend: 'portable', instructionSet: 'portable', available: [], threads: 1, ...works })
    expect(reason).toMatch(/No native build was found for platform=/)
  })

  it('installs by npm ci too', async () => {
    await quietly(consumer, ['ci', '--prefer-offline'])
    expect(await consume(consumer, 'consumer.mjs')).toMatchObject({ backend: 'portable', ...works })
  })

  it.each([
    ['esm', 'mjs'],
    ['cjs', 'cjs']
  ] as const)('runs portable in an esbuild bundle of format %s, and says why', async (format, extension) => {
    const bundled = await mkdtemp(path.join(folder, 'bundle-'))
    const outfile = path.join(bundled, `bundle.${extension}`)
    await build({
      entryPoints: [path.join(consumer, 'consumer.mjs')],
      outfile,
      bundle: true,
      platform: 'node',
      format,
      logLevel: 'error',
      logOverride: { 'empty-import-meta': 'silent' }
    })
    const { reason, ...rest } = await consume(bundled, outfile)
    expect(rest).toMatchObject({ backend: 'portable', ...works })
    expect(reason).toMatch(/bundled/)
  })

  it.each([
    ['5.4', 'nodenext', 'nodenext'],
    ['5.4', 'esnext', 'bundler'],
    ['newest', 'nodenext', 'nodenext'],
    ['newest', 'node20', 'node16'],
    ['newest', 'esnext', 'bundler']
  ])('has types for TypeScript %s, module %s', async (version, module, moduleResolution) => {
    const typescript = createRequire(version === '5.4' ? path.join(consumer, 'package.json') : import.meta.url).resolve(
      'typescript/package.json'
    )
    const args = [
      path.join(path.dirname(typescript), 'bin/tsc'),
      'consumer.ts',
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      module
    ]
    if (moduleResolution === 'bundler') args.push('--moduleResolution', 'bundler')
    const { stdout } = await run(process.execPath, args, { cwd: consumer }).catch((error) => error)
    expect(stdout).toBe('')
  })
})

describe.skipIf(!addon)('installed with the binary of this platform', () => {
  it('runs native, by import, require and after npm ci', async () => {
    const consumer = await install(withPrebuild)
    const native = { backend: 'native', ...works }
    const imported = await consume(consumer, 'consumer.mjs')
    expect(imported).toMatchObject(native)
    expect(imported).not.toHaveProperty('reason')
    expect(await consume(consumer, await required(consumer))).toMatchObject(native)
    await quietly(consumer, ['ci', '--prefer-offline'])
    expect(await consume(consumer, 'consumer.mjs')).toMatchObject(native)
  })
})

async function createPackageFromTarballDataOf(tarball: string): Promise<{ files: string[] }> {
  return { files: createPackageFromTarballData(new Uint8Array(await readFile(tarball))).listFiles() }
}

/** npm's own script: beside this Node, or the one on PATH. */
function findNpm(): string {
  const beside = ['../lib/node_modules/npm/bin/npm-cli.js', 'node_modules/npm/bin/npm-cli.js']
  const candidates = [
    process.env.npm_execpath,
    ...beside.map((relative) => path.resolve(path.dirname(process.execPath), relative)),
    ...(process.env.PATH ?? '').split(path.delimiter).flatMap((entry) => beside.map((relative) => path.resolve(entry, relative)))
  ]
  const found = candidates.find((file) => file?.endsWith('npm-cli.js') && existsSync(file))
  if (!found) throw new Error('npm was not found')
  return found
}
