import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

/** Which rooms of lib/ a room may import; every room may import `ground`. CONTRIBUTING.md draws the same picture. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  kernels: [],
  graph: ['kernels'],
  ops: ['graph', 'kernels'],
  runtime: ['graph', 'kernels'],
  layers: ['ops', 'graph', 'kernels'],
  programs: ['layers', 'ops', 'graph', 'kernels'],
  data: ['runtime', 'kernels'],
  raw: ['runtime', 'kernels'],
  io: ['data', 'layers', 'programs', 'runtime', 'kernels'],
  training: ['programs', 'layers', 'ops', 'graph', 'runtime', 'data', 'io', 'inference', 'kernels'],
  cli: ['training', 'inference', 'programs', 'layers', 'data', 'io', 'runtime'],
  inference: ['programs', 'layers', 'graph', 'runtime', 'data', 'io', 'kernels']
}
/** Files beside the rooms; every room may import them. */
const groundFiles = ['errors', 'shape', 'tensor', 'random', 'options', 'sliced']
/** The public doors, which may import everything. */
const doors = ['index', 'kernels-entry']

interface Arrow {
  readonly from: string
  readonly to: string
  readonly line: string
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
}

function roomOf(file: string): string {
  const [first, ...rest] = path.relative(path.join(root, 'lib'), file).split(path.sep)
  if (rest.length > 0) return first!
  const stem = first!.replace(/\.(d\.)?[jt]s$/, '')
  return groundFiles.includes(stem) ? 'ground' : doors.includes(stem) ? 'door' : `an unlisted file, lib/${first}`
}

function arrows(): Arrow[] {
  return sources(path.join(root, 'lib')).flatMap((file) =>
    [
      ...readFileSync(file, 'utf8').matchAll(
        /^\s*(?:import|export)\b[^'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gms
      )
    ].map((match) => {
      const target = match[1] ?? match[2] ?? match[3]!
      const to = target.startsWith('.') ? roomOf(path.resolve(path.dirname(file), target)) : target
      return { from: roomOf(file), to, line: `${path.relative(root, file)} imports ${target}` }
    })
  )
}

describe('the rooms of lib/', () => {
  const all = arrows()
  const inside = all.filter(({ to }) => to in mayImport || to.startsWith('an unlisted') || to === 'door')

  it('has arrows to check', () => {
    expect(inside.length).toBeGreaterThan(50)
  })

  it('import only what the table allows', () => {
    const refused = inside.filter(({ from, to }) => from !== 'door' && from !== to && to !== 'ground' && !mayImport[from]?.includes(to))
    expect(refused.map(({ line }) => line)).toEqual([])
  })

  it('hold layers that are written on what users have: the public operations', () => {
    // What gives layers their parameters, names and files.
    const plumbing = ['architecture', 'define-layer', 'initializers', 'layer', 'make-layer', 'orthogonal', 'trace']
    const isLayer = (line: string): boolean => !plumbing.includes(/lib\/layers\/([\w-]+)\.ts/.exec(line)?.[1] ?? '')
    const layers = all.filter(({ from, line }) => from === 'layers' && isLayer(line))
    expect(new Set(layers.map(({ line }) => line.split(' ')[0])).size).toBeGreaterThan(5)
    const refused = layers.filter(({ to, line }) => !['layers', 'ground'].includes(to) && !line.endsWith(' ../ops/index.js'))
    expect(refused.map(({ line }) => line)).toEqual([])
  })

  it('import node: only in runtime, io, data and cli', () => {
    const refused = all.filter(({ from, to }) => to.startsWith('node:') && !['runtime', 'io', 'data', 'cli'].includes(from))
    expect(refused.map(({ line }) => line)).toEqual([])
  })
})

describe('the rooms of test/', () => {
  it('keep the oracles away from the kernels', () => {
    const lines = sources(path.join(root, 'test/reference')).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => /from '.*lib\//.test(line))
        .map((line) => `${path.relative(root, file)}: ${line}`)
    )
    expect(lines).toEqual([])
  })
})
