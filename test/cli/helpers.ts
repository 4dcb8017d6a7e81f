import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { portableWorkerPlugin } from '../../scripts/worker-source.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const folder = path.join(root, 'build', 'cli-tests')

/** The command line and its modules as a user has them, from lib/ as it stands: two folders below the package's, where the native binary is found. */
export async function bundleCommandLine(modules: readonly string[]): Promise<{ main: string; module: (name: string) => string }> {
  await build({
    entryPoints: {
      main: path.join(root, 'lib/cli/main.ts'),
      ...Object.fromEntries(modules.map((name) => [name, path.join(root, 'test/cli/fixtures', `${name}.ts`)]))
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    plugins: [portableWorkerPlugin]
  })
  return { main: path.join(folder, 'main.mjs'), module: (name) => path.join(folder, `${name}.mjs`) }
}

export interface End {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs it to its end; `interruptAt` sends SIGINT once the output matches. */
export function runCommandLine(main: string, args: readonly string[], cwd: string, interruptAt?: RegExp): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd,
      env: { ...process.env, COLUMNS: '80' },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let [stdout, stderr] = ['', '']
    let interrupted = false
    child.stdout.on('data', (data) => {
      stdout += data
      if (interrupted || !interruptAt?.test(stdout)) return
      interrupted = true
      child.kill('SIGINT')
    })
    child.stderr.on('data', (data) => (stderr += data))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}
