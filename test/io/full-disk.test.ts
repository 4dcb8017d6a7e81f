import { existsSync, readdirSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkpoint, createModel, linear, loadModel, relu, sequential, sgd, softmaxCrossEntropy } from '../../lib/index.js'
import { type OutputColumn, type OutputRows, writeTable } from '../../lib/io/table-writer.js'
import { numbersOf, toyData } from '../helpers/models.js'
import { mounts, onSmallDisk } from '../helpers/small-disk.js'

describe.skipIf(!mounts)('a disk that fills (needs the right to mount one)', () => {
  it.each(['csv', 'tsv', 'jsonl', 'parquet'])(
    'under a table of %s: the error comes through, its source is closed, what was there stays',
    async (format) => {
      await onSmallDisk(256, async (disk) => {
        const file = path.join(disk, `rows.${format}`)
        await writeFile(file, 'precious')
        let closed = 0
        async function* rows(count: number): AsyncGenerator<OutputRows, void, undefined> {
          try {
            for (let piece = 0; piece < count; piece++) {
              const start = piece * 1000
              yield [
                Float64Array.from({ length: 1000 }, (_, row) => Math.sin(start + row)),
                Array.from({ length: 1000 }, (_, row) => `row ${start + row}`)
              ]
            }
          } finally {
            closed++
          }
        }
        const columns: OutputColumn[] = [
          { name: 'a', kind: 'number' },
          { name: 'b', kind: 'text' }
        ]
        await expect(writeTable('test', file, columns, rows(10_000))).rejects.toMatchObject({ code: 'ENOSPC' })
        expect(await readFile(file, 'utf8')).toBe('precious')
        expect([readdirSync(disk), closed]).toEqual([[`rows.${format}`], 1])
        // There is room again.
        await writeTable('test', file, columns, rows(2))
        expect([(await readFile(file)).length > 1000, closed]).toEqual([true, 2])
      })
    }
  )

  it('under a checkpoint: the fit rejects, the checkpoint before stays, and the fit goes on from it when there is room', async () => {
    const made = (seed: number) => {
      const net = createModel(sequential(linear(64), relu(), linear(256), relu(), linear(3)), { input: [4], seed })
      return { net, trainer: net.trainer({ loss: softmaxCrossEntropy(), optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }) }) }
    }
    await onSmallDisk(512, async (disk) => {
      const [file, model, filler] = ['checkpoint', 'model', 'filler'].map((name) => path.join(disk, name)) as [string, string, string]
      // Room for one checkpoint of 142 KB, and not for a second one beside it.
      await writeFile(filler, Buffer.alloc(270 << 10))
      const options = { epochs: 3, batchSize: 50 }
      const { net, trainer } = made(1)
      const failing = trainer.fit(toyData(), { ...options, resume: file, callbacks: [checkpoint({ path: file })] })
      await expect(failing).rejects.toMatchObject({ code: 'ENOSPC' })
      expect([trainer.epochs, trainer.steps]).toEqual([2, 8])
      await expect(net.save(model)).resolves.toBeUndefined()
      await expect(trainer.saveCheckpoint(model)).rejects.toMatchObject({ code: 'ENOSPC' })
      expect(readdirSync(disk).sort()).toEqual(['checkpoint', 'filler', 'model'])
      expect(numbersOf(await loadModel(model))).toEqual(numbersOf(net))
      await rm(filler)
      await rm(model)
      const again = made(2)
      const { epochs } = await again.trainer.fit(toyData(), { ...options, resume: file, callbacks: [checkpoint({ path: file })] })
      expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2])
      const whole = made(1)
      await whole.trainer.fit(toyData(), options)
      expect(numbersOf(again.net)).toEqual(numbersOf(whole.net))
      expect(existsSync(file)).toBe(true)
    })
  })
})
