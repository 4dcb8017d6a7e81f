/// <reference lib="esnext.disposable" preserve="true" />
export type { LastBatch } from './data/batches.js'
export type { Batch, BatchRequest, Dataset } from './data/dataset.js'
export type { CategoryEncoding, CategoryFeature, Feature, MissingValues, NumberFeature, UnknownCategory } from './data/features.js'
export type { PreprocessingOptions } from './data/fit-preprocessing.js'
export { type IdxTensor, type ReadIdxOptions, readIdx } from './data/idx.js'
export { type ReadIdxDatasetOptions, readIdxDataset } from './data/idx-dataset.js'
export type { InputSpec } from './data/input-spec.js'
export { type DatasetFromOptions, datasetFrom } from './data/iterable-dataset.js'
export type { Preprocessing, PreprocessingJSON } from './data/preprocessing.js'
export type { RowDataset, SplitOptions } from './data/row-dataset.js'
export type { RowRandom } from './data/row-random.js'
export type { RowSample, RowValues } from './data/row-values.js'
export type { InputData, NestedNumbers, TargetData } from './data/rows.js'
export type { ReadOptions } from './data/tables/columns.js'
export type { CsvOptions } from './data/tables/csv.js'
export type { MissingCells } from './data/tables/project.js'
export { type ReadCsvOptions, readArrow, readCsv, readJsonLines, readParquet } from './data/tables/read.js'
export type { TableDataset } from './data/tables/table-dataset.js'
export { BackendError, DataError, type ErrorCode, FileFormatError, NonFiniteError, ShapeError } from './errors.js'
export type { PredictOptions } from './inference/predict.js'
export type { Predictor, PredictorOptions } from './inference/predictor.js'
export type { RowIterable, StreamOptions, StreamRow } from './inference/stream.js'
export {
  type ActivationOptions,
  type EluOptions,
  elu,
  type GeluOptions,
  gelu,
  type LeakyReluOptions,
  leakyRelu,
  relu,
  selu,
  sigmoid,
  silu,
  tanh
} from './layers/activations.js'
export type { LayerFactory } from './layers/architecture.js'
export { type BatchNormOptions, batchNorm } from './layers/batch-norm.js'
export { type CustomLayers, type DefinedLayer, defineLayer, type LayerDefinition } from './layers/define-layer.js'
export { type DropoutOptions, dropout } from './layers/dropout.js'
export { type EmbeddingOptions, embedding } from './layers/embedding.js'
export { flatten } from './layers/flatten.js'
export {
  constant,
  type GainOptions,
  glorotNormal,
  glorotUniform,
  type HeOptions,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  type NormalOptions,
  normal,
  ones,
  orthogonal,
  type UniformOptions,
  uniform,
  zeros
} from './layers/initializers.js'
export type { Initializer, InitializerRequest, Layer, LayerContext } from './layers/layer.js'
export { type LayerNormOptions, layerNorm } from './layers/layer-norm.js'
export { type LinearOptions, linear } from './layers/linear.js'
export { sequential } from './layers/sequential.js'
export { type SoftmaxOptions, softmax } from './layers/softmax.js'
export { weightNorm } from './layers/weight-norm.js'
export type { Loss, Optimizer, Schedule, WeightedLoss } from './programs/types.js'
export { type BackendChoice, type BackendInfo, backendInfo } from './runtime/select.js'
export { type Tensor, tensor } from './tensor.js'
export type { Callback, FitControl, JsonValue, Weights } from './training/callbacks.js'
export { type CheckpointOptions, checkpoint } from './training/checkpoint.js'
export type { BatchFactory } from './training/dataset-reader.js'
export { type ExponentialDecayOptions, exponentialDecay, type PolynomialDecayOptions, polynomialDecay } from './training/decays.js'
export { defineLoss, type LossDefinition, type LossFunction } from './training/define-loss.js'
export { type EarlyStoppingOptions, earlyStopping } from './training/early-stopping.js'
export type { DataSet, EvaluateOptions, Evaluation } from './training/evaluate.js'
export type { TrainingData } from './training/evaluate-data.js'
export type { FitOptions } from './training/fit.js'
export type { EpochRecord, History, StepRecord } from './training/history.js'
export { type LoadedWeights, type LoadWeightsOptions, type MismatchedWeight, WeightsError } from './training/load-weights.js'
export {
  type BinaryCrossEntropyOptions,
  binaryCrossEntropy,
  type HuberOptions,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  type SoftmaxCrossEntropyOptions,
  softmaxCrossEntropy
} from './training/losses.js'
export {
  type AccuracyOptions,
  type Average,
  accuracy,
  type BinaryAccuracyOptions,
  binaryAccuracy,
  type ClassMetricOptions,
  confusionMatrix,
  f1,
  type Metric,
  type MetricBatch,
  type MetricTally,
  type MetricValue,
  mae,
  precision,
  r2,
  recall,
  rmse,
  rocAuc,
  type TopKOptions,
  topKAccuracy,
  type ValueMetricOptions
} from './training/metrics.js'
export {
  createModel,
  type LoadOptions,
  loadModel,
  type Model,
  type ModelOptions,
  type ModelPort
} from './training/model.js'
export type { MonitorOptions } from './training/monitor.js'
export { type OneCycleOptions, oneCycle } from './training/one-cycle.js'
export type { OptimizerOptions } from './training/optimizer-options.js'
export { type AdamOptions, adam, adamW, type LearningRate, type OptimizerJSON, type SgdOptions, sgd } from './training/optimizers.js'
export type { ParameterGroup } from './training/parameter-groups.js'
export { type ReduceOnPlateauOptions, reduceOnPlateau } from './training/reduce-on-plateau.js'
export type { SaveOptions } from './training/save-options.js'
export {
  type CosineDecayOptions,
  constantRate,
  cosineDecay,
  type ScheduleJSON,
  type StepDecayOptions,
  stepDecay,
  type WarmUpOptions,
  warmUp
} from './training/schedules.js'
export type { StepOptions, StepResult, Trainer } from './training/trainer.js'
export type { TrainerOptions } from './training/training-state.js'
