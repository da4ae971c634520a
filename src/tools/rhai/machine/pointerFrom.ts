/** `Fn("name")`: a function pointer by name. */
import type { Position } from "../language/Position.ts"
import { functionNotFound, mismatch, RhaiError } from "../language/RhaiError.ts"
import { isValidIdentifier, keywords, reserved } from "../language/Token.ts"
import { FnPtr, rawTypeName, type Value } from "../language/Value.ts"

const isSymbol = (text: string): boolean => /^[-+*/%<>=!&|^.,:;(){}[\]#?~@$]+$/.test(text)

export const pointerFrom = (value: Value, position: Position): FnPtr => {
  if (typeof value !== "string") throw mismatch("string", rawTypeName(value), position)
  if (isValidIdentifier(value) && !keywords.has(value) && !reserved.has(value)) return new FnPtr(value)
  if (reserved.has(value) || keywords.has(value) || isSymbol(value)) {
    const what = isValidIdentifier(value) ? "keyword" : "symbol"
    throw new RhaiError("ErrorParsing", `Syntax error: '${value}' is a reserved ${what}`, position)
  }
  throw functionNotFound(value, position)
}
