/** What the compiler makes and the machine runs: a stack machine's instructions, as plain numbers. */
import type { Position } from "./Position.ts"
import type { Value } from "./Value.ts"

/**
 * The instructions. The machine's `switch` repeats the numbers, because V8 makes a jump table of literal cases
 * only; a test compares the two.
 */
export const Op = {
  // values: push one
  UNIT: 0,
  TRUE: 1,
  FALSE: 2,
  INT: 3,
  CONST: 4,
  // variables: LOAD copies containers, LOAD_RAW lends them; the _S forms look inside shared cells
  LOAD: 5,
  LOAD_RAW: 6,
  LOAD_S: 7,
  LOAD_RAW_S: 8,
  STORE: 9,
  STORE_S: 10,
  SHARE: 11,
  NAME: 12,
  QUALIFIED: 13,
  THIS: 14,
  THIS_RAW: 15,
  // the stack
  POP: 16,
  SQUASH: 17,
  RESET: 18,
  COPY: 19,
  // jumps
  JUMP: 20,
  LOOP: 21,
  IF_FALSE: 22,
  IF_TRUE: 23,
  IF_UNIT_END: 24,
  IF_SOME: 25,
  UNLESS_RANGE: 26,
  SWITCH: 27,
  // operators
  ADD: 28,
  SUB: 29,
  MUL: 30,
  DIV: 31,
  MOD: 32,
  LT: 33,
  LE: 34,
  GT: 35,
  GE: 36,
  EQ: 37,
  NE: 38,
  BINARY: 39,
  NOT: 40,
  UNARY: 41,
  // literals
  ARRAY: 42,
  MAP: 43,
  TEXT: 44,
  // assignment
  ASSIGN_OP: 45,
  ASSIGN_THIS: 46,
  ASSIGN_NAME: 47,
  SET_PROP: 48,
  SET_INDEX: 49,
  GLOBAL: 50,
  MISSING: 51,
  // chains: GET_ leaves a value, REF_ a reference that can be written through
  GET_PROP: 52,
  GET_INDEX: 53,
  REF_SLOT: 54,
  REF_THIS: 55,
  REF_NAME: 56,
  REF_VALUE: 57,
  REF_PROP: 58,
  REF_INDEX: 59,
  // calls
  CALL: 60,
  CALL_NATIVE: 61,
  METHOD: 62,
  CALL_MODULE: 63,
  CALL_POINTER: 64,
  CLOSURE: 65,
  FN: 66,
  CURRY: 67,
  IS_SHARED: 68,
  IS_DEF_VAR: 69,
  EVAL: 70,
  RETURN: 71,
  // loops
  ITERATE: 72,
  NEXT: 73,
  NEXT_COUNTED: 74,
  // errors
  TRY: 75,
  END_TRY: 76,
  THROW: 77,
  // modules
  IMPORT: 78,
  EXPORT: 79,
  IMPORTS_MARK: 80,
  IMPORTS_RESET: 81
} as const

export type OpName = keyof typeof Op

/** What a method is called on, and whether changes to it go anywhere. */
export const Target = { stack: 0, slot: 1, shared: 2, self: 3, constant: 4 } as const

export interface FunctionCode {
  readonly name: string
  readonly arity: number
  readonly anonymous: boolean
  readonly thisType: string | undefined
  readonly unit: Unit
  code: ReadonlyArray<number>
  constants: ReadonlyArray<unknown>
  /** Where in the script each instruction comes from, and for an indexing also where the index itself is. */
  positions: ReadonlyArray<Position>
  indexPositions: ReadonlyArray<Position>
  /** Nothing to run: calling it gives `()`. */
  isEmpty: boolean
  readonly comments: ReadonlyArray<string>
  readonly parameterNames: ReadonlyArray<string>
  readonly isPrivate: boolean
}

/** A module a script may import by name: a script of its own. */
export interface Module {
  readonly name: string
  readonly variables: ReadonlyMap<string, Value>
  readonly functions: ReadonlyMap<string, FunctionCode>
  /** What the module itself has imported, by the names it gave. */
  readonly modules: ReadonlyMap<string, Module>
}

/** What the functions of a module see of the script that they are in. */
export interface Home {
  readonly modules: ReadonlyMap<string, Module>
  readonly constants: ReadonlyMap<string, Value>
}

/** A compiled script: its body and its functions, found by `name/arity` (and `type.name/arity`). */
export interface Unit {
  /** The module it is, or empty for a script of its own. */
  readonly module: string
  readonly source: string
  /** A conversation adds what is defined later. */
  readonly functions: Map<string, FunctionCode>
  /** Names of functions, for a bare name that is no variable. */
  readonly byName: ReadonlyMap<string, FunctionCode>
  main: FunctionCode
  /** More functions may be added later, and are looked for when it runs. */
  isOpen: boolean
  /** Set when a module has run. */
  home: Home | undefined
  /** Variables of the top level, which outlive an `eval`. */
  readonly locals: ReadonlyArray<{ readonly name: string; readonly slot: number }>
}

export interface SwitchTable {
  /** Where a value's key leads; values without a key go to `otherwise`. */
  readonly targets: ReadonlyMap<string, number>
  /** Length of the longest key: a value whose key is longer is no case. */
  longest: number
  otherwise: number
  unhashable: number
}

/** A scope as `eval` and `f!()` see it: names, newest last. */
export interface VisibleName {
  readonly name: string
  readonly slot: number
  readonly captured: boolean
  readonly isConst: boolean
}

export const functionKey = (name: string, arity: number, thisType?: string): string =>
  thisType === undefined ? `${name}/${arity}` : `${thisType}.${name}/${arity}`
