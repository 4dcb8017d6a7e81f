import { addon, reason } from './backends.js'

/** Run by vitest around the whole suite: says on which backends the tests ran. */
export function teardown(): void {
  const targets = addon?.targets() ?? []
  const ran = ['portable', ...targets.filter(({ supported }) => supported).map(({ name }) => `native ${name}`)]
  const skipped = targets.filter(({ supported }) => !supported).map(({ name }) => `native ${name} (this processor does not run it)`)
  if (!addon) skipped.push(`native (${reason?.trim().replace(/\s+/g, ' ')})`)
  console.log(`\nBackends tested on Node ${process.versions.node}: ${ran.join(', ')}; skipped: ${skipped.join(', ') || 'none'}`)
}

export function setup(): void {}
