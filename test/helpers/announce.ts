import { addon, reason } from './backends.js'

/** Says before a run which backends its tests run on, and which they skip. */
export default function announce(): void {
  const targets = addon?.targets() ?? []
  const runs = ['portable', ...targets.filter(({ supported }) => supported).map(({ name }) => `native ${name}`)]
  const skipped = addon
    ? targets.filter(({ supported }) => !supported).map(({ name }) => `native ${name} (not on this processor)`)
    : [`native (${reason?.trim().split('\n')[0]})`]
  console.log(`backends: ${runs.join(', ')}${skipped.length > 0 ? `; skipped: ${skipped.join(', ')}` : ''}`)
}
