import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModel } from '../../lib/index.js'
import { bundleForChild, runChild } from '../helpers/child.js'
import { modelBackends } from '../helpers/models.js'
import { testRandom } from '../helpers/random.js'

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
    const file = (name: string): string => path.join(folder, `${backend}-${name}`)
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
    // What a kill in mid-write left beside is never under the name; everything else there is ours.
    const names = (await readdir(folder)).filter((name) => !/^\.[0-9a-f]{24}\.evenkeel$/.test(name))
    expect(names.every((name) => /^(native|portable)-(whole|resumed|checkpoint)$/.test(name))).toBe(true)
  })
})
