/** An author's own statement in DuckDB, for each row: prepared once a batch, its values bound with their types. */
import type { DuckDBType, DuckDBValue } from "@duckdb/node-api"
import { Effect } from "effect"
import type { Session } from "../duckdb/Databases.ts"
import type { Duckdb } from "../duckdb/values.ts"
import type { ToolError } from "../../domain/ToolError.ts"
import { duckdbError } from "./duckdbSql.ts"
import type { Batch, Field, Kind } from "./Ends.ts"
import { type OwnStatement, valuesOf } from "./ownStatement.ts"

export const runForEach = (
  session: Session,
  own: OwnStatement,
  fields: ReadonlyArray<Field>,
  batch: Batch,
  call: { readonly kind: string }
): Effect.Effect<void, ToolError> =>
  Effect.mapError(
    session.run(async () => {
      const prepared = await session.connection.prepare(own.text)
      const kinds = own.columns.map((i) => fields[i]?.to.type.kind ?? "text")
      for (const values of valuesOf(own, batch)) {
        values.forEach((text, i) => {
          prepared.bindValue(i + 1, ...nativeOf(session.duckdb, text, kinds[i] ?? "text"))
        })
        await prepared.run()
      }
    }),
    (cause) => duckdbError(cause, call)
  )

// --- helpers ---

/** What has no type of its own here is text, which DuckDB casts where a column wants something else. */
const nativeOf = (duckdb: Duckdb, text: string | null, kind: Kind): readonly [DuckDBValue, DuckDBType] => {
  if (text === null) return [null, duckdb.SQLNULL]
  switch (kind) {
    case "int2":
    case "int4":
    case "int8":
      return [BigInt(text), duckdb.BIGINT]
    case "float4":
    case "float8":
      return [Number(text), duckdb.DOUBLE]
    case "boolean":
      return [/^t/i.test(text), duckdb.BOOLEAN]
    case "bytes":
      return [duckdb.blobValue(Buffer.from(text.replace(/^\\x/, ""), "hex")), duckdb.BLOB]
    default:
      return [text, duckdb.VARCHAR]
  }
}
