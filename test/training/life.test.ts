import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleForChild, type ChildEnd, runChild } from '../helpers/child.js'
import { modelBackends } from '../helpers/models.js'

let folder = ''
let script = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-'))
  script = await bundleForChild('test/training/fixtures/training-life.ts')
})
afterAll(() => Promise.all([rm(folder, { recursive: true }), rm(script, { force: true })]))

describe.each(modelBackends)('processes and workers that end while they train, on %s', (backend) => {
  it('fifty workers end in the middle of a fit, each the only one that loaded the library', async () => {
    expect(await runChild(script, ['workers', backend])).toEqual({ code: 0, signal: null, stdout: 'survived\n', stderr: '' })
  })

  it.each(['onStep', 'onEpoch', 'callback'])('process.exit in %s ends the process with its code', async (where) => {
    expect(await runChild(script, [`exit-${where}`, backend])).toEqual({ code: 7, signal: null, stdout: 'exiting\n', stderr: '' })
  })

  it.skipIf(process.platform === 'win32')(
    'no space left: save and checkpoint say so, what was there stays, and nothing is left beside',
    async () => {
      const home = await mkdtemp(path.join(folder, 'full-'))
      const file = path.join(home, 'model.safetensors')
      await writeFile(file, 'what was there before')
      // Files of at most 8 blocks, 4 or 8 KiB; the model has 256 KiB.
      const command = `ulimit -f 8; exec "$0" "$@"`
      const end: ChildEnd = JSON.parse(
        execFileSync('/bin/sh', ['-c', command, process.execPath, script, 'full', backend, file], { encoding: 'utf8' })
      )
      expect(end).toEqual({ save: 'EFBIG', checkpoint: 'EFBIG', trains: 2 })
      expect(await readFile(file, 'utf8')).toBe('what was there before')
      expect(await readdir(home)).toEqual(['model.safetensors'])
    }
  )
})
