import type { Plugin } from 'esbuild'

export function portableWorkerSource(): Promise<string>
export const portableWorkerPlugin: Plugin
