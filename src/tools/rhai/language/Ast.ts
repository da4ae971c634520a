/** The tree the parser makes: names are already tied to their declarations, so nothing is looked up by text later. */
import type { Position } from "./Position.ts"

/** A variable. The compiler gives it a slot; one captured by a closure lives in a shared cell. */
export interface Declaration {
  readonly name: string
  isConst: boolean
  captured: boolean
  slot: number
}

export type Literal =
  | { readonly t: "unit"; readonly position: Position }
  | { readonly t: "bool"; readonly value: boolean; readonly position: Position }
  | { readonly t: "int"; readonly value: number | bigint; readonly position: Position }
  | { readonly t: "float"; readonly value: number; readonly position: Position }
  | { readonly t: "char"; readonly value: string; readonly position: Position }
  | { readonly t: "string"; readonly value: string; readonly position: Position }

export interface Variable {
  readonly t: "var"
  readonly name: string
  readonly declaration: Declaration | undefined
  readonly path: ReadonlyArray<string>
  readonly pathPosition: Position
  readonly position: Position
}

export interface Call {
  readonly t: "call"
  readonly name: string
  readonly path: ReadonlyArray<string>
  readonly pathPosition: Position
  readonly args: ReadonlyArray<Expression>
  /** `f!(…)`: the function runs in the caller's scope. */
  readonly capture: boolean
  /** `x in y`, which is `contains(y, x)`, remembers how it was written. */
  readonly operator: "in" | "!in" | undefined
  /** Names visible at the call, for `is_def_var`, `eval` and captured scopes. */
  readonly visible: ReadonlyArray<Declaration>
  readonly position: Position
}

export interface Closure {
  readonly t: "closure"
  readonly fn: FunctionDefinition
  readonly captures: ReadonlyArray<{
    readonly name: string
    readonly declaration: Declaration | undefined
    readonly position: Position
  }>
  readonly position: Position
}

export type Step =
  | {
      readonly t: "prop"
      readonly name: string
      readonly maybe: boolean
      readonly position: Position
      readonly dot: Position
    }
  | { readonly t: "index"; readonly index: Expression; readonly maybe: boolean; readonly dot: Position }
  | {
      readonly t: "method"
      readonly name: string
      readonly args: ReadonlyArray<Expression>
      readonly maybe: boolean
      readonly position: Position
      readonly dot: Position
    }

/** `root.prop[index].method(args)`: one flat walk from the root. */
export interface Chain {
  readonly t: "chain"
  readonly root: Expression
  readonly steps: ReadonlyArray<Step>
  readonly position: Position
}

export type Expression =
  | Literal
  | Variable
  | Call
  | Closure
  | Chain
  | { readonly t: "this"; readonly position: Position }
  | { readonly t: "interpolated"; readonly parts: ReadonlyArray<Expression>; readonly position: Position }
  | { readonly t: "array"; readonly items: ReadonlyArray<Expression>; readonly position: Position }
  | {
      readonly t: "map"
      readonly entries: ReadonlyArray<readonly [string, Expression]>
      readonly position: Position
    }
  | { readonly t: "unary"; readonly op: string; readonly operand: Expression; readonly position: Position }
  | {
      readonly t: "binary"
      readonly op: string
      readonly left: Expression
      readonly right: Expression
      readonly position: Position
    }
  | {
      readonly t: "and" | "or" | "coalesce"
      readonly items: ReadonlyArray<Expression>
      readonly position: Position
    }
  | { readonly t: "statement"; readonly statement: Statement; readonly position: Position }

export interface SwitchCase {
  /** Empty for the default case. */
  readonly values: ReadonlyArray<Expression>
  readonly condition: Expression | undefined
  readonly body: Statement
}

export type Statement =
  | { readonly t: "noop"; readonly position: Position }
  | { readonly t: "expression"; readonly expression: Expression; readonly position: Position }
  | { readonly t: "block"; readonly body: ReadonlyArray<Statement>; readonly position: Position }
  | {
      readonly t: "assign"
      readonly op: string | undefined
      readonly target: Expression
      readonly value: Expression
      readonly position: Position
    }
  | {
      readonly t: "let"
      readonly declaration: Declaration
      readonly isConst: boolean
      readonly value: Expression | undefined
      readonly exported: boolean
      /** At the top level, where constants can be reached as `global::NAME`. */
      readonly global: boolean
      readonly position: Position
    }
  | {
      readonly t: "if"
      readonly condition: Expression
      readonly then: Statement
      readonly otherwise: Statement | undefined
      readonly position: Position
    }
  | {
      readonly t: "switch"
      readonly subject: Expression
      readonly cases: ReadonlyArray<SwitchCase>
      readonly position: Position
    }
  | {
      readonly t: "while"
      readonly condition: Expression | undefined
      readonly body: Statement
      readonly position: Position
    }
  | {
      readonly t: "do"
      readonly condition: Expression
      readonly until: boolean
      readonly body: Statement
      readonly position: Position
    }
  | {
      readonly t: "for"
      readonly variable: Declaration
      readonly counter: Declaration | undefined
      readonly iterable: Expression
      readonly body: Statement
      readonly namePosition: Position
      readonly position: Position
    }
  | { readonly t: "break"; readonly value: Expression | undefined; readonly position: Position }
  | { readonly t: "continue"; readonly position: Position }
  | {
      readonly t: "try"
      readonly body: Statement
      readonly variable: Declaration | undefined
      readonly handler: Statement
      readonly position: Position
    }
  | { readonly t: "return" | "throw"; readonly value: Expression | undefined; readonly position: Position }
  | { readonly t: "import"; readonly path: Expression; readonly alias: string; readonly position: Position }
  | {
      readonly t: "export"
      readonly name: string
      readonly declaration: Declaration | undefined
      readonly alias: string
      readonly position: Position
    }

export interface FunctionDefinition {
  readonly name: string
  readonly isPrivate: boolean
  readonly anonymous: boolean
  /** `fn int.double() { … }` is a method of integers only. */
  readonly thisType: string | undefined
  readonly parameters: ReadonlyArray<Declaration>
  readonly body: Statement
  readonly comments: ReadonlyArray<string>
  readonly position: Position
}

export interface Program {
  readonly body: ReadonlyArray<Statement>
  readonly functions: ReadonlyArray<FunctionDefinition>
  /** Names the host puts in scope before the script runs. */
  readonly globals: ReadonlyArray<Declaration>
}

/** Where the reader's eye starts: the root of a chain, the left end of a logical row. */
export const startOf = (expression: Expression): Position => {
  switch (expression.t) {
    case "chain":
      return startOf(expression.root)
    case "and":
    case "or":
    case "coalesce":
      return startOf(expression.items[0]!)
    case "var":
      return expression.path.length > 0 ? expression.pathPosition : expression.position
    default:
      return expression.position
  }
}

/** Made of literals alone, so its value is known before the script runs. */
export const isConstant = (expression: Expression): boolean => {
  switch (expression.t) {
    case "unit":
    case "bool":
    case "int":
    case "float":
    case "char":
    case "string":
      return true
    case "array":
      return expression.items.every(isConstant)
    case "map":
      return expression.entries.every(([, value]) => isConstant(value))
    case "interpolated":
      return expression.parts.every(isConstant)
    default:
      return false
  }
}
