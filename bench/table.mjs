/** Prints rows { suite, case, threads, ours, peer, peerName, unit, ratio, least, most }. */
export function printTable(rows) {
  const lines = rows.map((row) => [
    row.suite,
    row.case,
    `T${row.threads}`,
    `${row.ours.toFixed(3)} ${row.unit}`,
    row.peer === null ? '-' : `${row.peer.toFixed(3)} ${row.unit}`,
    row.peerName,
    row.ratio === null ? '-' : `${row.ratio.toFixed(2)}x`,
    row.ratio === null ? '' : `(${row.least.toFixed(2)} to ${row.most.toFixed(2)})`
  ])
  const all = [['suite', 'case', '', 'ours', 'peer', '', 'ratio', ''], ...lines]
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)))
  for (const line of all)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd()
    )
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Times two functions in turn. Each gives the seconds of one unit of work; ratio > 1 where ours is faster.
 * The first round warms up and does not count.
 */
export async function interleave(rounds, ours, peer) {
  const times = { ours: [], peer: [] }
  for (let round = -1; round < rounds; round++) {
    const mine = await ours()
    const theirs = peer ? await peer() : null
    if (round < 0) continue
    times.ours.push(mine)
    if (theirs !== null) times.peer.push(theirs)
  }
  if (!peer) return { ours: median(times.ours), peer: null, ratio: null, least: null, most: null }
  const ratios = times.ours.map((mine, round) => times.peer[round] / mine)
  return {
    ours: median(times.ours),
    peer: median(times.peer),
    ratio: median(times.peer) / median(times.ours),
    least: Math.min(...ratios),
    most: Math.max(...ratios)
  }
}
