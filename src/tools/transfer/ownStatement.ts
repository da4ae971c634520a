/** A statement of the author's own that a target runs for each row: `:column`, or `$1`, `%s` in the order of the columns. */
import { Effect } from "effect"
import { bind } from "../sql/placeholders.ts"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import { rowsOf } from "./copyText.ts"
import type { Batch, Field } from "./Ends.ts"

export interface OwnStatement {
  readonly text: string
  /** Which column each of its values is. */
  readonly columns: ReadonlyArray<number>
}

/** Read once, not for each row. */
export const compile = (
  statement: string,
  fields: ReadonlyArray<Field>,
  call: { readonly kind: string }
): Effect.Effect<OwnStatement, ToolError> => {
  if (statement.includes("\0"))
    return Effect.fail(invalid(call, "target.query", "SQL cannot contain a zero byte"))
  const byName = bind(statement, Object.fromEntries(fields.map(({ to }, i) => [to.name, i])))
  const byPlace = byName.values.length === 0 && /%s|\$\d/.test(statement)
  const bound = byPlace
    ? bind(
        statement,
        fields.map((_, i) => i)
      )
    : byName
  return bound.missing.length > 0
    ? Effect.fail(invalid(call, "target.query", `no column for ${bound.missing.join(", ")}`))
    : Effect.succeed({ text: bound.text, columns: bound.values.map(Number) })
}

/** The values of each row. */
export const valuesOf = (
  { columns }: OwnStatement,
  batch: Batch
): ReadonlyArray<ReadonlyArray<string | null>> =>
  rowsOf(batch).map((all) => columns.map((i) => all[i] ?? null))
