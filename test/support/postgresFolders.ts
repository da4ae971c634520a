/** Folders that may hold PostgreSQL's server programs. Debian keeps them out of PATH, by version; the newest comes first. */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"

const debian = "/usr/lib/postgresql"

export const postgresFolders = (): ReadonlyArray<string> =>
  existsSync(debian)
    ? readdirSync(debian)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => join(debian, version, "bin"))
    : []
