/** Every playbook of the fixtures gives what it must, with a database and a web server of the test's own. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parse } from "yaml"
import type { Json } from "../../src/domain/Json.ts"
import { within } from "../../src/local/expectations/check.ts"
import { type Expectation, read } from "../../src/local/expectations/Expectation.ts"
import { runOne } from "../../src/local/expectations/runFolder.ts"
import { base, quietly, settings } from "../support/localRuns.ts"
import { hasPsycopg, psycopgFolder } from "../support/peers.ts"
import { serverOfFile } from "../support/PostgresServer.ts"

interface Around {
  readonly class: string
  readonly fresh?: boolean
  readonly setup?: string
  readonly tables?: Readonly<Record<string, Json>>
  readonly requests?: Readonly<Record<string, number>>
  readonly counters?: Readonly<Record<string, Json>>
}

const folder = resolve("test/fixtures/playbooks")
const text = readFileSync(join(folder, "expectations.yaml"), "utf8")
const found = read("expectations.yaml", text)
if (found._tag === "Failure") throw new Error(found.failure.join("\n"))
const world = parse(readFileSync(join(folder, "world.yaml"), "utf8")) as Readonly<Record<string, Around>>

/** What connects by itself, with a driver that Python does not bring. */
const needsDriver = /test_pagination_pipeline(_v2)?\.yaml|http_to_postgres_bulk_python/

describe("Every playbook of the fixtures", () => {
  const database = serverOfFile()
  const scratch = mkdtempSync(join(tmpdir(), "noetl-fixtures-"))
  const before = process.cwd()
  let stub: { readonly child: ChildProcess; readonly url: string } | undefined

  beforeAll(async () => {
    const child = spawn(process.execPath, ["test/fixtures/http-stub.mjs", "0"], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    const [hello] = (await once(child.stdout, "data")) as [Buffer]
    stub = { child, url: (JSON.parse(hello.toString()) as { url: string }).url }
    // Two playbooks read scripts by a path from here.
    process.chdir("test")
  })
  afterAll(() => {
    process.chdir(before)
    stub?.child.kill()
    rmSync(scratch, { recursive: true, force: true })
  })

  const url = () => stub?.url ?? ""

  const empty = Effect.fnUntraced(function* (setup: string | undefined) {
    const { query } = database.current
    const names = yield* query(
      "SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    )
    for (const { name } of names) yield* query(`DROP SCHEMA ${String(name)} CASCADE`)
    yield* query("CREATE SCHEMA public")
    if (setup !== undefined) yield* query(setup)
  })

  const forget = Effect.promise(async () => {
    await fetch(`${url()}/api/v1/flaky/reset`, { method: "POST" })
    await fetch(`${url()}/api/v1/concurrency/reset`, { method: "POST" })
    await fetch(`${url()}/__requests`, { method: "DELETE" })
  })

  const credentials = () => {
    const { database: db_name, host, password, port, user } = database.current.settings
    const data = { db_host: host, db_port: port, db_user: user, db_password: password, db_name }
    const file = join(scratch, "credentials.json")
    const names = ["pg_local", "pg_k8s", "pg_auth", "pg_noetl_k8s", "pg_trade", "test_postgres"]
    writeFileSync(
      file,
      JSON.stringify(Object.fromEntries(names.map((name) => [name, { type: "postgres", data }])))
    )
    return file
  }

  /** One address is fixed in a file: a copy of it asks the stub. */
  const placed = (wanted: Expectation): readonly [string, Expectation] => {
    const written = readFileSync(join(folder, wanted.playbook), "utf8")
    if (!written.includes("https://httpbin.org/post")) return [folder, wanted]
    writeFileSync(join(scratch, "copy.yaml"), written.replaceAll("https://httpbin.org", url()))
    return [scratch, { ...wanted, playbook: "copy.yaml" }]
  }

  const variables = () => {
    const { database: name, host, password, port, user } = database.current.settings
    return {
      STUB_URL: url(),
      PG_HOST: String(host),
      PG_PORT: String(port),
      PG_USER: String(user),
      PG_PASSWORD: String(password),
      PG_DATABASE: String(name)
    }
  }

  const asked = async (request: string): Promise<number> => {
    const [method = "", target = ""] = request.split(" ")
    const wanted = new URL(target, url())
    const { requests } = (await (await fetch(`${url()}/__requests`)).json()) as {
      requests: ReadonlyArray<{ method: string; path: string; query: Record<string, string>; count: number }>
    }
    return requests
      .filter((one) => one.method === method && one.path === wanted.pathname)
      .filter((one) => [...wanted.searchParams].every(([key, value]) => one.query[key] === value))
      .reduce((sum, { count }) => sum + count, 0)
  }

  it.live.each(
    found.success
      .filter(({ playbook }) => hasPsycopg || !needsDriver.test(playbook))
      .map((wanted) => [wanted.name ?? wanted.playbook, wanted] as const)
  )(
    "%s",
    ([name, wanted]) =>
      Effect.gen(function* () {
        const around = world[name] ?? { class: "N" }
        if (around.fresh !== false) yield* empty(around.setup)
        yield* forget
        const [place, placedHere] = placed(wanted)
        const env = needsDriver.test(wanted.playbook)
          ? { PYTHONPATH: psycopgFolder, WORKER_PASS_ENV: "PYTHONPATH" }
          : {}
        Object.assign(process.env, env)
        const verdict = yield* runOne(
          place,
          placedHere,
          base({ catalogs: [folder], credentialsFile: credentials(), values: settings(env) }),
          variables()
        )
        assert.deepStrictEqual(
          verdict.checks.filter(({ ok }) => !ok),
          []
        )
        for (const [sql, rows] of Object.entries(around.tables ?? {})) {
          const got = yield* database.current.query(
            sql.replaceAll("execution_id::text = '$EXECUTION'", "true")
          )
          assert.isTrue(
            within(rows, got.map((row) => Object.values(row)) as Json),
            `${sql}: ${JSON.stringify(got)}`
          )
        }
        for (const [request, times] of Object.entries(around.requests ?? {}))
          assert.strictEqual(yield* Effect.promise(() => asked(request)), times, request)
        for (const [path, value] of Object.entries(around.counters ?? {}))
          assert.isTrue(
            within(
              value,
              (yield* Effect.promise(async () => (await fetch(`${url()}${path}`)).json())) as Json
            ),
            path
          )
      }).pipe(quietly),
    60_000
  )
})
