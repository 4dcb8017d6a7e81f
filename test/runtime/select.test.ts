import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { backendInfo, selectRuntime } from '../../lib/runtime/select.js'
import { addon } from '../helpers/backends.js'
import { bundleForChild, runChild } from '../helpers/child.js'

const unset = { EVENKEEL_BACKEND: undefined, EVENKEEL_ISA: undefined, EVENKEEL_THREADS: undefined }
const sets = addon?.targets().flatMap(({ name, supported }) => (supported ? [name] : [])) ?? []

describe('choosing a runtime', () => {
  let script: string
  let bare: string
  /** The same script where there is no package round it, and so no native binary. */
  let alone: string
  beforeAll(async () => {
    script = await bundleForChild('test/runtime/fixtures/select.ts')
    bare = await mkdtemp(path.join(tmpdir(), 'evenkeel-'))
    alone = path.join(bare, 'select.mjs')
    await cp(script, alone)
    await writeFile(path.join(bare, 'package.json'), '{}')
  })
  afterAll(() => Promise.all([rm(script, { force: true }), rm(bare, { recursive: true, force: true })]))

  const answer = async (environment: Record<string, string>, backend?: string, file = script): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await runChild(file, backend ? [backend] : [], [], { ...unset, ...environment })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  }

  it('keeps what it chose', () => {
    expect(selectRuntime()).toBe(selectRuntime({ backend: 'auto' }))
    expect(selectRuntime({ backend: 'portable' })).toBe(selectRuntime({ backend: 'portable', threads: 2 }))
    expect(backendInfo()).toEqual(backendInfo())
  })

  it('says why native is not in use', async () => {
    const { reason, ...info } = await answer({}, undefined, alone)
    expect(info).toEqual({ backend: 'portable', instructionSet: 'portable', available: [], threads: 1 })
    expect(reason).toMatch(/native binary/)
    expect((await answer({ EVENKEEL_BACKEND: 'native' }, undefined, alone)).error).toBe(
      `BackendError EVENKEEL_NATIVE_UNAVAILABLE: backend: expected the native backend, got none: ${reason}. Build it with cmake-js, or use the portable backend`
    )
    expect((await answer({}, 'native', alone)).error).toContain(reason)
    expect((await answer({ EVENKEEL_ISA: 'avx2' }, undefined, alone)).error).toContain('the native backend for EVENKEEL_ISA=avx2')
  })

  it('does not look for the native binary with EVENKEEL_BACKEND=portable', async () => {
    const portable = { backend: 'portable', instructionSet: 'portable', threads: 1 }
    expect(await answer({ EVENKEEL_BACKEND: 'portable' })).toEqual({ ...portable, available: [], reason: 'EVENKEEL_BACKEND is portable' })
    expect((await answer({ EVENKEEL_BACKEND: 'portable' }, 'native')).error).toContain('got none: EVENKEEL_BACKEND is portable')
    expect(await answer({ EVENKEEL_BACKEND: 'portable' }, 'portable')).toEqual(portable)
  })

  it('refuses unknown values, with the choices', async () => {
    expect((await answer({ EVENKEEL_BACKEND: 'nativ' })).error).toMatchInlineSnapshot(
      `"RangeError EVENKEEL_RANGE: environment: expected EVENKEEL_BACKEND to be 'auto' or 'native' or 'portable', got 'nativ'. Did you mean 'native'?"`
    )
    expect((await answer({ EVENKEEL_BACKEND: 'gpu' }, 'portable')).error).toMatchInlineSnapshot(
      `"RangeError EVENKEEL_RANGE: environment: expected EVENKEEL_BACKEND to be 'auto' or 'native' or 'portable', got 'gpu'"`
    )
    for (const threads of ['0', '-1', '1.5', 'two', '257', '1e2'])
      expect((await answer({ EVENKEEL_THREADS: threads })).error).toBe(
        `RangeError EVENKEEL_RANGE: environment: expected EVENKEEL_THREADS to be an integer from 1 to 256, got '${threads}'`
      )
    expect(() => selectRuntime({ backend: 'gpu' as 'auto' })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: backend: expected backend to be 'auto' or 'native' or 'portable', got 'gpu']`
    )
    expect(() => selectRuntime({ threads: 0 })).toThrowErrorMatchingInlineSnapshot(
      `[RangeError: backend: expected threads to be an integer at least 1 and at most 256, got 0]`
    )
  })

  it('treats empty variables as absent', async () => {
    const empty = { EVENKEEL_BACKEND: '', EVENKEEL_ISA: '', EVENKEEL_THREADS: '' }
    expect(await answer(empty)).toEqual(await answer({}))
  })

  describe.skipIf(!addon)('with the addon', () => {
    it('takes the best instruction set, and as many threads as there are processors', async () => {
      const info = await answer({})
      expect(info).toEqual({ backend: 'native', instructionSet: sets[0], available: sets, threads: info.threads })
      expect(info.threads).toBeGreaterThanOrEqual(1)
    })

    it.each(sets)('takes EVENKEEL_ISA=%s', async (set) => {
      expect(await answer({ EVENKEEL_ISA: set })).toMatchObject({ backend: 'native', instructionSet: set })
    })

    it('refuses an instruction set that this machine has not', async () => {
      const choices = sets.map((set) => `'${set}'`).join(' or ')
      expect((await answer({ EVENKEEL_ISA: 'mmx' })).error).toBe(
        `RangeError EVENKEEL_RANGE: environment: expected EVENKEEL_ISA to be ${choices}, got 'mmx'`
      )
    })

    it('takes EVENKEEL_THREADS, and native where it is asked for', async () => {
      expect(await answer({ EVENKEEL_THREADS: '3' })).toMatchObject({ backend: 'native', threads: 3 })
      expect(await answer({ EVENKEEL_BACKEND: 'native' })).toMatchObject({ backend: 'native' })
      expect(await answer({ EVENKEEL_BACKEND: 'native' }, 'portable')).toMatchObject({ backend: 'portable' })
      expect(selectRuntime({ backend: 'native', threads: 2 })).toBe(selectRuntime({ backend: 'native', threads: 2 }))
      expect(selectRuntime({ backend: 'native', threads: 2 }).threads).toBe(2)
    })
  })
})
