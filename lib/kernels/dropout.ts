// Stand-in until the dropout kernels land: replace the whole file.
export const thresholdOf = (rate: number): number => Math.round(rate * 65536)
