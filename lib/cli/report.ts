import { Presets, SingleBar } from 'cli-progress'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** 1,863,690 */
export const count = (value: number): string => whole.format(value)

/** `native (avx2), 2 threads` */
export function backendText({
  backend,
  instructionSet,
  threads
}: {
  readonly backend: string
  readonly instructionSet: string
  readonly threads: number
}): string {
  const place = backend === 'native' ? `native (${instructionSet})` : 'portable (TypeScript)'
  return `${place}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

export interface ProgressOptions {
  /** What is counted: `step`, `row`. */
  readonly unit: string
  /** How many there will be; unknown: no bar, a count. */
  readonly total: number | undefined
}

/**
 * A bar with rate and time left on a terminal, on its standard error, so that results can be piped; nothing elsewhere.
 * Lines come above it.
 */
export class Progress {
  readonly #bar: SingleBar | undefined
  readonly #start = performance.now()
  /** At Ctrl-C the bar stays until the work has ended; a second one ends the process, which must not leave the cursor hidden. */
  readonly #onExit = (): void => this.stop()

  constructor({ unit, total }: ProgressOptions) {
    if (!process.stderr.isTTY) return
    const format =
      total === undefined
        ? `${unit} {value}  {rate} ${unit}s/s{note}`
        : `${unit} {value}/{total} {bar} {rate} ${unit}s/s, {eta_formatted} left{note}`
    this.#bar = new SingleBar(
      { format, hideCursor: true, clearOnComplete: true, etaBuffer: 50, gracefulExit: false, stream: process.stderr },
      Presets.shades_classic
    )
    this.#bar.start(total ?? 0, 0, { rate: '-', note: '' })
    process.once('exit', this.#onExit)
  }

  /** Whether anybody sees updates. */
  get shown(): boolean {
    return this.#bar !== undefined
  }

  update(value: number, note = ''): void {
    const seconds = (performance.now() - this.#start) / 1000
    this.#bar?.update(value, { rate: count(value / Math.max(seconds, 1e-3)), note: note && `  ${note}` })
  }

  line(text: string): void {
    // Back to the first column and clear: the bar is drawn again below with its next update.
    if (this.#bar) process.stderr.write('\r\u001b[K')
    console.log(text)
  }

  stop(): void {
    if (!this.#bar) return
    process.off('exit', this.#onExit)
    // The bar ends where the cursor was saved, at its start: by now lines have come above it, or the screen has scrolled.
    process.stderr.write('\u001b7')
    this.#bar.stop()
  }
}
