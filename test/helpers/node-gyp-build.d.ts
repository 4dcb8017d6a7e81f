declare module 'node-gyp-build' {
  function load(root: string): unknown
  namespace load {
    /** The file that `load` would load. */
    function path(root: string): string
  }
  export default load
}
