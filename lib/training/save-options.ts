export interface SaveOptions {
  /** Stops the reading or writing; nothing is left behind. */
  readonly signal?: AbortSignal
}
