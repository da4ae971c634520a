/** The small parts of reading an expression. */
import type { Arguments, CompareOp, Expression } from "./ast.ts"
import { syntax } from "./Fault.ts"
import type { TokenReader } from "./TokenReader.ts"

/** A deeper expression would overflow the stack of the functions that walk it. */
export const maxDepth = 200

/** An expression without the two members that `node` works out. */
type Draft = Expression extends infer E ? (E extends Expression ? Omit<E, "at" | "depth"> : never) : never

export const node = (
  at: number,
  draft: Draft,
  ...children: ReadonlyArray<Expression | undefined>
): Expression => {
  let depth = 1
  for (const child of children) if (child !== undefined && child.depth >= depth) depth = child.depth + 1
  if (depth > maxDepth) throw syntax(`an expression nested deeper than ${maxDepth}`, at)
  return { ...draft, at, depth }
}

export const symbols: ReadonlyArray<CompareOp> = ["==", "!=", "<=", ">=", "<", ">"]

export const compareOp = (reader: TokenReader): CompareOp | undefined => {
  if (reader.takeName("in")) return "in"
  if (reader.isName("not") && reader.isName("in", 1)) {
    reader.next()
    reader.next()
    return "not in"
  }
  return symbols.find((symbol) => reader.take(symbol))
}

export const reserved: ReadonlySet<string> = new Set(["and", "or", "not", "if", "else", "in", "is"])

export const dotted = (reader: TokenReader, what: string): string => {
  let name = reader.name(what)
  while (reader.is(".") && reader.peek(1)?.type === "name") {
    reader.next()
    name += `.${reader.name(what)}`
  }
  return name
}

export const noArguments: Arguments = { positional: [], named: [] }

export const childrenOf = (args: Arguments): ReadonlyArray<Expression> =>
  args.named.length === 0 ? args.positional : [...args.positional, ...args.named.map(([, value]) => value)]

export const constants: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
  ["null", null]
])

/** Python's adjacent literals: `"a" "b"` is `"ab"`. */
export const adjacent = (reader: TokenReader, first: string): string => {
  let text = first
  for (let token = reader.peek(); token?.type === "string"; token = reader.peek()) {
    text += token.text
    reader.next()
  }
  return text
}
