export * from '../programs/index.js'
