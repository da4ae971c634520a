/** Tokens → expression, by precedence: conditional, or, and, not, comparison, sum, ~, product, power, filters, sign. */
import type { Arguments, ArithmeticOp, Comparison, Expression } from "./ast.ts"
import { syntax } from "./Fault.ts"
import { filters } from "./filters/index.ts"
import { functions } from "./functions.ts"
import { predicates } from "./predicates.ts"
import {
  adjacent,
  childrenOf,
  compareOp,
  constants,
  dotted,
  maxDepth,
  noArguments,
  node,
  reserved,
  symbols
} from "./grammar.ts"
import type { TokenReader } from "./TokenReader.ts"

export const parseExpression = (reader: TokenReader): Expression => conditional(reader, 0)

/** Without the conditional: what stands between `in` and `if` of a loop. */
export const parseUnconditional = (reader: TokenReader): Expression => or(reader, 0)

type Parse = (reader: TokenReader, depth: number) => Expression

const conditional: Parse = (reader, depth) => {
  if (depth > maxDepth) throw syntax(`an expression nested deeper than ${maxDepth}`, reader.at)
  const then = or(reader, depth)
  const at = reader.at
  if (!reader.takeName("if")) return then
  const test = or(reader, depth)
  const otherwise = reader.takeName("else") ? conditional(reader, depth + 1) : undefined
  return node(at, { type: "Conditional", test, then, otherwise }, then, test, otherwise)
}

const or: Parse = (reader, depth) => {
  let left = and(reader, depth)
  for (let at = reader.at; reader.takeName("or"); at = reader.at) {
    const right = and(reader, depth)
    left = node(at, { type: "Logic", op: "or", left, right }, left, right)
  }
  return left
}

const and: Parse = (reader, depth) => {
  let left = not(reader, depth)
  for (let at = reader.at; reader.takeName("and"); at = reader.at) {
    const right = not(reader, depth)
    left = node(at, { type: "Logic", op: "and", left, right }, left, right)
  }
  return left
}

const not: Parse = (reader, depth) => {
  if (depth > maxDepth) throw syntax(`an expression nested deeper than ${maxDepth}`, reader.at)
  const at = reader.at
  if (!reader.takeName("not")) return compare(reader, depth)
  const operand = not(reader, depth + 1)
  return node(at, { type: "Not", operand }, operand)
}

const compare: Parse = (reader, depth) => {
  const left = sum(reader, depth)
  const at = reader.at
  const rest: Array<Comparison> = []
  for (let op = compareOp(reader); op !== undefined; op = compareOp(reader)) {
    rest.push({ op, right: sum(reader, depth) })
  }
  return rest.length === 0
    ? left
    : node(at, { type: "Compare", left, rest }, left, ...rest.map((one) => one.right))
}

const binary =
  (ops: ReadonlyArray<ArithmeticOp>, operand: Parse): Parse =>
  (reader, depth) => {
    let left = operand(reader, depth)
    for (;;) {
      const at = reader.at
      const op = ops.find((candidate) => reader.take(candidate))
      if (op === undefined) return left
      const right = operand(reader, depth)
      left = node(at, { type: "Arithmetic", op, left, right }, left, right)
    }
  }

/** A sign binds closer than `**` and than filters: `-2 ** 2` is 4, `-3 | abs` is 3, as in Jinja. */
const unary: Parse = (reader, depth) => filtered(reader, depth, signed(reader, depth))

const signed: Parse = (reader, depth) => {
  if (depth > maxDepth) throw syntax(`an expression nested deeper than ${maxDepth}`, reader.at)
  const at = reader.at
  if (reader.take("-")) {
    const operand = signed(reader, depth + 1)
    return node(at, { type: "Negative", operand }, operand)
  }
  if (reader.take("+")) return signed(reader, depth + 1)
  return postfix(reader, depth, primary(reader, depth))
}

const power = binary(["**"], unary)
const product = binary(["*", "//", "/", "%"], power)
const concat = binary(["~"], product)
const sum = binary(["+", "-"], concat)

/** What may follow a value: `| filter`, `is test`. */
const filtered = (reader: TokenReader, depth: number, first: Expression): Expression => {
  let target = first
  for (;;) {
    const at = reader.at
    if (reader.take("|")) {
      const name = dotted(reader, "the name of a filter")
      if (!filters.has(name)) throw syntax(`unknown filter '${name}'`, at)
      const args = reader.is("(") ? callArguments(reader, depth) : noArguments
      target = node(at, { type: "Filter", target, name, args }, target, ...childrenOf(args))
      target = postfix(reader, depth, target)
    } else if (reader.takeName("is")) target = test(reader, depth, target, at)
    else return target
  }
}

const test = (reader: TokenReader, depth: number, target: Expression, at: number): Expression => {
  const negated = reader.takeName("not")
  const symbol = symbols.find((candidate) => reader.take(candidate))
  const name = symbol ?? dotted(reader, "the name of a test")
  if (!predicates.has(name)) throw syntax(`unknown test '${name}'`, at)
  const args = testArguments(reader, depth)
  return node(at, { type: "Test", target, name, args, negated }, target, ...childrenOf(args))
}

/** `is in [1]`, `is eq 2`: an argument without parentheses. */
const testArguments = (reader: TokenReader, depth: number): Arguments => {
  if (reader.is("(")) return callArguments(reader, depth)
  const token = reader.peek()
  const starts =
    token !== undefined &&
    (token.type === "number" ||
      token.type === "string" ||
      (token.type === "name" && !reserved.has(token.text)) ||
      (token.type === "operator" && (token.text === "[" || token.text === "{")))
  return starts ? { positional: [postfix(reader, depth, primary(reader, depth))], named: [] } : noArguments
}

const postfix = (reader: TokenReader, depth: number, first: Expression): Expression => {
  let target = first
  for (;;) {
    const at = reader.at
    if (reader.take(".")) target = attribute(reader, depth, target, at)
    else if (reader.take("[")) target = subscript(reader, depth, target, at)
    else if (reader.is("(")) target = call(reader, depth, target, at)
    else return target
  }
}

const attribute = (reader: TokenReader, depth: number, target: Expression, at: number): Expression => {
  const token = reader.peek()
  if (token?.type === "number" && typeof token.value === "number" && Number.isInteger(token.value)) {
    reader.next()
    const index = node(at, { type: "Literal", value: token.value })
    return node(at, { type: "Item", target, index }, target)
  }
  const name = reader.name("the name of an attribute")
  if (!reader.is("(")) return node(at, { type: "Attribute", target, name }, target)
  const args = callArguments(reader, depth)
  return node(at, { type: "Method", target, name, args }, target, ...childrenOf(args))
}

const subscript = (reader: TokenReader, depth: number, target: Expression, at: number): Expression => {
  const start = reader.is(":") ? undefined : conditional(reader, depth + 1)
  if (start !== undefined && reader.take("]"))
    return node(at, { type: "Item", target, index: start }, target, start)
  reader.expect(":")
  const stop = reader.is(":") || reader.is("]") ? undefined : conditional(reader, depth + 1)
  const step = reader.take(":") && !reader.is("]") ? conditional(reader, depth + 1) : undefined
  reader.expect("]")
  return node(at, { type: "Slice", target, start, stop, step }, target, start, stop, step)
}

/** Only the functions of the engine can be called, and only by their name: values are data. */
const call = (reader: TokenReader, depth: number, target: Expression, at: number): Expression => {
  if (target.type !== "Name" || !functions.has(target.name)) {
    throw syntax(
      target.type === "Name" ? `unknown function '${target.name}'` : "only a function can be called",
      target.type === "Name" ? target.at : at
    )
  }
  const args = callArguments(reader, depth)
  return node(target.at, { type: "Call", name: target.name, args }, ...childrenOf(args))
}

const callArguments = (reader: TokenReader, depth: number): Arguments => {
  reader.expect("(")
  const positional: Array<Expression> = []
  const named: Array<readonly [string, Expression]> = []
  while (!reader.take(")")) {
    if (reader.peek()?.type === "name" && reader.is("=", 1)) {
      const name = reader.name("an argument")
      reader.expect("=")
      named.push([name, conditional(reader, depth + 1)])
    } else positional.push(conditional(reader, depth + 1))
    if (!reader.is(")")) reader.expect(",")
  }
  return { positional, named }
}

const primary: Parse = (reader, depth) => {
  const at = reader.at
  if (reader.take("(")) return parenthesised(reader, depth, at)
  if (reader.take("[")) {
    const items = sequence(reader, depth, "]")
    return node(at, { type: "List", items }, ...items)
  }
  if (reader.take("{")) return dict(reader, depth, at)
  const token = reader.next()
  switch (token.type) {
    case "number":
      return node(at, { type: "Literal", value: token.value })
    case "string":
      return node(at, { type: "Literal", value: adjacent(reader, token.text) })
    case "name": {
      const constant = constants.get(token.text)
      if (constant !== undefined) return node(at, { type: "Literal", value: constant })
      if (reserved.has(token.text)) throw syntax(`unexpected '${token.text}', expected a value`, at)
      return node(at, { type: "Name", name: token.text })
    }
    case "operator":
      throw syntax(`unexpected '${token.text}', expected a value`, at)
  }
}

/** Parentheses, or a tuple, which is a list here. */
const parenthesised = (reader: TokenReader, depth: number, at: number): Expression => {
  if (reader.take(")")) return node(at, { type: "List", items: [] })
  const first = conditional(reader, depth + 1)
  if (reader.take(")")) return first
  reader.expect(",")
  const items = [first, ...sequence(reader, depth, ")")]
  return node(at, { type: "List", items }, ...items)
}

const sequence = (reader: TokenReader, depth: number, close: string): ReadonlyArray<Expression> => {
  const items: Array<Expression> = []
  while (!reader.take(close)) {
    items.push(conditional(reader, depth + 1))
    if (!reader.is(close)) reader.expect(",")
  }
  return items
}

const dict = (reader: TokenReader, depth: number, at: number): Expression => {
  const entries: Array<readonly [Expression, Expression]> = []
  while (!reader.take("}")) {
    const key = conditional(reader, depth + 1)
    reader.expect(":")
    entries.push([key, conditional(reader, depth + 1)])
    if (!reader.is("}")) reader.expect(",")
  }
  return node(at, { type: "Dict", entries }, ...entries.flat())
}
