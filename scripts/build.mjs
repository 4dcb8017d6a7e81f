// Builds dist/: TypeScript, then the portable backend's worker as a string that survives any bundler.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { portableWorkerSource } from './worker-source.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

async function buildTypeScript() {
  rmSync(path.join(root, 'dist'), { recursive: true, force: true })
  execFileSync(process.execPath, [path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc')], {
    cwd: root,
    stdio: 'inherit'
  })
  writeFileSync(path.join(root, 'dist/runtime/portable-worker-source.js'), await portableWorkerSource())
}

await buildTypeScript()
