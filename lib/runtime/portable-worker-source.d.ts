/** portable-worker.ts and what it imports, as one CommonJS script. Made by the build. */
declare const source: string
export default source
