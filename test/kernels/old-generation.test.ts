import { expect, it } from 'vitest'
import { bundleForChild, runChild } from '../helpers/child.js'

// A process of its own, in which nothing else allocates, with a small young generation: what outlives it shows soon.
it('portable kernels leave nothing in the old generation, where it would wait for a full collection', async () => {
  const script = await bundleForChild('test/kernels/fixtures/old-generation.ts')
  const { stdout, stderr, code } = await runChild(script, [], ['--max-semi-space-size=1'])
  expect([code, stderr]).toEqual([0, ''])
  // Lists that the kernels write out in each call left 375 bytes of one round, 7.5 MB; none of them leaves 0 to a few kilobytes.
  expect(Number(stdout)).toBeLessThan(1 << 18)
})
