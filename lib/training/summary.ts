import type { ModelDescription } from '../programs/index.js'
import { formatShape } from '../shape.js'

/** A table of the layers: path, kind, shape of a row of its output, number of parameters; totals below. */
export function summaryTable({ layers, parameters, buffers, inputs, outputs }: ModelDescription, frozen: ReadonlySet<string>): string {
  const rows = [
    ['layer', 'kind', 'output', 'parameters'],
    ...inputs.map(({ key, shape }) => [key ?? '', 'input', formatShape(shape), '']),
    ...layers.map((layer) => [layer.path, layer.kind, formatShape(layer.outputShape), grouped(layer.parameters)]),
    ...outputs.flatMap(({ key, shape }) => (key === undefined ? [] : [[key, 'output', formatShape(shape), '']]))
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 3 ? cell.padStart(widths[3]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  )
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  const sum = (specs: readonly { name: string; length: number }[]): number => specs.reduce((total, { length }) => total + length, 0)
  const total = sum(parameters)
  const trained = sum(parameters.filter(({ name }) => !frozen.has(name)))
  const frozenNote = trained === total ? '' : ` (${grouped(total - trained)} frozen)`
  return [...lines, '', `parameters: ${grouped(total)}${frozenNote}, buffers: ${grouped(sum(buffers))}`].join('\n')
}

/** 1,863,690 — whatever the locale. */
const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',')
