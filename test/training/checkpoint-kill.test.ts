import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../../lib/index.js'
import { openSafetensors } from '../../lib/io/safetensors.js'
import { bundleForChild, runChild } from '../helpers/child.js'
import { modelBackends, toyData } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

const killAt = new URL('./fixtures/kill-at.mjs', import.meta.url).href

let folder = ''
let script = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-'))
  script = await bundleForChild('test/training/fixtures/resumed-run.ts')
})
afterAll(() => Promise.all([rm(folder, { recursive: true }), rm(script, { force: true })]))

/** Runs the program until it has begun to train and `delay` ms are over, then kills it. True where it came to its end before. */
function killed(args: readonly string[], delay: number, seed: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, SEED: String(seed) },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), delay))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (signal === null && code !== 0) reject(new Error(`the program ended with ${code}`))
      else resolve(signal === null)
    })
  })
}

describe.each(modelBackends)('a fit that is killed, on %s', (backend) => {
  it('and resumed until it is done saves the bytes of one that ran through', async () => {
    const own = await mkdtemp(path.join(folder, 'any-'))
    const file = (name: string): string => path.join(own, name)
    const whole = await runChild(script, [backend, '-', file('whole'), '0'])
    expect(whole).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('done after 72 steps and 6 epochs') })
    const random = testRandom(backend === 'native' ? 31 : 32)
    const args = [backend, file('checkpoint'), file('resumed'), '4']
    let kills = 0
    // Until there is a checkpoint the program has the seed of the whole run; afterwards seeds that must not matter.
    const seed = () => (existsSync(file('checkpoint')) ? 90 + kills : 11)
    while (kills < 6 && !(await killed(args, 5 + random.integer(120), seed()))) kills++
    expect(kills).toBeGreaterThan(1)
    // It went on from where it was, and did not begin anew.
    expect((await loadModel(file('checkpoint'), { backend })).buffers['1.batches']!.data[0]).toBeGreaterThan(1)
    const last = await runChild(script, args, [], { SEED: '99' })
    expect(last).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('done after 72 steps and 6 epochs') })
    expect((await readFile(file('resumed'))).equals(await readFile(file('whole')))).toBe(true)
    // Run once more when all is done: nothing is left to train, and the same bytes are saved.
    expect(await runChild(script, args, [], { SEED: '98' })).toMatchObject({ code: 0, stdout: 'done after 72 steps and 6 epochs\n' })
    expect((await readFile(file('resumed'))).equals(await readFile(file('whole')))).toBe(true)
    // What a kill in mid-write left beside is gone.
    expect((await readdir(own)).sort()).toEqual(['checkpoint', 'resumed', 'whole'])
  })

  // Each run goes on from the checkpoint before and is killed in the second file that it writes. One is written after every
  // second step and one more at the end of each epoch, of twelve steps; what is there afterwards is of this step:
  const places = [
    ['created', 2],
    ['in the bytes', 4],
    ['before the sync', 6],
    ['after the sync', 8],
    ['before the rename', 10],
    ['after the rename', 12],
    ["before the folder's sync", 16],
    ["after the folder's sync", 20]
  ] as const

  it('in the middle of writing a checkpoint has the one before or the new one, and leaves nothing for good', async () => {
    const own = await mkdtemp(path.join(folder, 'places-'))
    const [kept, resumed, whole] = ['checkpoint', 'resumed', 'whole'].map((name) => path.join(own, name)) as [string, string, string]
    const args = [backend, kept, resumed, '0']
    const environment = { RUN: '{ "everyStep": true }', KILL_SAVE: '2', SEED: '11' }
    let besides = 0
    for (const [place, step] of places) {
      const end = await runChild(script, args, ['--import', killAt], { ...environment, KILL_AT: place })
      expect({ place, signal: end.signal, stderr: end.stderr }).toEqual({ place, signal: 'SIGKILL', stderr: '' })
      expect([place, await stepsOf(kept)]).toEqual([place, step])
      // That of the run before was removed by the first file of this one.
      besides = (await readdir(own)).length - 1
      expect([place, besides]).toEqual([place, step <= 10 ? 1 : 0])
    }
    expect(await runChild(script, args, [], environment)).toMatchObject({ code: 0, stderr: '' })
    expect(await runChild(script, [backend, '-', whole, '0'], [], environment)).toMatchObject({ code: 0, stderr: '' })
    expect((await readFile(resumed)).equals(await readFile(whole))).toBe(true)
    expect((await readdir(own)).sort()).toEqual(['checkpoint', 'resumed', 'whole'])
  })

  it.each([
    ['rows of a file, mixed, changed and split', { csv: true }],
    ['rows of a function, mixed, and a checkpoint every second epoch', { data: 'rows', checkpoint: { everyEpochs: 2 } }],
    ['rows of a factory, and a checkpoint of the best epoch', { data: 'factory', checkpoint: { best: true, everyEpochs: 1 } }],
    ['batches of a dataset of its own', { data: 'own', checkpoint: { everySteps: 5, everyEpochs: 3 } }]
  ])('over %s goes on to the same bytes', async (_what, run) => {
    const own = await mkdtemp(path.join(folder, 'data-'))
    const file = (name: string): string => path.join(own, name)
    if ('csv' in run) await writeFile(file('rows.csv'), csv())
    const given = 'csv' in run ? { csv: file('rows.csv') } : run
    const environment = (seed: number, kill?: number) => ({ RUN: JSON.stringify({ ...given, kill }), SEED: String(seed) })
    const whole = await runChild(script, [backend, '-', file('whole'), '0'], [], environment(11))
    expect(whole).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/ 6 epochs/) })
    const args = [backend, file('checkpoint'), file('resumed'), '0']
    for (const step of [7, 31, 55]) {
      // The seed of the checkpoint counts, where there is one.
      const seed = existsSync(file('checkpoint')) ? 90 + step : 11
      expect((await runChild(script, args, [], environment(seed, step))).signal).toBe('SIGKILL')
    }
    expect(await stepsOf(file('checkpoint'))).toBeGreaterThan(11)
    expect(await runChild(script, args, [], environment(99))).toMatchObject({ code: 0, stderr: '', stdout: whole.stdout })
    expect((await readFile(file('resumed'))).equals(await readFile(file('whole')))).toBe(true)
  })
})

/** Of a checkpoint, which is whole. */
async function stepsOf(file: string): Promise<number> {
  await loadModel(file)
  const { metadata, close } = await openSafetensors('test', await readFile(file))
  await close()
  return (JSON.parse(metadata.get('checkpoint')!) as { steps: number }).steps
}

function csv(): string {
  const { x, y } = toyData(210)
  return ['a,b,c,d,class', ...Array.from(y, (label, row) => [...x.subarray(row * 4, row * 4 + 4), label].join()), ''].join('\n')
}
