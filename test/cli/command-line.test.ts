import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backendInfo, createModel, defineLayer, linear, loadModel, sequential } from '../../lib/index.js'
import { add } from '../../lib/ops/index.js'
import { mounts, onSmallDisk } from '../helpers/small-disk.js'
import { bundleCommandLine, type End, runCommandLine } from './helpers.js'

let command: { main: string; module: (name: string) => string }
let folder: string
beforeAll(async () => {
  command = await bundleCommandLine(['training', 'endless', 'incomplete', 'tabular', 'branches'])
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-cli-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (args: readonly string[], interruptAt?: RegExp): Promise<End> => runCommandLine(command.main, args, folder, interruptAt)
const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split('\n').at(-1)!)

describe('evenkeel', () => {
  it('shows its commands, and exits with 2 for wrong usage', async () => {
    expect((await run(['--help'])).code).toBe(0)
    for (const args of [[], ['trian'], ['train'], ['doctor', '--what'], ['train', 'x.js', '--epochs', '0']]) {
      const { code, stderr } = await run(args)
      expect({ args, code }).toEqual({ args, code: 2 })
      expect(stderr).toMatch(/Usage: |error: /)
    }
  })
})

describe('evenkeel doctor', () => {
  it('says what runs', async () => {
    const { code, stdout } = await run(['doctor', '--json'])
    expect(code).toBe(0)
    expect(lastLine(stdout)).toMatchObject({ ...backendInfo(), node: process.version })
    expect((await run(['doctor'])).stdout).toContain(`backend           ${backendInfo().backend}`)
  })
})

describe('evenkeel train', () => {
  beforeEach(async () => {
    for (const name of await readdir(folder)) await rm(path.join(folder, name))
  })

  it('trains what a module exports, and saves it', async () => {
    const { code, stdout, stderr } = await run(['train', command.module('training'), '-o', 'a.safetensors', '--json'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^epoch 3\/3 {2}loss 0\.\d+ {2}validationLoss \S+ {2}validationAccuracy \S+ {2}[\d,]+ rows\/s$/m)
    expect(lastLine(stdout)).toMatchObject({ steps: 9, interrupted: false, output: 'a.safetensors' })
    const net = await loadModel(path.join(folder, 'a.safetensors'))
    expect(net.seed).toBe(1)
    expect(net.buffers['1.batches']!.data[0]).toBe(9)
    net.dispose()
  })

  it('takes epochs, batch size, seed and backend from the command line', async () => {
    const args = ['--epochs', '2', '--batch-size', '48', '--seed', '5', '--backend', 'portable', '--json']
    const { stdout } = await run(['train', command.module('training'), ...args])
    expect(lastLine(stdout)).toMatchObject({ steps: 2, backend: 'portable', output: 'model.safetensors' })
    const net = await loadModel(path.join(folder, 'model.safetensors'))
    expect(net.seed).toBe(5)
    net.dispose()
  })

  it('leaves a file that exists alone, unless it is told to replace it', async () => {
    await writeFile(path.join(folder, 'kept'), 'kept')
    const { code, stderr } = await run(['train', command.module('training'), '-o', 'kept'])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'expected an output file that does not exist yet, got kept. Give --force to replace it\n'
    })
    expect(await readFile(path.join(folder, 'kept'), 'utf8')).toBe('kept')
    expect((await run(['train', command.module('training'), '-o', 'kept', '--force'])).code).toBe(0)
    ;(await loadModel(path.join(folder, 'kept'))).dispose()
  })

  it('refuses an output that could not be written, before it trains', async () => {
    const { code, stdout, stderr } = await run(['train', command.module('endless'), '-o', 'nowhere/a.safetensors', '--force'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^expected an output file in a folder that can be written to, got nowhere\/a\.safetensors: .*nowhere is none\n$/)
  })

  it('stops after the step at Ctrl-C, and saves', async () => {
    const { code, stdout } = await run(['train', command.module('endless'), '--json'], /^epoch +2\//m)
    expect(code).toBe(130)
    const { interrupted, steps } = lastLine(stdout) as { interrupted: boolean; steps: number }
    expect(interrupted).toBe(true)
    const net = await loadModel(path.join(folder, 'model.safetensors'))
    expect(net.buffers['1.batches']!.data[0]).toBe(steps)
    net.dispose()
  })

  it('says what a module lacks', async () => {
    const { code, stderr } = await run(['train', command.module('incomplete')])
    expect(code).toBe(1)
    expect(stderr).toContain('expected a module that exports model, data, loss, optimizer, got none called loss')
    expect((await run(['train', 'nowhere.js'])).stderr).toBe('expected the file of a module, got nowhere.js: there is no such file\n')
    expect(await readdir(folder)).toEqual([])
  })

  it('says where in a module an error comes from', async () => {
    const refused = async (text: string): Promise<string> => {
      await writeFile(path.join(folder, 'wrong.mjs'), text)
      return (await run(['train', 'wrong.mjs'])).stderr
    }
    expect(await refused("\nthrow new Error('boom')")).toMatch(/^wrong\.mjs: boom \(file:\/\/.*\/wrong\.mjs:2:7\)$/m)
    expect(await refused('\n\nexport const = 1')).toMatch(/^wrong\.mjs: .*(wrong\.mjs:3|\(node wrong\.mjs shows the line)\)$/m)
    expect(await refused("import './gone.mjs'")).toMatch(/Cannot find module .*gone\.mjs.* imported from .*wrong\.mjs/)
  })
})

describe('evenkeel inspect', () => {
  it('shows layers and tensors', async () => {
    await run(['train', command.module('training'), '-o', 'i.safetensors', '--force'])
    const { code, stdout } = await run(['inspect', 'i.safetensors'])
    expect(code).toBe(0)
    expect(stdout).toContain('written by evenkeel')
    expect(stdout).toMatch(/^1 +batchNorm +\[8\] +16$/m)
    expect(stdout).toMatch(/^1\.batches +\[1\] +F64 +9 +0 +9 +9$/m)
    const { tensors, bytes } = lastLine((await run(['inspect', 'i.safetensors', '--json'])).stdout) as {
      tensors: { name: string; mean: number; deviation: number }[]
      bytes: number
    }
    expect(bytes).toBe((await readFile(path.join(folder, 'i.safetensors'))).length)
    const net = await loadModel(path.join(folder, 'i.safetensors'))
    for (const [name, { data }] of Object.entries(net.parameters)) {
      const values = Array.from(data)
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
      const told = tensors.find((tensor) => tensor.name === name)!
      expect(told.mean).toBeCloseTo(mean, 10)
      expect(told.deviation).toBeCloseTo(deviation, 10)
    }
    net.dispose()
  })

  it('refuses what is no model', async () => {
    await writeFile(path.join(folder, 'no-model'), 'a text that is longer than eight bytes')
    const { code, stderr } = await run(['inspect', 'no-model'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^inspect 'no-model': expected a safetensors file/)
    expect((await run(['inspect', 'nowhere'])).code).toBe(1)
    expect((await run(['inspect', '.'])).stderr).toBe("inspect '.': expected a file, got a folder\n")
  })
})

describe('evenkeel predict', () => {
  const rows = Array.from({ length: 3000 }, (_, row) => ({ id: `row, ${row}`, a: Math.sin(row), b: row % 7 }))
  const inFile = (name: string): string => path.join(folder, name)

  beforeAll(async () => {
    for (const name of await readdir(folder)) await rm(path.join(folder, name))
    await run(['train', command.module('training'), '-o', 'm.safetensors'])
    await writeFile(inFile('rows.csv'), `id,a,b\n${rows.map(({ id, a, b }) => `"${id}",${a},${b}`).join('\n')}\n`)
  })

  const expected = async (): Promise<Float32Array> => {
    const net = await loadModel(inFile('m.safetensors'))
    const predictor = net.predictor()
    const { data } = await predictor.predict(rows.map(({ a, b }) => [a, b]))
    predictor.dispose()
    net.dispose()
    return data
  }

  it('carries every column along and adds the predictions', async () => {
    const args = ['predict', 'm.safetensors', 'rows.csv', '--columns', 'a,b', '--batch-size', '100']
    const { code, stdout, stderr } = await run([...args, '-o', 'scored.csv'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^3,000 rows of 2 columns in \d+\.\d s, [\d,]+ rows\/s: scored\.csv\n$/)
    const scored = parse(await readFile(inFile('scored.csv')), { columns: true }) as Record<string, string>[]
    expect(scored.map(({ id, a, b }) => ({ id, a: Number(a), b: Number(b) }))).toEqual(rows)
    const data = await expected()
    expect(Float32Array.from(scored.flatMap((row) => [Number(row['prediction.0']), Number(row['prediction.1'])]))).toEqual(data)

    expect((await run([...args, '-o', 'scored.parquet', '--give', 'class', '--name', 'label'])).code).toBe(0)
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(inFile('scored.parquet')) })
    expect(read.map(({ id }) => id)).toEqual(rows.map(({ id }) => id))
    expect(read.map(({ label }) => Number(label))).toEqual(rows.map((_, row) => (data[2 * row + 1]! > data[2 * row]! ? 1 : 0)))
    // A Parquet file in, JSON lines out.
    const { stdout: text } = await run([
      'predict',
      'm.safetensors',
      'scored.parquet',
      '--columns',
      'a,b',
      '-o',
      'again.jsonl',
      '--name',
      'p'
    ])
    expect(text).toContain('again.jsonl')
    const last = JSON.parse((await readFile(inFile('again.jsonl'), 'utf8')).trimEnd().split('\n').at(-1)!)
    expect(last['p.1']).toBeCloseTo(data.at(-1)!, 6)
  })

  it('reads the columns that the model was trained on, in the way it was', async () => {
    const people = Array.from({ length: 200 }, (_, row) => ({
      age: 20 + (row % 50),
      city: ['Oslo', 'Bergen', 'Tromsø'][row % 3]!,
      name: `n${row}`
    }))
    const answer = ({ age, city }: { age: number; city: string }): string => (age > 45 !== (city === 'Oslo') ? 'yes' : 'no')
    await writeFile(
      inFile('people.csv'),
      `name,city,age,answer\n${people.map((p) => `${p.name},${p.city},${p.age},${answer(p)}`).join('\n')}\n`
    )
    expect((await run(['train', command.module('tabular'), '-o', 'people.safetensors'])).stderr).toBe('')
    await writeFile(
      inFile('new.jsonl'),
      people.map(({ age, city, name }) => `${JSON.stringify({ name, age: name === 'n7' ? null : age, city })}\n`).join('')
    )
    const args = ['predict', 'people.safetensors', 'new.jsonl']
    expect((await run([...args, '-o', 'scored-people.csv', '--give', 'class'])).stderr).toBe('')
    const scored = parse(await readFile(inFile('scored-people.csv')), { columns: true }) as Record<string, string>[]
    expect(scored.map(({ name }) => name)).toEqual(people.map(({ name }) => name))
    const right = scored.filter(({ prediction }, row) => prediction === answer(people[row]!)).length
    expect(right).toBeGreaterThan(180)
    expect((await run([...args, '-o', 'p.jsonl', '--give', 'probabilities'])).stderr).toBe('')
    const first = JSON.parse((await readFile(inFile('p.jsonl'), 'utf8')).split('\n')[0]!)
    expect(Object.keys(first)).toEqual(['name', 'age', 'city', 'prediction.no', 'prediction.yes'])
    expect(first['prediction.no'] + first['prediction.yes']).toBeCloseTo(1, 5)
    expect((await run([...args, '-o', 'q.jsonl', '--columns', 'age'])).stderr).toContain("the model's file says which columns it reads")
  })

  it('says what is wrong, and leaves no half file', async () => {
    await writeFile(inFile('broken.csv'), `a,b\n${'1,2\n'.repeat(2000)}1,nonsense\n`)
    const files = await readdir(folder)
    const refused = async (args: readonly string[]): Promise<string> => {
      const { code, stderr } = await run(['predict', ...args])
      expect(code).toBe(1)
      return stderr
    }
    expect(await refused(['m.safetensors', 'rows.csv', '-o', 'x.csv'])).toContain(
      "expected 2 columns for the model's input, got 3: id, a, b. Choose them with --columns a,b,c"
    )
    expect(await refused(['m.safetensors', 'rows.csv', '-o', 'x.csv', '--columns', 'a,c'])).toMatch(/'c'/)
    expect(await refused(['m.safetensors', 'rows.csv', '-o', 'rows.csv', '--columns', 'a,b'])).toContain('Give --force to replace it')
    expect(await refused(['m.safetensors', 'rows.csv', '-o', 'x.xls', '--columns', 'a,b'])).toContain('expected a file that ends in .csv')
    expect(await refused(['m.safetensors', 'broken.csv', '-o', 'x.csv'])).toMatch(/'nonsense' in row 2000/)
    expect(await refused(['m.safetensors', 'nowhere.csv', '-o', 'x.csv'])).toContain('ENOENT')
    expect(await refused(['rows.csv', 'rows.csv', '-o', 'x.csv'])).toContain('expected a safetensors file')
    expect(await readdir(folder)).toEqual(files)
  })

  it('replaces a file where it is told to, when the new one is whole', async () => {
    await writeFile(inFile('old.csv'), 'precious')
    const args = ['predict', 'm.safetensors', '-o', 'old.csv', '--columns', 'a,b']
    const refused = await run([...args, 'rows.csv'])
    expect([refused.code, await readFile(inFile('old.csv'), 'utf8')]).toEqual([1, 'precious'])
    await writeFile(inFile('broken.csv'), `a,b\n${'1,2\n'.repeat(2000)}1,nonsense\n`)
    expect((await run([...args, 'broken.csv', '--force'])).stderr).toMatch(/'nonsense' in row 2000/)
    expect(await readFile(inFile('old.csv'), 'utf8')).toBe('precious')
    expect((await run([...args, 'rows.csv', '--force'])).code).toBe(0)
    expect((await readFile(inFile('old.csv'), 'utf8')).split('\n').length).toBe(3002)
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it.skipIf(!mounts)('says that the disk is full, and leaves no half file (needs the right to mount one)', async () => {
    await onSmallDisk(64, async (disk) => {
      const output = path.join(disk, 'scored.csv')
      const { code, stderr } = await run(['predict', 'm.safetensors', 'rows.csv', '--columns', 'a,b', '-o', output])
      expect([code, await readdir(disk)]).toEqual([1, []])
      expect(stderr).toMatch(/^ENOSPC: no space left on device/)
    })
  })
})

describe('a model with a layer of its own', () => {
  it('asks for the module that has the layer', async () => {
    const double = defineLayer({ kind: 'double', apply: (_, x) => add(x, x) })
    const net = createModel(sequential(double(), linear(1)), { input: [2], seed: 1, backend: 'portable' })
    await net.save(path.join(folder, 'own.safetensors'))
    net.dispose()
    await writeFile(path.join(folder, 'two.csv'), 'a,b\n1,2\n')
    const { code, stderr } = await run(['predict', 'own.safetensors', 'two.csv', '-o', 'own.csv'])
    expect(code).toBe(1)
    expect(stderr).toBe(
      "own.safetensors: expected layers of a known kind, got 'double'. Export what defineLayer gave for it as layers: [...] of a JavaScript file, and give that with --module FILE\n"
    )
  })
})

describe('--give class of one number', () => {
  it('is 1 where it is above 0, else 0', async () => {
    const net = createModel(sequential(linear(1, { bias: false })), { input: [1], seed: 1, backend: 'portable' })
    net.parameters['0.weight']!.data.set([2])
    await net.save(path.join(folder, 'sign.safetensors'))
    net.dispose()
    await writeFile(path.join(folder, 'sign.csv'), 'a\n-0.1\n0\n0.1\n3\n')
    await run(['predict', 'sign.safetensors', 'sign.csv', '-o', 'signs.csv', '--give', 'class', '--force'])
    const rows = parse(await readFile(path.join(folder, 'signs.csv')), { columns: true }) as Record<string, string>[]
    expect(rows.map(({ prediction }) => prediction)).toEqual(['0', '0', '1', '1'])
  })
})

describe('a model that was saved from a function, with several outputs', () => {
  beforeAll(async () => {
    for (const name of await readdir(folder)) await rm(path.join(folder, name))
    await writeFile(path.join(folder, 'rows.csv'), 'id,a,b\n1,0.5,0.2\n2,-0.1,0.9\n3,0.4,-1\n')
  })

  it('is trained, shown and used with the module that has the function', async () => {
    const module = command.module('branches')
    const { code, stdout } = await run(['train', module, '-o', 'f.safetensors'])
    expect(code).toBe(0)
    for (const told of ['price.loss', 'kind.loss', 'validationPrice.mae', 'validationKind.accuracy'])
      expect(stdout).toMatch(new RegExp(`^epoch 1/1 .* {2}${told.replace('.', '\\.')} \\d`, 'm'))

    const alone = await run(['inspect', 'f.safetensors'])
    expect(alone.code).toBe(0)
    expect(alone.stdout).toContain('output {"price":[1],"kind":[3]}')
    expect(alone.stdout).toContain('The file was saved from a function, code that it does not hold: --module FILE shows its layers.')
    expect(alone.stdout).toMatch(/^kind\.weight +\[3, 8\] +F32 /m)
    expect((await run(['inspect', 'f.safetensors', '--module', module])).stdout).toMatch(/^price +linear +\[1\] +9$/m)

    const args = ['predict', 'f.safetensors', 'rows.csv', '--columns', 'a,b', '--module', module]
    expect((await run([...args, '-o', 'scored.csv', '--give', 'kind=class'])).stderr).toBe('')
    const scored = parse(await readFile(path.join(folder, 'scored.csv')), { columns: true }) as Record<string, string>[]
    expect(Object.keys(scored[0]!)).toEqual(['id', 'a', 'b', 'prediction.price', 'prediction.kind'])
    expect((await run([...args, '-o', 'p.csv', '--give', 'probabilities,price=values', '--name', 'p'])).stderr).toBe('')
    const shares = parse(await readFile(path.join(folder, 'p.csv')), { columns: true }) as Record<string, string>[]
    expect(Object.keys(shares[0]!)).toEqual(['id', 'a', 'b', 'p.price', 'p.kind.0', 'p.kind.1', 'p.kind.2'])
    for (const [row, share] of shares.entries()) {
      const kinds = [0, 1, 2].map((kind) => Number(share[`p.kind.${kind}`]))
      expect(kinds.reduce((sum, each) => sum + each)).toBeCloseTo(1, 5)
      expect(kinds.indexOf(Math.max(...kinds))).toBe(Number(scored[row]!['prediction.kind']))
      expect(share['p.price']).toBe(scored[row]!['prediction.price'])
    }
  })

  it('is refused without it, and with one that does not fit', async () => {
    const args = ['predict', 'f.safetensors', 'rows.csv', '--columns', 'a,b', '-o', 'x.csv']
    const refused = async (...more: string[]) => (await run([...args, ...more])).stderr
    expect(await refused()).toBe(
      'f.safetensors: It was saved from a function, which files do not hold. Export that as modelFunction of a JavaScript file, and give it with --module FILE\n'
    )
    expect(await refused('--module', 'nowhere.js')).toBe('expected the file of a module, got nowhere.js: there is no such file\n')
    expect(await refused('--module', command.module('training'))).toContain(
      'expected a module that exports modelFunction or layers, got neither'
    )
    expect(await refused('--module', command.module('branches'), '--give', 'knd=class')).toContain(
      "expected --give for outputs of the model, price, kind, got 'knd'"
    )
    expect(await refused('--give', 'clas')).toContain('Expected values, probabilities, class, or one of these by output')
    expect(await refused('--give', 'class,values')).toContain("Expected one for each output, got 'values' besides")
  })
})
