import { defineConfig, type Plugin } from 'vitest/config'
import { portableWorkerSource } from './scripts/worker-source.mjs'

/** The tests run lib/ as it stands; the worker's script, which the build puts into dist/, is made here on the way. */
const portableWorker: Plugin = {
  name: 'portable-worker-source',
  enforce: 'pre',
  resolveId: (id) => (id === '#portable-worker-source' ? '\0portable-worker-source' : undefined),
  load: async (id) => (id === '\0portable-worker-source' ? await portableWorkerSource() : undefined)
}

export default defineConfig({
  plugins: [portableWorker],
  test: {
    globalSetup: 'test/helpers/announce.ts',
    include: ['test/**/*.test.ts'],
    // One core less is the default, which on two cores is half of them: 230 s of CPU in a row.
    maxWorkers: '100%',
    testTimeout: 120_000,
    // Packing, installing and bundling, on a machine that has other work.
    hookTimeout: 300_000
  }
})
