import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as library from '../lib/index.js'
import { portableWorkerPlugin } from '../scripts/worker-source.mjs'
import { checked, docstringExamples, pageExamples, root } from './helpers/examples.js'

// Whatever code README, docs/ and the docstrings show is compiled as a user's strict TypeScript and run.

const pages = ['README.md', ...readdirSync(path.join(root, 'docs')).map((file) => `docs/${file}`)].filter((file) => file.endsWith('.md'))
const fromPages = pages.flatMap(pageExamples)

/** What the docstrings' examples take as given. */
const preamble = `
import { ${Object.keys(library).join(', ')} } from 'evenkeel'
import { kernels } from 'evenkeel/kernels'
import * as ops from 'evenkeel/ops'
import { writeFileSync } from 'node:fs'
const rows = Array.from({ length: 40 }, (_, row) => [Math.sin(row), Math.cos(row)])
const [x, y] = [rows, rows.map(([a = 0, b = 0]) => (a > b ? 1 : 0))]
const net = createModel(sequential(linear(4), batchNorm(), relu(), linear(2)), { input: [2], seed: 1 })
const trainer = net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.1 }) })
const predictor = net.predictor()
writeFileSync('train-images-idx3-ubyte', Buffer.from([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4]))`
const fromDocstrings = docstringExamples(preamble)
const examples = [...fromPages, ...fromDocstrings]

// Two folders below the package's, where the bundled library finds the native binary.
const folder = path.join(root, 'build', 'docs-examples')
const entries = { evenkeel: 'lib/index.ts', 'evenkeel/kernels': 'lib/kernels-entry.ts', 'evenkeel/ops': 'lib/ops/index.ts' }

const run = promisify(execFile)
const workspace = mkdtempSync(path.join(tmpdir(), 'evenkeel-docs-'))
afterAll(() => rmSync(workspace, { recursive: true, force: true }))

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(path.join(folder, 'source'), { recursive: true })
  mkdirSync(path.join(folder, 'checked'))
  for (const example of examples) {
    writeFileSync(path.join(folder, 'source', `${example.name}.mts`), example.source)
    writeFileSync(path.join(folder, 'checked', `${example.name}.mts`), checked(example))
  }
  await build({
    entryPoints: examples.map(({ name }) => path.join(folder, 'checked', `${name}.mts`)),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    alias: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, path.join(root, file)])),
    plugins: [portableWorkerPlugin]
  })
})

describe('code in the documentation', () => {
  it('is there, and its names are its own', () => {
    expect(fromPages.length).toBeGreaterThanOrEqual(pages.length)
    expect(fromDocstrings.length).toBeGreaterThan(10)
    expect(new Set(examples.map(({ name }) => name)).size).toBe(examples.length)
  })

  it('names every error code in the guide', () => {
    const thrown = readdirSync(path.join(root, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => readFileSync(path.join(root, 'lib', file), 'utf8').match(/(?<=')EVENKEEL_[A-Z_]+(?=')/g) ?? [])
      .filter((code) => !['EVENKEEL_ISA', 'EVENKEEL_THREADS'].includes(code))
    const errors = readFileSync(path.join(root, 'docs/guide.md'), 'utf8').split('## Errors')[1]?.split('\n## ')[0] ?? ''
    const told = errors.match(/(?<=^\|[^|]*\| `)EVENKEEL_[A-Z_]+/gm) ?? []
    expect(told.sort()).toEqual([...new Set(thrown)].sort())
  })

  it('links to headings that are there', () => {
    for (const page of pages) {
      const text = readFileSync(path.join(root, page), 'utf8')
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!.toLowerCase().replaceAll(' ', '-'))
      for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors, page).toContain(anchor)
    }
  })

  it('compiles under strict', async () => {
    const config = {
      compilerOptions: {
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        module: 'nodenext',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        types: ['node'],
        typeRoots: [path.join(root, 'node_modules/@types')],
        paths: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, [path.join(root, file)]]))
      },
      include: ['source']
    }
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
    const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })

  it.each(examples)('$place runs ($name)', async ({ name }) => {
    const cwd = mkdtempSync(path.join(workspace, 'run-'))
    const { stderr } = await run(process.execPath, [path.join(folder, `${name}.mjs`)], { cwd, timeout: 100_000 })
    expect(stderr).toBe('')
  })
})
