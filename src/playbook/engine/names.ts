/** The names that a condition reads. */
import type { Arguments, Expression, Statement, Template } from "../../template/ast.ts"

/** Calls `visit` for each name, with the members that are read of it: `output.error.kind` is `output`, `[error, kind]`. */
type Visit = (name: string, path: ReadonlyArray<string>) => void

export const namesOf = (template: Template, visit: Visit): void =>
  template.type === "Lone" ? inExpression(template.expression, visit) : inBody(template.body, visit)

const inBody = (body: ReadonlyArray<Statement>, visit: Visit): void => {
  for (const statement of body) {
    switch (statement.type) {
      case "Text":
        break
      case "Output":
      case "Set":
        inExpression(statement.value, visit)
        break
      case "If":
        for (const { body: inner, test } of statement.branches) {
          inExpression(test, visit)
          inBody(inner, visit)
        }
        inBody(statement.otherwise, visit)
        break
      case "For":
        inExpression(statement.items, visit)
        if (statement.filter !== undefined) inExpression(statement.filter, visit)
        inBody(statement.body, visit)
        inBody(statement.otherwise, visit)
        break
      case "SetBlock":
        inBody(statement.body, visit)
    }
  }
}

const inExpression = (node: Expression, visit: Visit): void => {
  const chain = chainOf(node)
  if (chain !== undefined) return visit(chain.name, chain.path)
  switch (node.type) {
    case "Literal":
    case "Name":
      return
    case "Attribute":
      return inExpression(node.target, visit)
    case "Item":
      inExpression(node.target, visit)
      return inExpression(node.index, visit)
    case "Slice":
      for (const part of [node.target, node.start, node.stop, node.step])
        if (part !== undefined) inExpression(part, visit)
      return
    case "List":
      for (const item of node.items) inExpression(item, visit)
      return
    case "Dict":
      for (const pair of node.entries) for (const part of pair) inExpression(part, visit)
      return
    case "Not":
    case "Negative":
      return inExpression(node.operand, visit)
    case "Logic":
    case "Arithmetic":
      inExpression(node.left, visit)
      return inExpression(node.right, visit)
    case "Compare":
      inExpression(node.left, visit)
      for (const { right } of node.rest) inExpression(right, visit)
      return
    case "Conditional":
      for (const part of [node.test, node.then, node.otherwise])
        if (part !== undefined) inExpression(part, visit)
      return
    case "Filter":
    case "Test":
    case "Method":
      inExpression(node.target, visit)
      return inArguments(node.args, visit)
    case "Call":
      return inArguments(node.args, visit)
  }
}

const inArguments = ({ named, positional }: Arguments, visit: Visit): void => {
  for (const argument of positional) inExpression(argument, visit)
  for (const [, argument] of named) inExpression(argument, visit)
}

/** `a.b["c"]` as a name and its members. */
const chainOf = (
  node: Expression
): { readonly name: string; readonly path: ReadonlyArray<string> } | undefined => {
  if (node.type === "Name") return { name: node.name, path: [] }
  const key =
    node.type === "Attribute"
      ? node.name
      : node.type === "Item" && node.index.type === "Literal"
        ? node.index.value
        : undefined
  if ((node.type !== "Attribute" && node.type !== "Item") || typeof key !== "string") return undefined
  const target = chainOf(node.target)
  return target === undefined ? undefined : { name: target.name, path: [...target.path, key] }
}
