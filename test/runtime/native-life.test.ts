import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addon, reason } from '../helpers/backends.js'
import { bundleForChild, runChild } from '../helpers/child.js'

describe.skipIf(!addon)(`native backend in processes and workers that end${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let script: string
  beforeAll(async () => {
    script = await bundleForChild('test/runtime/fixtures/native-life.ts')
  })
  afterAll(() => rm(script, { force: true }))

  it('survives fifty workers that are terminated in the middle of a run', async () => {
    expect(await runChild(script, ['terminate'])).toEqual({ code: 0, signal: null, stdout: 'survived\n', stderr: '' })
  })

  it('gives many workers at once the same bits', async () => {
    const { code, signal, stdout, stderr } = await runChild(script, ['together'])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual(Array(8).fill({ completed: 100, last: 200 }))
  })

  it.each([
    ['exit-in-callback', 7, 'exiting\n'],
    ['exit-while-running', 8, '']
  ])('ends with process.exit: %s', async (mode, code, stdout) => {
    expect(await runChild(script, [mode])).toEqual({ code, signal: null, stdout, stderr: '' })
  })

  it('ends with an error that nobody caught, while a run is on its way', async () => {
    const { code, signal, stderr } = await runChild(script, ['throw-while-running'])
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain('thrown on purpose')
  })

  it('keeps the process alive while a run is on its way, and not after', async () => {
    expect(await runChild(script, ['alive-while-running'])).toEqual({ code: 0, signal: null, stdout: 'completed 200\n', stderr: '' })
  })

  it('holds what a run needs when nobody else does', async () => {
    const end = await runChild(script, ['collected'], ['--expose-gc'])
    expect(end).toEqual({ code: 0, signal: null, stdout: 'completed 300, 600, 600\n', stderr: '' })
  })
})
