import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** A program that stands in the documentation. */
export interface Example {
  /** Of a file: `guide-predict`. */
  readonly name: string
  /** Where it stands: `docs/guide.md:120`. */
  readonly place: string
  readonly source: string
}

/** The ts blocks of one section (from one `##` heading to the next) are one program, in their order. */
export function pageExamples(page: string): Example[] {
  const examples: Example[] = []
  let [heading, line, blocks] = [path.basename(page, '.md'), 0, [] as string[]]
  const end = (): void => {
    if (blocks.length > 0) examples.push({ name: nameOf(page, heading), place: `${page}:${line}`, source: blocks.join('\n') })
    blocks = []
  }
  let block: string[] | undefined
  let fenced = false
  for (const [index, text] of readFileSync(path.join(root, page), 'utf8').split('\n').entries()) {
    const fence = /^```(\w*)/.exec(text)
    if (fence && !fenced) {
      fenced = true
      if (fence[1] !== 'ts') continue
      if (blocks.length === 0) line = index + 2
      block = []
    } else if (fence) {
      if (block) blocks.push(block.join('\n'))
      fenced = false
      block = undefined
    } else if (fenced) block?.push(text)
    else if (/^##? /.test(text)) {
      end()
      heading = text
    }
  }
  end()
  return examples
}

const nameOf = (page: string, heading: string): string =>
  `${path.basename(page, '.md')}-${heading}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')

/** The `@example`s of each file in lib/, with `preamble` before them; the names that an example declares are its own. */
export function docstringExamples(preamble: string): Example[] {
  const files = readdirSync(path.join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return files.sort().flatMap((file) => {
    const text = readFileSync(path.join(root, 'lib', file), 'utf8')
    const blocks = [...text.matchAll(/^ *\* @example *(.*(?:\n *\*(?!\/)(?! @).*)*)/gm)].map(
      ([, body]) => `{\n${body!.replace(/^ *\* ?/gm, '')}\n}`
    )
    if (blocks.length === 0) return []
    return [
      { name: `lib-${file.replace(/\W+/g, '-').replace(/-ts$/, '')}`, place: `lib/${file}`, source: [preamble, ...blocks].join('\n') }
    ]
  })
}

/**
 * The program with what it promises to print checked: `console.log(a) // 1`, or with the comment on the lines below,
 * becomes a comparison of what is printed with `1`. In it … stands for anything, and white space is one space.
 */
export function checked({ place, source }: Example): string {
  let promises = 0
  const code = source.replace(/console\.log\((.+)\)(?: *\/\/ (.+)|((?:\n *\/\/.*)+))$/gm, (_, values, beside, below) => {
    const promise: string = beside ?? below.replace(/\n *\/\/ ?/g, '\n').trim()
    return `checkPrinted(${promises++}, ${JSON.stringify(promise)}, ${values})`
  })
  return `${checker(place, promises)}\n${code}`
}

/** Written into each program: it runs in a process of its own. */
const checker = (place: string, promises: number): string => `
import { format } from 'node:util'
const promisesKept = new Set<number>()
function checkPrinted(index: number, promise: string, ...values: unknown[]): void {
  const squash = (text: string): string => text.replace(/\\s+/g, ' ').trim()
  const pattern = squash(promise).split('…').map((part) => part.replace(/[\\\\^$.|?*+()[\\]{}]/g, '\\\\$&')).join('.*')
  const printed = squash(format(...values))
  if (!new RegExp('^' + pattern + '$').test(printed)) throw new Error(${JSON.stringify(place)} + ': it says ' + promise + ', it prints ' + printed)
  promisesKept.add(index)
}
process.on('exit', (code) => {
  if (code === 0 && promisesKept.size < ${promises}) {
    console.error(${JSON.stringify(place)} + ': a promised line was never printed')
    process.exitCode = 1
  }
})`
