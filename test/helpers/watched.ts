import { inputPorts } from '../../lib/data/input-spec.js'
import { batchNorm, linear, relu, sequential } from '../../lib/index.js'
import { ModelState } from '../../lib/inference/model-state.js'
import { describeModel } from '../../lib/programs/index.js'
import { normalizeSeed } from '../../lib/random.js'
import type { CompiledProgram, Crossing, Executor, Runtime } from '../../lib/runtime/runtime.js'
import { selectRuntime } from '../../lib/runtime/select.js'
import { Model } from '../../lib/training/model.js'
import type { Backend } from './models.js'

/** What a watched runtime asks first; each may throw. */
export interface Watch {
  allocate?(bytes: number): void
  run?(crossing: Crossing): void | Promise<void>
}

/** A small model on a runtime that tells of what it is asked. */
export function watchedModel(backend: Backend, watch: Watch): Model {
  return new Model(
    new ModelState({
      runtime: watchedRuntime(selectRuntime({ backend }), watch),
      description: describeModel(sequential(linear(16), batchNorm(), relu(), linear(3)), [4]),
      inputs: inputPorts('test', [4]),
      seed: normalizeSeed(7, 'test')
    })
  )
}

function watchedRuntime(runtime: Runtime, watch: Watch): Runtime {
  return {
    backend: runtime.backend,
    instructionSet: runtime.instructionSet,
    threads: runtime.threads,
    call: (...given) => runtime.call(...given),
    gather: (...given) => runtime.gather(...given),
    allocate: (bytes) => {
      watch.allocate?.(bytes)
      return runtime.allocate(bytes)
    },
    compile: (program) => watchedProgram(runtime.compile(program), watch)
  }
}

function watchedProgram(compiled: CompiledProgram, watch: Watch): CompiledProgram {
  return {
    program: compiled.program,
    bind: (...given) => watchedExecutor(compiled.bind(...given), watch),
    dispose: () => compiled.dispose()
  }
}

function watchedExecutor(executor: Executor, watch: Watch): Executor {
  return {
    run: async (crossing) => {
      await watch.run?.(crossing)
      return await executor.run(crossing)
    },
    runSync: (crossing) => executor.runSync(crossing),
    cancel: () => executor.cancel(),
    dispose: () => executor.dispose()
  }
}
