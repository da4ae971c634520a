/**
 * Fetches what some tests run against from PyPI, once: fakesnow and two of DuckDB's extensions. Where that cannot be
 * done this says so, and those tests are skipped.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { duckdbFolder, fakesnowFolder, peersFolder, psycopgFolder } from "../test/support/peers.ts"

const python = process.env["PYTHON_PATH"] ?? "python3"

/** Extensions fit one version of DuckDB only. */
const duckdbVersion = (): string => {
  const file = new URL("../node_modules/@duckdb/node-api/package.json", import.meta.url)
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }
  return version.replace(/-.*$/, "")
}

const fetchOnce = (folder: string, packages: ReadonlyArray<string>): void => {
  if (existsSync(folder)) return
  const half = `${folder}.${process.pid}`
  const ended = spawnSync(
    python,
    [
      "-m",
      "pip",
      "install",
      "-q",
      "--disable-pip-version-check",
      "--root-user-action=ignore",
      "--only-binary=:all:",
      "--target",
      half,
      ...packages
    ],
    { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8", timeout: 180_000 }
  )
  if (ended.status === 0) renameSync(half, folder)
  else {
    rmSync(half, { recursive: true, force: true })
    const why = ended.error?.message ?? ended.stderr.trim().split("\n").at(-1) ?? ""
    console.error(`peers: ${packages.join(", ")}: not there, so their tests are skipped: ${why}`)
  }
}

mkdirSync(peersFolder, { recursive: true })
const version = duckdbVersion()
fetchOnce(duckdbFolder, [
  "--no-deps",
  `duckdb-extension-httpfs==${version}`,
  `duckdb-extension-postgres-scanner==${version}`
])
// Its newest version imports what its own newest driver no longer has.
fetchOnce(fakesnowFolder, ["fakesnow[server]==0.12.1", "snowflake-connector-python==3.18.1", "duckdb==2.0.1"])
// What some playbooks of the fixtures connect with.
fetchOnce(psycopgFolder, ["psycopg2-binary==2.9.13", "psycopg[binary]==3.3.9"])
