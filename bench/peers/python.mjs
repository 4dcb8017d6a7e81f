import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A peer in Python that answers one line of JSON with one line of JSON. EVENKEEL_BENCH_PYTHON names the interpreter. */
const interpreter = process.env.EVENKEEL_BENCH_PYTHON ?? 'python3'

/** Without it glibc gives every large tensor back to the system, and PyTorch pays page faults instead of arithmetic. */
export const recycled = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '-1', MALLOC_TOP_PAD_: '268435456' }

/** Why a peer cannot run here, or undefined. */
export function missing(module) {
  const probe = spawnSync(interpreter, ['-c', `import ${module}`], { encoding: 'utf8' })
  if (probe.error) return `${interpreter} does not start (${probe.error.message}); EVENKEEL_BENCH_PYTHON names another`
  return probe.status === 0 ? undefined : `${interpreter} has no module ${module}; EVENKEEL_BENCH_PYTHON names another interpreter`
}

export class Peer {
  #process
  #lines

  constructor(script, environment = {}) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    this.#process = spawn(interpreter, [path], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } })
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  async ask(question) {
    this.#process.stdin.write(`${JSON.stringify(question)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`the peer ended with code ${this.#process.exitCode} before it answered ${question.ask}`)
    return JSON.parse(value)
  }

  close() {
    this.#process.stdin.end()
  }
}
