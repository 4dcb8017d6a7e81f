// npm run example: from a CSV file to a trained model to a scored file, by the command line.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const module = fileURLToPath(new URL('weather.js', import.meta.url))
const days = fileURLToPath(new URL('../data/seattle-weather.csv', import.meta.resolve('vega-datasets')))
const evenkeel = (...args) => {
  console.log(`$ evenkeel ${args.join(' ')}`)
  execFileSync(process.execPath, [command, ...args], { stdio: 'inherit' })
}

evenkeel('train', module, '-o', 'weather.safetensors', '--force')
evenkeel('inspect', 'weather.safetensors')
evenkeel('predict', 'weather.safetensors', days, '-o', 'weather-scored.csv', '--give', 'class', '--force')

const scored = parse(readFileSync('weather-scored.csv'), { columns: true })
const right = scored.filter(({ weather, prediction }) => weather === prediction).length
console.log(`${right} of ${scored.length} days are right, four fifths of them seen in training`)
// Always saying rain is right on 641 days.
if (scored.length !== 1461 || right < 1100) throw new Error('expected at least 1100 of 1461 days to be right')
