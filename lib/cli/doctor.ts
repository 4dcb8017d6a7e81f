import { Command } from 'commander'
import { libraryVersion } from '../io/model-file.js'
import { type BackendInfo, backendInfo } from '../runtime/select.js'
import { backendText } from './report.js'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Says which backend runs here, on which instruction set and how many threads, and why not the native one.')
    .option('--json', 'one JSON object', false)
    .allowExcessArguments(false)
    .action(({ json }: { json: boolean }) => {
      const info = diagnosis()
      if (json) console.log(JSON.stringify(info))
      else for (const line of linesOf(info)) console.log(line)
    })
}

interface Diagnosis extends BackendInfo {
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly environment: Readonly<Record<string, string>>
}

function diagnosis(): Diagnosis {
  const environment = Object.fromEntries(
    ['EVENKEEL_BACKEND', 'EVENKEEL_ISA', 'EVENKEEL_THREADS'].flatMap((name) => {
      const value = process.env[name]
      return value ? [[name, value]] : []
    })
  )
  const platform = `${process.platform}-${process.arch}`
  return { version: libraryVersion, node: process.version, platform, ...backendInfo(), environment }
}

function linesOf({ version, node, platform, available, reason, environment, ...info }: Diagnosis): string[] {
  const forced = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [
    `evenkeel ${version} on Node ${node}, ${platform}`,
    `backend           ${backendText(info)}`,
    `instruction sets  ${available.length > 0 ? available.join(', ') : 'none: the native backend does not run'}`,
    ...(forced.length > 0 ? [`environment       ${forced.join(' ')}`] : []),
    ...(reason === undefined ? [] : [`why not native    ${reason}`])
  ]
}
