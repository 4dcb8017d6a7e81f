import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const entry = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../lib/runtime/portable-worker.ts')

/** lib/runtime/portable-worker.ts and what it imports, as a module whose default export is one CommonJS script. */
export async function portableWorkerSource() {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    legalComments: 'none'
  })
  return `export default ${JSON.stringify(outputFiles[0].text)}\n`
}

/** For esbuild bundles of lib/ as it stands, without dist/: `#portable-worker-source` is made on the way. */
export const portableWorkerPlugin = {
  name: 'portable-worker-source',
  setup(bundler) {
    bundler.onResolve({ filter: /^#portable-worker-source$/ }, ({ path }) => ({ path, namespace: 'portable-worker-source' }))
    bundler.onLoad({ filter: /.*/, namespace: 'portable-worker-source' }, async () => ({ contents: await portableWorkerSource() }))
  }
}
