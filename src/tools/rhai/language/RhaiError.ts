/** What goes wrong in a script: kind, words, place, and the calls it happened in, as Rhai reports them. */
import { NONE, type Position, showPosition } from "./Position.ts"

/** The names Rhai gives its errors; `catch` sees them in the field `error`. */
export type ErrorKind =
  | "ErrorParsing"
  | "ErrorVariableNotFound"
  | "ErrorPropertyNotFound"
  | "ErrorFunctionNotFound"
  | "ErrorModuleNotFound"
  | "ErrorUnboundThis"
  | "ErrorMismatchDataType"
  | "ErrorIndexingType"
  | "ErrorArrayBounds"
  | "ErrorStringBounds"
  | "ErrorBitFieldBounds"
  | "ErrorFor"
  | "ErrorDataRace"
  | "ErrorNonPureMethodCallOnConstant"
  | "ErrorAssignmentToConstant"
  | "ErrorDotExpr"
  | "ErrorArithmetic"
  | "ErrorTooManyOperations"
  | "ErrorTooManyVariables"
  | "ErrorTooManyModules"
  | "ErrorStackOverflow"
  | "ErrorDataTooLarge"
  | "ErrorTerminated"
  | "ErrorRuntime"
  | "ErrorSystem"

/** Limits and syntax errors end the script: no `catch` sees them. */
const uncatchable: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  "ErrorParsing",
  "ErrorSystem",
  "ErrorTooManyOperations",
  "ErrorTooManyVariables",
  "ErrorTooManyModules",
  "ErrorStackOverflow",
  "ErrorDataTooLarge",
  "ErrorTerminated"
])

/** One call an error passed through on its way out. */
export interface CallFrame {
  readonly name: string
  readonly anonymous: boolean
  readonly source: string
  position: Position
}

export type ErrorFields = Readonly<Record<string, unknown>>

export class RhaiError extends Error {
  override readonly name = "RhaiError"
  readonly kind: ErrorKind
  /** The words alone, without place and calls. */
  readonly detail: string
  position: Position
  /** What a script threw, and what a catch block gets back. */
  readonly thrown: unknown
  /** Further fields of the map a catch block gets. */
  readonly fields: ErrorFields
  /** The script it happened in, innermost. */
  script: string | undefined = undefined
  /** Innermost call first. */
  readonly calls: Array<CallFrame> = []

  constructor(
    kind: ErrorKind,
    detail: string,
    position: Position = NONE,
    fields: ErrorFields = {},
    thrown?: unknown
  ) {
    // Scripts may throw in a loop; the JavaScript stack says nothing about them.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(detail)
    Error.stackTraceLimit = limit
    this.kind = kind
    this.detail = detail
    this.position = position
    this.fields = fields
    this.thrown = thrown
  }

  get isCatchable(): boolean {
    return !uncatchable.has(this.kind)
  }

  /** Gives the error a place if it has none yet. */
  at(position: Position): this {
    const last = this.calls.at(-1)
    if (last === undefined) {
      // The crate gives a data race no place
      if (this.position === NONE && this.kind !== "ErrorDataRace") this.position = position
    } else if (last.position === NONE) last.position = position
    return this
  }

  /** Records that the error left a function. */
  through(call: CallFrame): this {
    // A limit is no mistake of the function it struck in: only the place of the outermost call is told.
    if (this.isCatchable) this.calls.push(call)
    else if (this.kind !== "ErrorSystem") this.position = call.position
    return this
  }

  /** The place as seen from the outermost script level. */
  get outerPosition(): Position {
    return this.calls.length === 0 ? this.position : this.calls.at(-1)!.position
  }

  /** The whole text, as Rhai's own `Display` has it. */
  show(withOuterPosition = true): string {
    const prefix = this.kind === "ErrorParsing" && this.calls.length > 0 ? "Syntax error: " : ""
    let text = prefix + this.detail + at(this.calls[0])
    if (this.position !== NONE && (withOuterPosition || this.calls.length > 0))
      text += ` (${showPosition(this.position)})`
    this.calls.forEach((call, i) => {
      text += call.anonymous ? "\nin closure call" : `\nin call to function '${call.name}'`
      if (call.source !== "") text += ` (from '${call.source}')`
      text += at(this.calls[i + 1])
      const last = i === this.calls.length - 1
      if (call.position !== NONE && (withOuterPosition || !last)) text += ` (${showPosition(call.position)})`
    })
    return text
  }
}

/** Where code of another script was at work, its name. */
const at = (call: CallFrame | undefined): string =>
  call === undefined || call.source === "" ? "" : ` @ '${call.source}'`

export const parseError = (detail: string, position: Position): RhaiError =>
  new RhaiError("ErrorParsing", detail, position)

export const arithmeticError = (detail: string): RhaiError => new RhaiError("ErrorArithmetic", detail)

export const mismatch = (requested: string, actual: string, position: Position = NONE): RhaiError =>
  new RhaiError("ErrorMismatchDataType", mismatchText(requested, actual), position, { requested, actual })

const mismatchText = (requested: string, actual: string): string =>
  actual === ""
    ? `Data type incorrect, expecting ${requested}`
    : requested === ""
      ? `Data type incorrect: ${actual}`
      : `Data type incorrect: ${actual} (expecting ${requested})`

export const functionNotFound = (signature: string, position: Position = NONE): RhaiError =>
  new RhaiError("ErrorFunctionNotFound", `Function not found: ${signature}`, position, {
    function: signature
  })

export const variableNotFound = (name: string, position: Position): RhaiError =>
  new RhaiError("ErrorVariableNotFound", `Variable not found: ${name}`, position, { variable: name })

export const constantError = (name: string, position: Position): RhaiError =>
  new RhaiError("ErrorAssignmentToConstant", `Cannot modify constant ${name}`, position, { variable: name })

export const constantMethodError = (name: string, position: Position): RhaiError =>
  new RhaiError(
    "ErrorNonPureMethodCallOnConstant",
    `Non-pure method '${name}' cannot be called on constant`,
    position,
    { function: name }
  )

export const tooLarge = (what: string, position: Position = NONE): RhaiError =>
  new RhaiError("ErrorDataTooLarge", `${what} too large`, position, { type: what })

export const boundsError = (
  what: "Array" | "String",
  length: number,
  index: number | bigint,
  position: Position
): RhaiError => {
  const [whole, unit] = what === "Array" ? ["array", "element"] : ["string", "character"]
  const limit =
    length === 0 ? `${whole} is empty` : `only ${length} ${unit}${length === 1 ? "" : "s"} in ${whole}`
  return new RhaiError(`Error${what}Bounds`, `${what} index ${index} out of bounds: ${limit}`, position, {
    length,
    index
  })
}

export const bitBoundsError = (index: number | bigint, position: Position = NONE): RhaiError =>
  new RhaiError(
    "ErrorBitFieldBounds",
    `Bit-field index ${index} out of bounds: only 64 bits in bit-field`,
    position,
    {
      length: 64,
      index
    }
  )
