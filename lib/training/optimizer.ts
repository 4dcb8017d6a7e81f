export type { Optimizer, Schedule } from '../programs/types.js'
