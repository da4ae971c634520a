/** Which database a playbook names. */
import { Effect } from "effect"
import { invalid, type ToolError } from "../../domain/ToolError.ts"
import type { Databases } from "./Databases.ts"
import type { Place } from "./openDatabase.ts"

/** Fails where SQL names a link that leads out of the allowed directories, or may write to one. */
export const checkLinks = (
  databases: Databases["Service"],
  place: Place,
  sql: { readonly text: string; readonly values?: ReadonlyArray<string>; readonly at: string },
  call: { readonly kind: string }
): Effect.Effect<void, ToolError> =>
  Effect.flatMap(databases.strayLink(place, sql.text, sql.values), (stray) =>
    stray === undefined
      ? Effect.void
      : Effect.fail(
          invalid(
            call,
            sql.at,
            `${JSON.stringify(stray)} is a link that leads out of the directories that DuckDB may use: ` +
              `${databases.directories.join(", ")} (NOETL_DUCKDB_ALLOW)`
          )
        )
  )

/** Where a playbook's `database` lies. */
export const placeOf = (
  databases: Databases["Service"],
  path: string | undefined,
  call: { readonly kind: string; readonly executionId: string },
  at: string
): Effect.Effect<Place, ToolError> => {
  if (path === undefined || path === "") return Effect.succeed({ _tag: "Execution", id: call.executionId })
  if (path === ":memory:") return Effect.succeed({ _tag: "Memory" })
  const file = databases.fileOf(path)
  return file === undefined
    ? Effect.fail(
        invalid(
          call,
          at,
          `${JSON.stringify(path)} lies outside of the directories that DuckDB may use: ` +
            `${databases.directories.join(", ") || "none"} (NOETL_DUCKDB_ALLOW)`
        )
      )
    : Effect.succeed({ _tag: "File", path: file })
}
