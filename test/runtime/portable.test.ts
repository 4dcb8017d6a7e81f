import { portableRuntime } from '../../lib/runtime/portable.js'
import { runtimeConformance } from './conformance.js'

runtimeConformance('portable', portableRuntime)
