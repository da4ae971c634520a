/** What a template is once it was read. `at` is an offset into the source; line and column are counted only for errors. */
import type { Json } from "../domain/Json.ts"

export type Expression = { readonly at: number; readonly depth: number } & (
  | { readonly type: "Literal"; readonly value: Json }
  | { readonly type: "Name"; readonly name: string }
  | { readonly type: "Attribute"; readonly target: Expression; readonly name: string }
  | { readonly type: "Item"; readonly target: Expression; readonly index: Expression }
  | {
      readonly type: "Slice"
      readonly target: Expression
      readonly start: Expression | undefined
      readonly stop: Expression | undefined
      readonly step: Expression | undefined
    }
  | { readonly type: "List"; readonly items: ReadonlyArray<Expression> }
  | { readonly type: "Dict"; readonly entries: ReadonlyArray<readonly [Expression, Expression]> }
  | { readonly type: "Not"; readonly operand: Expression }
  | { readonly type: "Negative"; readonly operand: Expression }
  | {
      readonly type: "Logic"
      readonly op: "and" | "or"
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly type: "Arithmetic"
      readonly op: ArithmeticOp
      readonly left: Expression
      readonly right: Expression
    }
  | { readonly type: "Compare"; readonly left: Expression; readonly rest: ReadonlyArray<Comparison> }
  | {
      readonly type: "Conditional"
      readonly test: Expression
      readonly then: Expression
      readonly otherwise: Expression | undefined
    }
  | { readonly type: "Filter"; readonly target: Expression; readonly name: string; readonly args: Arguments }
  | {
      readonly type: "Test"
      readonly target: Expression
      readonly name: string
      readonly args: Arguments
      readonly negated: boolean
    }
  | { readonly type: "Call"; readonly name: string; readonly args: Arguments }
  | { readonly type: "Method"; readonly target: Expression; readonly name: string; readonly args: Arguments }
)

export type ArithmeticOp = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "~"
export type CompareOp = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in"

export interface Comparison {
  readonly op: CompareOp
  readonly right: Expression
}

export interface Arguments {
  readonly positional: ReadonlyArray<Expression>
  readonly named: ReadonlyArray<readonly [string, Expression]>
}

export type Statement = { readonly at: number } & (
  | { readonly type: "Text"; readonly text: string }
  | { readonly type: "Output"; readonly value: Expression }
  | {
      readonly type: "If"
      readonly branches: ReadonlyArray<{ readonly test: Expression; readonly body: ReadonlyArray<Statement> }>
      readonly otherwise: ReadonlyArray<Statement>
    }
  | {
      readonly type: "For"
      readonly names: ReadonlyArray<string>
      readonly items: Expression
      readonly filter: Expression | undefined
      readonly body: ReadonlyArray<Statement>
      readonly otherwise: ReadonlyArray<Statement>
    }
  | { readonly type: "Set"; readonly target: SetTarget; readonly value: Expression }
  | { readonly type: "SetBlock"; readonly target: SetTarget; readonly body: ReadonlyArray<Statement> }
)

/** `{% set a, b = … %}` has several names; `{% set ns.x = … %}` has an attribute of a namespace. */
export interface SetTarget {
  readonly names: ReadonlyArray<string>
  readonly attribute: string | undefined
}

/** A template: one lone `{{ expression }}`, whose value is kept as it is, or a text with holes. */
export type Template =
  | { readonly type: "Lone"; readonly expression: Expression }
  | { readonly type: "Text"; readonly body: ReadonlyArray<Statement> }
