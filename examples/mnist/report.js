import { Presets, SingleBar } from 'cli-progress'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export const count = (value) => whole.format(value)
export const percent = (fraction) => `${(fraction * 100).toFixed(2)} %`

/** `native (avx2), 2 threads` */
export function backendText({ backend, instructionSet, threads }) {
  const place = backend === 'native' ? `native (${instructionSet})` : 'portable (TypeScript)'
  return `${place}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

/** A bar over the steps of all epochs on a terminal, a line an epoch everywhere. */
export class Progress {
  #bar
  #steps = 0

  constructor(steps, epochs) {
    this.epochs = epochs
    if (!process.stdout.isTTY) return
    const format = 'step {value}/{total} {bar} loss {loss}, {eta_formatted} left'
    this.#bar = new SingleBar(
      { format, hideCursor: true, clearOnComplete: true, gracefulExit: false, stream: process.stdout },
      Presets.shades_classic
    )
    this.#bar.start(steps, 0, { loss: '-' })
  }

  /** Undefined where there is no bar: then nobody needs to hear of each step. */
  get onStep() {
    const bar = this.#bar
    return bar && (({ loss }) => bar.update(++this.#steps, { loss: loss.toFixed(3) }))
  }

  epoch({ epoch, loss, validationAccuracy, samplesPerSecond }) {
    const name = `epoch ${String(epoch + 1).padStart(String(this.epochs).length)}/${this.epochs}`
    const error = percent(1 - validationAccuracy).padStart(7)
    this.line(`${name}  loss ${loss.toFixed(4)}  validation error ${error}  ${count(samplesPerSecond)} samples/s`)
  }

  /** A line above the bar. */
  line(text) {
    // Back to the first column and clear: the bar is drawn again below with its next update.
    if (this.#bar) process.stdout.write('\r\u001b[K')
    console.log(text)
  }

  stop() {
    if (!this.#bar) return
    // The bar ends where the cursor was saved, at its start: by now lines have come above it, or the screen has scrolled.
    process.stdout.write('\u001b7')
    this.#bar.stop()
  }
}
