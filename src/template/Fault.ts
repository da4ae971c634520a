/** What goes wrong inside the engine. It is thrown there, because an interpreter that checks every step's result is slower by half. */
export type FaultKind = "syntax" | "evaluation" | "limit"

export class Fault extends Error {
  readonly kind: FaultKind
  /** Offset into the source; undefined until the caller that knows it adds it. */
  readonly offset: number | undefined

  constructor(kind: FaultKind, detail: string, offset?: number) {
    super(detail)
    this.kind = kind
    this.offset = offset
  }

  /** The same with a place, unless it has one already: the innermost place is the most telling. */
  at(offset: number): Fault {
    return this.offset === undefined ? new Fault(this.kind, this.message, offset) : this
  }
}

export const syntax = (detail: string, offset: number): Fault => new Fault("syntax", detail, offset)
export const evaluation = (detail: string): Fault => new Fault("evaluation", detail)
export const limit = (detail: string): Fault => new Fault("limit", detail)

/** Line and column of an offset, both from 1. */
export const positionOf = (
  source: string,
  offset: number
): { readonly line: number; readonly column: number } => {
  let line = 1
  let start = 0
  for (let i = source.indexOf("\n"); i !== -1 && i < offset; i = source.indexOf("\n", i + 1)) {
    line++
    start = i + 1
  }
  return { line, column: offset - start + 1 }
}
