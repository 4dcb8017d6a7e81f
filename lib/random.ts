// Stand-in until the Philox generator lands: replace the whole file.
export const Purpose = { dropout: 0, initialization: 1, shuffling: 2 } as const
export const streamOf = (purpose: number, ordinal: number): number => purpose * 2 ** 24 + ordinal
