import { Worker } from 'node:worker_threads'
import source from '#portable-worker-source'
import { BackendError, type ErrorCode } from '../errors.js'
import type { Reply, Request } from './portable-messages.js'
import type { CrossingResult } from './runtime.js'

/** A crossing's result and its reports. */
export interface Answer {
  readonly result: CrossingResult
  readonly results: Float64Array
}

interface Pending {
  readonly run: number
  resolve(answer: Answer): void
  reject(error: Error): void
}

/**
 * The one worker of this environment: started by the first run, kept, and no reason for the process to stay while
 * nothing runs. Messages are handled in their order, so crossings of all executors run first in, first out.
 */
class PortableThread {
  #worker: Worker | undefined
  #runs = 0
  /** In the order of the messages, which is that of the replies. */
  #pending: Pending[] = []
  /** Goes up with each new worker: what an executor was bound in an old one is gone. */
  generation = 0

  /** Numbers of runs rise, over all executors. They wrap round nowhere: int32 is 68 years of runs a second. */
  nextRun(): number {
    return ++this.#runs
  }

  start(): void {
    if (this.#worker) return
    this.generation++
    const worker = newWorker()
    worker.on('message', (reply: Reply) => this.#settle(reply))
    worker.on('error', (error) => this.#died(worker, error))
    worker.on('exit', (code) => this.#died(worker, new Error(`the worker ended with code ${code}`)))
    worker.unref()
    this.#worker = worker
  }

  post(request: Request): void {
    this.#worker?.postMessage(request)
  }

  /** Posts the run; resolves when it is over. */
  run(request: Extract<Request, { kind: 'run' }>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.post(request)
      this.#pending.push({ run: request.run, resolve, reject })
      this.#worker!.ref()
    })
  }

  #settle(reply: Reply): void {
    // Those of a worker that ended were rejected; what it still said is about none of these.
    const pending = this.#pending[0]?.run === reply.run ? this.#pending.shift() : undefined
    if (this.#pending.length === 0) this.#worker?.unref()
    if ('result' in reply) pending?.resolve(reply)
    else pending?.reject(new BackendError(reply.failure.message, { code: (reply.failure.code ?? 'EVENKEEL_BACKEND') as ErrorCode }))
  }

  #died(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const lost = this.#pending
    this.#pending = []
    for (const { reject } of lost)
      reject(
        new BackendError(
          `Executor.run: expected the portable backend's worker to finish, got its end: ${cause.message}. The next run starts a new worker`,
          { code: 'EVENKEEL_WORKER', cause }
        )
      )
  }
}

function newWorker(): Worker {
  try {
    // Nothing of the caller's flags and preloaded modules: it needs this script alone. What it drops is a few kilobytes a
    // crossing, for which V8 would let the young generation grow to 48 MB.
    return new Worker(source, { eval: true, execArgv: [], env: {}, name: 'evenkeel', resourceLimits: { maxYoungGenerationSizeMb: 4 } })
  } catch (cause) {
    throw new BackendError(`Executor.run: expected a worker thread, got none: ${(cause as Error).message}. Use the synchronous calls`, {
      code: 'EVENKEEL_WORKER',
      cause
    })
  }
}

export const portableThread = new PortableThread()
