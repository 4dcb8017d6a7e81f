// What binding.gyp calls: builds the addon by cmake-js in a folder of its own, and copies it to the path that is given.
import { copyFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { addonFile, buildAddon } from './addon.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const folder = path.join('build', 'cmake')
const target = path.resolve(root, process.argv[2])

await buildAddon(root, folder)
mkdirSync(path.dirname(target), { recursive: true })
copyFileSync(addonFile(root, folder), target)
