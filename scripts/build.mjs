#!/usr/bin/env node
// npm run build [-- --ts | --native]: dist/ from TypeScript, and the native addon; both unless one is named.
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAddon, MissingTool } from './addon.mjs'
import { portableWorkerSource } from './worker-source.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

/** dist/, with the portable backend's worker as a string that survives any bundler. */
async function buildTypeScript() {
  const compiler = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  rmSync(path.join(root, 'dist'), { recursive: true, force: true })
  execFileSync(process.execPath, [compiler], { cwd: root, stdio: 'inherit' })
  writeFileSync(path.join(root, 'dist/runtime/portable-worker-source.js'), await portableWorkerSource())
}

/** Where a tool is missing the portable path still works, so that is no error, unless native was asked for. */
async function buildNative() {
  try {
    await buildAddon(root)
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    const wanted = process.env.EVENKEEL_BACKEND === 'native'
    console.error(`\nevenkeel: the native addon was not built: ${error.message}`)
    if (!wanted) console.error('Everything runs without it, on the portable TypeScript path, at a fraction of the speed.')
    else process.exitCode = 1
  }
}

const { values } = parseArgs({ options: { ts: { type: 'boolean' }, native: { type: 'boolean' } } })
const both = !values.ts && !values.native
try {
  if (values.ts || both) await buildTypeScript()
  if (values.native || both) await buildNative()
} catch (error) {
  // The compilers have said what is wrong.
  console.error(`evenkeel: the build failed: ${error.message.split('\n')[0]}`)
  process.exitCode = 1
}
