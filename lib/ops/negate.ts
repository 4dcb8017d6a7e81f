import { unaryOperation } from './unary.js'

/** −x. Any shape. */
export const negate: ReturnType<typeof unaryOperation> = unaryOperation('negate', ({ upstream }) => negate(upstream))
