/** `noetl catalog list`: what is in folders. */
import { Effect } from "effect"
import { existsSync } from "node:fs"
import { delimiter } from "node:path"
import { stringify } from "../../domain/Json.ts"
import { entriesIn } from "../../local/catalog.ts"
import { UsageError } from "../errors.ts"
import { rows } from "../help.ts"
import { print } from "../print.ts"

/** Folders that were named, else those of the environment. */
export const foldersOf = (named: ReadonlyArray<string>): ReadonlyArray<string> =>
  named.length > 0
    ? named
    : (process.env["NOETL_CATALOG_PATH"] ?? "").split(delimiter).filter((part) => part !== "")

export const list = Effect.fnUntraced(function* (input: {
  readonly type: string
  readonly catalog: ReadonlyArray<string>
  readonly json: boolean
}) {
  const folders = foldersOf(input.catalog)
  if (folders.length === 0)
    return yield* new UsageError({
      message:
        "name a folder with --catalog DIR or in NOETL_CATALOG_PATH: the catalog of a server is not supported yet"
    })
  const missing = folders.find((folder) => !existsSync(folder))
  if (missing !== undefined) return yield* new UsageError({ message: `there is no folder ${missing}` })
  const kind = input.type.toLowerCase().replace(/s$/, "")
  const entries = entriesIn(folders).filter((entry) => entry.kind.toLowerCase() === kind)
  const text = input.json
    ? stringify(entries, 2)
    : entries.length === 0
      ? `no ${kind} in ${folders.join(", ")}`
      : rows(
          entries.map(({ file, path, version }) => [
            path,
            `${version === undefined ? "" : `${version}  `}${file}`
          ])
        ).join("\n")
  yield* print(`${text}\n`)
})
