const mask32 = 0xffffffffn

/** Philox4x32-10 in 64-bit integers, as the paper writes it. */
function philoxReference(counter: readonly bigint[], key: readonly bigint[]): bigint[] {
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0
    const p1 = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask32, (p0 >> 32n) ^ c3 ^ k1, p0 & mask32]
    k0 = (k0 + 0x9e3779b9n) & mask32
    k1 = (k1 + 0xbb67ae85n) & mask32
  }
  return [c0, c1, c2, c3]
}

/** Which of `count` elements dropout keeps; scalars: threshold, keyLow, keyHigh, repeat, step, stream, firstBlock. */
export function keptReference(count: number, scalars: readonly number[]): boolean[] {
  const [threshold, keyLow, keyHigh, repeat, step, stream, firstBlock] = scalars.map(BigInt) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint
  ]
  const kept: boolean[] = []
  for (let block = 0n; kept.length < count; block++) {
    const counter = [firstBlock + block, repeat, step, stream].map((word) => word & mask32)
    const bits = philoxReference(counter, [keyLow, keyHigh]).reduce((sum, word, i) => sum | (word << (32n * BigInt(i))), 0n)
    for (let lane = 0n; lane < 8n; lane++) kept.push(((bits >> (16n * lane)) & 0xffffn) >= threshold)
  }
  return kept.slice(0, count)
}
