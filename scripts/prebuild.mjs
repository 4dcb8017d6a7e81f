#!/usr/bin/env node
// npm run prebuilds: prebuilds/<platform>-<arch>/evenkeel.<libc>.node, as node-gyp-build looks for it.
// node-gyp asks for Node's headers even for a target that needs none; an empty folder of headers keeps it from downloading them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const require = createRequire(import.meta.url)

const headers = mkdtempSync(path.join(tmpdir(), 'evenkeel-headers-'))
try {
  const include = path.join(headers, 'include', 'node')
  mkdirSync(include, { recursive: true })
  writeFileSync(path.join(include, 'common.gypi'), '{}\n')
  writeFileSync(path.join(include, 'config.gypi'), "{ 'variables': {} }\n")
  const args = [require.resolve('prebuildify/bin.js'), '--napi', '--strip', '--tag-libc', '-t', process.versions.node]
  // On Node 20 the addon's Node-API version, not Node's, decides where it loads; the target only names the headers.
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, npm_config_nodedir: headers }
  })
  process.exitCode = status ?? 1
} finally {
  rmSync(headers, { recursive: true, force: true })
}
