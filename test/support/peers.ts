/**
 * Strangers that some tests run against, from PyPI: `scripts/peers.ts` puts them there where pip can. Without them
 * those tests are skipped, and reported so.
 */
import { existsSync, globSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const peersFolder = fileURLToPath(
  new URL("../../node_modules/.cache/noetl-worker-peers/", import.meta.url)
)

/** fakesnow, a stranger's idea of Snowflake's protocol: a folder for PYTHONPATH. */
export const fakesnowFolder = `${peersFolder}fakesnow`
export const hasFakesnow = existsSync(`${fakesnowFolder}/fakesnow`)

/** DuckDB's own extensions, signed by its makers, by their names. */
export const duckdbFolder = `${peersFolder}duckdb`
export const duckdbExtension = (name: string): string | undefined =>
  globSync(`${duckdbFolder}/*/extensions/*/${name}.duckdb_extension`)[0]

/** Drivers of PostgreSQL for Python, for playbooks that connect by themselves: a folder for PYTHONPATH. */
export const psycopgFolder = `${peersFolder}psycopg`
export const hasPsycopg = existsSync(`${psycopgFolder}/psycopg2`)
