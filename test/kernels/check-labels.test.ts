import { describe, expect, it } from 'vitest'
import { noneIgnored } from '../../lib/kernels/labels.js'
import { Status } from '../../lib/kernels/types.js'
import { kernelBackends } from '../helpers/backends.js'
import { lengths } from '../helpers/cases.js'
import { guarded } from '../helpers/guard.js'
import { testRandom } from '../helpers/random.js'

describe.each(kernelBackends)('checkLabels on $name', (backend) => {
  it.each(lengths)('finds one among %i labels, wherever it stands', (length) => {
    const random = testRandom(81)
    const labels = guarded(
      Int32Array,
      length,
      Int32Array.from({ length }, () => random.integer(10)),
      1
    )
    if (length > 1) labels.array.set([0, 9])
    expect(backend.call('checkLabels', [labels.array], [length, 10], [noneIgnored]).status).toBe(Status.ok)
    for (let i = 0; i < length; i += length > 200 ? 97 : 1) {
      for (const bad of [-1, 10, 2147483647, -2147483648]) {
        const before = labels.array[i]!
        labels.array[i] = bad
        expect(backend.call('checkLabels', [labels.array], [length, 10], [noneIgnored])).toEqual({
          status: Status.labelOutOfRange,
          detail: i
        })
        labels.array[i] = before
      }
    }
    labels.intact()
  })

  it('answers with the first; no label is right for no classes, any but the negative for more than there are integers', () => {
    expect(backend.call('checkLabels', [Int32Array.of(0, 3, -1, 3)], [4, 3], [noneIgnored])).toEqual({
      status: Status.labelOutOfRange,
      detail: 1
    })
    expect(backend.call('checkLabels', [Int32Array.of(0)], [1, 0], [noneIgnored])).toEqual({ status: Status.labelOutOfRange, detail: 0 })
    expect(backend.call('checkLabels', [Int32Array.of(2147483647)], [1, 2 ** 33], [noneIgnored]).status).toBe(Status.ok)
    expect(backend.call('checkLabels', [Int32Array.of(5, -7)], [2, 2 ** 33], [noneIgnored])).toEqual({
      status: Status.labelOutOfRange,
      detail: 1
    })
  })

  it('lets the ignored label pass, wherever it stands', () => {
    for (const ignored of [-100, 255, 2147483647, -2147483648]) {
      const labels = Int32Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? ignored : i % 10))
      expect(backend.call('checkLabels', [labels], [40, 10], [ignored]).status).toBe(Status.ok)
      labels[33] = 10
      expect(backend.call('checkLabels', [labels], [40, 10], [ignored])).toEqual({ status: Status.labelOutOfRange, detail: 33 })
    }
  })
})
