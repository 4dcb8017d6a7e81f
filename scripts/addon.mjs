import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)

/** A compiler, make, CMake or Highway is not there; the message says how to get it. */
export class MissingTool extends Error {}

const packages =
  'Debian and Ubuntu: apt-get install g++ make cmake libhwy-dev; Alpine: apk add g++ make cmake highway-dev; macOS: xcode-select --install and brew install cmake highway'

/** Builds the addon into build/Release (or `folder`/Release) by cmake-js, from CMakeLists.txt. */
export async function buildAddon(root, folder = 'build') {
  const missing = missingTools()
  if (missing.length > 0) throw new MissingTool(`no ${missing.join(', no ')}. ${packages}`)
  const { code, output } = await run(root, [require.resolve('cmake-js/bin/cmake-js'), 'build', '--out', folder])
  if (code === 0) return
  if (output.includes("Highway's headers were not found"))
    throw new MissingTool(`no headers of Google Highway. ${packages}; or set HWY_DIR to a folder that holds hwy/highway.h`)
  throw new Error(`cmake-js ended with code ${code}`)
}

/** What cmake-js looks for. On Windows CMake finds Visual Studio by itself. */
function missingTools() {
  const works = (command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
  const missing = []
  if (!works('cmake')) missing.push('CMake')
  if (process.platform === 'win32') return missing
  if (!['g++', 'clang++'].some(works)) missing.push('C++ compiler')
  if (!['ninja', 'make'].some(works)) missing.push('make')
  return missing
}

/** Runs Node, showing what it prints and keeping it. */
function run(cwd, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr]
    ])
      from.on('data', (data) => {
        output += data
        to.write(data)
      })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

/** The binary that `buildAddon` made. */
export const addonFile = (root, folder = 'build') => path.join(root, folder, 'Release', 'evenkeel.node')
