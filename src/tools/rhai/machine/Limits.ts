/** How much a script may use. Each limit has its own error; none of them can be caught by the script. */
export interface Limits {
  /** Instructions run, and units of work for the data that they and native functions go through. */
  readonly operations: number
  readonly callDepth: number
  /** Nesting of expressions at the top level and in functions. */
  readonly expressionDepth: number
  readonly functionExpressionDepth: number
  /** Bytes of a string literal; UTF-16 units of a string made at run time. */
  readonly stringLength: number
  readonly arrayLength: number
  readonly mapSize: number
  /** Bytes of everything the script's variables hold, estimated. */
  readonly memory: number
  readonly functions: number
  readonly modules: number
  /** Milliseconds from start to end, waiting included. */
  readonly wallClock: number
}

const MiB = 1024 * 1024

export const defaults: Limits = {
  operations: 10_000_000,
  callDepth: 64,
  expressionDepth: 64,
  functionExpressionDepth: 32,
  stringLength: 10 * MiB,
  arrayLength: 1_000_000,
  mapSize: 100_000,
  memory: 64 * MiB,
  functions: 1000,
  modules: 100,
  wallClock: 10 * 60 * 1000
}
