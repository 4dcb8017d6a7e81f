import { afterEach, expect, it, vi } from 'vitest'
import { Progress } from '../../lib/cli/report.js'

const isTTY = Object.getOwnPropertyDescriptor(process.stderr, 'isTTY')
afterEach(() => {
  vi.restoreAllMocks()
  if (isTTY) Object.defineProperty(process.stderr, 'isTTY', isTTY)
  else Reflect.deleteProperty(process.stderr, 'isTTY')
})

/** The row of a terminal's cursor: line ends move it down, and what was saved may be restored. */
function cursor(): { row: number } {
  const at = { row: 0 }
  let saved = 0
  Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true })
  vi.spyOn(console, 'log').mockImplementation(() => void at.row++)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is told
    for (const [part] of String(text).matchAll(/\u001b[78]|\n/g)) {
      if (part === '\n') at.row++
      else if (part === '\u001b7') saved = at.row
      else at.row = saved
    }
    return true
  })
  return at
}

it('the bar ends below the lines that came above it, and takes its listeners along', () => {
  const at = cursor()
  const listeners = () => ['exit', 'SIGINT', 'SIGTERM'].map((event) => process.listenerCount(event))
  const before = listeners()
  const progress = new Progress({ unit: 'step', total: 3 })
  expect(progress.shown).toBe(true)
  for (let step = 1; step <= 3; step++) {
    progress.update(step)
    progress.line(`epoch ${step}/3`)
  }
  progress.stop()
  expect(at.row).toBe(3)
  expect(listeners()).toEqual(before)
})
