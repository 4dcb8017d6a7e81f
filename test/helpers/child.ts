import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { portableWorkerPlugin } from '../../scripts/worker-source.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * Bundles a TypeScript file for a Node process of its own. The result lies two folders below the package's, as `lib/runtime`
 * does, so that it finds the native binary.
 */
export async function bundleForChild(file: string): Promise<string> {
  const outfile = path.join(root, 'build', 'children', `${path.basename(file, '.ts')}-${process.pid}.mjs`)
  const entryPoints = [path.join(root, file)]
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error', plugins: [portableWorkerPlugin] })
  return outfile
}

export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a Node process to its end. `environment` is added to this process's; undefined takes a variable out. */
export function runChild(
  script: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
  environment: Readonly<Record<string, string | undefined>> = {}
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment }
    const child = spawn(process.execPath, [...nodeOptions, script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => (stdout += data))
    child.stderr.on('data', (data) => (stderr += data))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}
