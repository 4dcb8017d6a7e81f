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

  it('survives workers that are terminated inside a synchronous run', async () => {
    expect(await runChild(script, ['terminate-sync'])).toEqual({ code: 0, signal: null, stdout: 'survived\n', stderr: '' })
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

  it('gives all memory back, disposed of or collected', async () => {
    const { code, stdout, stderr } = await runChild(script, ['memory'], ['--expose-gc'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [before, disposed, collected] = JSON.parse(stdout)
    expect(disposed).toEqual(before)
    expect(collected).toEqual(before)
  })

  it('takes no memory for steps', async () => {
    const { code, stdout, stderr } = await runChild(script, ['steady'], ['--expose-gc'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [few, many] = JSON.parse(stdout)
    expect(many).toEqual(few)
  })

  it('holds the memory of a run whose buffers are moved away, and refuses them afterwards', async () => {
    const { code, stdout, stderr } = await runChild(script, ['moved'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { completed, last, gone, again } = JSON.parse(stdout)
    expect({ completed, last }).toEqual({ completed: 200, last: 400 })
    // Where Node keeps external buffers from being moved, they are simply there.
    if (gone) expect(again).toMatch(/rows/)
    else expect(again).toBe('completed 1')
  })
})
