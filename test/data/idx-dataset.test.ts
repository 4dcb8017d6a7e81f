import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createModel, flatten, linear, readIdx, readIdxDataset, sequential, sgd, softmaxCrossEntropy } from '../../lib/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'evenkeel-idx-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function idx(name: string, shape: readonly number[], byte: (index: number) => number, type = 8): Promise<string> {
  const head = Buffer.alloc(4 + 4 * shape.length)
  head[2] = type
  head[3] = shape.length
  shape.forEach((size, index) => void head.writeUInt32BE(size, 4 + 4 * index))
  const file = path.join(folder, name)
  const bytes = shape.reduce((product, size) => product * size, 1)
  await writeFile(file, Buffer.concat([head, Buffer.from(Array.from({ length: bytes }, (_, index) => byte(index) & 255))]))
  return file
}

describe('readIdxDataset', () => {
  it('gives the rows and labels that readIdx gives, from any batch on', async () => {
    const images = await idx('images', [5000, 30, 20], (index) => index * 7)
    const labels = await idx('labels', [5000], (index) => index % 4)
    const [x, y] = [await readIdx(images), await readIdx(labels)]
    const data = await readIdxDataset(images, { labels })
    expect(data.length).toBe(5000)
    let row = 2 * 900
    for await (const batch of data.batches({ batchSize: 900, start: 2 })) {
      const { data: bytes, shape } = batch.x as { data: Uint8Array; shape: number[] }
      expect(shape.slice(1)).toEqual([30, 20])
      expect(Buffer.compare(bytes, (x.data as Uint8Array).subarray(row * 600, (row + shape[0]!) * 600))).toBe(0)
      expect(Array.from(batch.y as Int32Array)).toEqual(Array.from((y.data as Uint8Array).subarray(row, row + shape[0]!)))
      row += shape[0]!
    }
    expect(row).toBe(5000)
  })

  it('trains as the same rows in memory do', async () => {
    const images = await idx('few', [200, 4, 4], (index) => index * 31)
    const labels = await idx('few-labels', [200], (index) => index % 3)
    const losses = async (data: Parameters<ReturnType<typeof trainer>['fit']>[0]) => {
      const net = trainer()
      const history = await net.fit(data, { batchSize: 50, shuffle: false, epochs: 2 })
      return history.epochs.map(({ loss }) => loss)
    }
    const trainer = () =>
      createModel(sequential(flatten(), linear(3)), { input: { shape: [4, 4], scale: 1 / 255 }, seed: 3 }).trainer({
        loss: softmaxCrossEntropy(),
        optimizer: sgd({ learningRate: 0.1 })
      })
    const inMemory = { x: (await readIdx(images)) as { data: Uint8Array; shape: number[] }, y: (await readIdx(labels)).data }
    expect(await losses(await readIdxDataset(images, { labels }))).toEqual(await losses(inMemory))
  })

  it('refuses other types, wrong lengths, and labels that do not belong', async () => {
    const images = await idx('right', [10, 2], (index) => index)
    await expect(readIdxDataset(await idx('ints', [3], () => 0, 0x0c))).rejects.toThrow('expected an IDX file of unsigned bytes')
    await writeFile(path.join(folder, 'short'), Buffer.from([0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 3, 1]))
    await expect(readIdxDataset(path.join(folder, 'short'))).rejects.toThrow('expected 21 bytes for its shape [3, 3], got 13')
    await expect(readIdxDataset(images, { labels: await idx('nine', [9], () => 1) })).rejects.toThrow(
      'expected 10 class numbers, got 9 rows of shape []'
    )
    await writeFile(path.join(folder, 'empty'), '')
    await expect(readIdxDataset(path.join(folder, 'empty'))).rejects.toMatchObject({ name: 'FileFormatError' })
  })
})
