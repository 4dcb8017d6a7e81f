export { isLayerModel } from '../layers/trace.js'
export { describeModel } from './describe.js'
export { describeFailure, type Failure } from './failure.js'
export {
  evaluationProgram,
  evaluationStages,
  type FoldedPrograms,
  foldedProgram,
  foldedStages,
  inferenceProgram,
  inferenceStages
} from './inference.js'
export { isLoss, objectivesOf, weightLabel } from './objectives.js'
export { type OutputForm, outputForms } from './probabilities.js'
export { trainingProgram, trainingStages } from './training.js'
export type * from './types.js'
