// Runs crossings off the event loop. Bundled into one string (`#portable-worker-source`), so it starts from any bundle.
import { parentPort } from 'node:worker_threads'
import { Arena } from './portable-memory.js'
import type { Reply, Request } from './portable-messages.js'
import { Steps } from './portable-steps.js'

interface Bound {
  readonly steps: Steps
  readonly reports: number
  readonly control: Int32Array
}

const arena = new Arena()
const executors = new Map<number, Bound>()
const port = parentPort!

port.on('message', (request: Request) => {
  if (request.kind === 'bind') {
    const { executor, program, memory, control } = request
    executors.set(executor, { steps: new Steps(program, memory, arena), reports: program.reports.length, control })
  } else if (request.kind === 'release') executors.delete(request.executor)
  else port.postMessage(answer(request))
})

function answer({ executor, run, crossing }: Extract<Request, { kind: 'run' }>): Reply {
  try {
    const { steps, reports, control } = executors.get(executor)!
    const results = new Float64Array(crossing.steps * reports)
    const { symbols, slots, inputs, outputs } = crossing
    const result = steps.run({ steps: crossing.steps, symbols, slots, inputs, outputs, results }, () => Atomics.load(control, 0) >= run)
    return { run, result, results }
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    return { run, failure: { message, code } }
  }
}
