import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { portableRuntime } from '../../lib/runtime/portable.js'
import { bundleForChild, runChild } from '../helpers/child.js'
import { runtimeConformance } from './conformance.js'

runtimeConformance('portable', portableRuntime)

describe('the portable worker', () => {
  let script: string
  beforeAll(async () => {
    script = await bundleForChild('test/runtime/fixtures/portable-life.ts')
  })
  afterAll(() => rm(script, { force: true }))

  const life = async (mode: string, nodeOptions: readonly string[] = [], environment = {}) => {
    const { code, signal, stdout, stderr } = await runChild(script, [mode], nodeOptions, environment)
    expect({ signal, stderr }).toEqual({ signal: null, stderr: '' })
    return { code, said: stdout && JSON.parse(stdout) }
  }

  it('is one, and lets the process end when nothing runs', async () => {
    expect(await life('idle')).toEqual({ code: 0, said: 1 })
  })

  it('keeps the process alive while a run is on its way', async () => {
    expect(await life('alive-while-running')).toEqual({ code: 0, said: 200 })
  })

  it('rejects what was on its way when it is terminated, and starts again', async () => {
    const ends = ['BackendError EVENKEEL_WORKER', 'BackendError EVENKEEL_WORKER']
    expect(await life('terminated')).toEqual({ code: 0, said: { ends, completed: 3, workers: 2 } })
  })

  it.each([
    ['exit-while-running', 7],
    ['exit-in-callback', 8]
  ])('ends with process.exit: %s', async (mode, code) => {
    expect(await life(mode)).toEqual({ code, said: '' })
  })

  it('loads none of the modules that the caller preloads', async () => {
    const says = "import{isMainThread}from'node:worker_threads';if(!isMainThread)console.error('preloaded')"
    const flag = `--import=data:text/javascript,${says}`
    expect(await life('idle', [flag])).toEqual({ code: 0, said: 1 })
    expect(await life('idle', [], { NODE_OPTIONS: flag })).toEqual({ code: 0, said: 1 })
  })

  it('allocates no memory in a step', async () => {
    expect(await life('memory', ['--expose-gc'])).toEqual({ code: 0, said: 0 })
  })
})
