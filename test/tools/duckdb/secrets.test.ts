/** `auth` of a duckdb command: its credentials as DuckDB's secrets, for as long as the command runs. */
import { assert, describe, layer as testLayer } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import type { Credential, ResolvedAuth } from "../../../src/domain/Credential.ts"
import { isObject, type JsonObject } from "../../../src/domain/Json.ts"
import type { ToolResult } from "../../../src/domain/ToolResult.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { Databases } from "../../../src/tools/duckdb/Databases.ts"
import { defaults, DuckdbOptions, type DuckdbSettings } from "../../../src/tools/duckdb/DuckdbOptions.ts"
import { DuckdbTool } from "../../../src/tools/DuckdbTool.ts"
import type { Place } from "../../../src/tools/duckdb/openDatabase.ts"
import { ScriptSource } from "../../../src/tools/python/ScriptSource.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { duckdbExtension } from "../../support/peers.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { serverOfFile } from "../../support/PostgresServer.ts"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "duckdb-secrets-")))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const toolbox = (more: Partial<DuckdbSettings>) =>
  Toolbox.layer(DuckdbTool).pipe(
    Layer.provide(DuckdbTool.layerNoDeps),
    Layer.provideMerge(Databases.layer),
    Layer.provide(ScriptSource.layer),
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(
      Layer.succeed(DuckdbOptions, {
        ...defaults(),
        allowedDirectories: [folder],
        memoryBytes: 400_000_000,
        ...more
      })
    )
  )
const credential = (name: string, type: string, data: JsonObject): Credential => ({
  name,
  type,
  data: Redacted.make(data)
})
const named = (...credentials: ReadonlyArray<Credential>): ResolvedAuth => ({
  primary: credentials.length === 1 ? credentials[0] : undefined,
  named: new Map(credentials.map((one) => [one.name, one]))
})
const duckdb = (config: JsonObject, auth?: ResolvedAuth) =>
  runTool(aCall("duckdb", { database: ":memory:", ...config }, auth === undefined ? {} : { auth }))
const dataOf = ({ data }: ToolResult): JsonObject => (data !== undefined && isObject(data) ? data : {})
const rowsOf = (result: ToolResult) => {
  assert.strictEqual(result.status, "success", result.error?.message)
  return dataOf(result)["rows"] as unknown
}
const keys = { key_id: "AKIA", secret: "s3cret-key" }

testLayer(toolbox({}), { excludeTestServices: true })("DuckdbTool, without extensions", (it) => {
  it.effect.each([
    ["postgres", "postgres_scanner", { db_host: "h", db_password: "s3cret-key" }],
    ["s3", "httpfs", keys],
    ["gcs", "httpfs", keys],
    ["hmac", "httpfs", keys]
  ] as const)(
    "says that a secret of type %s needs an extension, before anything runs",
    ([type, extension, data]) =>
      Effect.gen(function* () {
        const database = join(folder, `${type}.duckdb`)
        const exit = yield* Effect.exit(
          duckdb({ database, query: "CREATE TABLE t (i int)" }, named(credential("store", type, data)))
        )
        const said = Exit.isFailure(exit) ? String(exit.cause) : "it ran"
        assert.include(said, `auth.store`)
        assert.include(said, `needs DuckDB's extension ${extension}`)
        assert.notInclude(said, "s3cret-key")
        const tables = yield* duckdb({ database, query: "FROM duckdb_tables()" })
        assert.deepStrictEqual(rowsOf(tables), [])
      })
  )

  it.effect("leaves credentials that make no secret to templates", () =>
    Effect.gen(function* () {
      const result = yield* duckdb(
        { query: "FROM duckdb_secrets()" },
        named(credential("api", "bearer", { token: "s3cret-key" }))
      )
      assert.deepStrictEqual(rowsOf(result), [])
    })
  )

  it.effect("takes away from a shared file what a command attached, and lets others in one at a time", () =>
    Effect.gen(function* () {
      const database = join(folder, "shared.duckdb")
      const other = join(folder, "other.duckdb")
      yield* duckdb({ database: other, query: "CREATE TABLE t AS SELECT 7 AS i" })
      const results = yield* Effect.forEach(
        [1, 2, 3, 4],
        () => duckdb({ database, query: `ATTACH '${other}' AS o; FROM o.t` }),
        { concurrency: "unbounded" }
      )
      for (const result of results) assert.deepStrictEqual(rowsOf(result), [{ i: 7 }])
      const found = yield* duckdb({
        database,
        query: "SELECT database_name AS n FROM duckdb_databases() WHERE NOT internal"
      })
      assert.deepStrictEqual(rowsOf(found), [{ n: "shared" }])
    })
  )

  it.effect("lets nobody pass who comes after one that wants a file for itself", () =>
    Effect.gen(function* () {
      const databases = yield* Databases
      const place = { _tag: "File", path: join(folder, "busy.duckdb") } as const
      const order: Array<string> = []
      const use = (name: string, alone: boolean) =>
        Effect.forkChild(
          Effect.scoped(
            Effect.andThen(
              databases.session(place, "duckdb", alone),
              Effect.sync(() => order.push(name))
            )
          ),
          { startImmediately: true }
        )
      const later = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* databases.session(place, "duckdb")
          const alone = yield* use("alone", true)
          const others = yield* Effect.forEach([1, 2, 3], () => use("other", false))
          // Time enough to pass, where passing is possible.
          yield* Effect.sleep("50 millis")
          return [alone, ...others]
        })
      )
      yield* Effect.forEach(later, (fiber) => Fiber.join(fiber))
      assert.deepStrictEqual(order, ["alone", "other", "other", "other"])
    })
  )

  it.effect("gives a scope a second connection while another waits for the file", () =>
    Effect.gen(function* () {
      const databases = yield* Databases
      const place = { _tag: "File", path: join(folder, "twice.duckdb") } as const
      const waiting = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* databases.session(place, "duckdb")
          const fiber = yield* Effect.forkDetach(Effect.scoped(databases.session(place, "duckdb", true)), {
            startImmediately: true
          })
          const second = databases
            .session(place, "duckdb")
            .pipe(
              Effect.as("second"),
              Effect.timeoutOrElse({ duration: "3 seconds", orElse: () => Effect.succeed("none") })
            )
          assert.strictEqual(yield* second, "second")
          return fiber
        })
      )
      yield* Fiber.join(waiting)
    })
  )

  it.effect("has two files in one order, so that none waits for another that waits for it", () =>
    Effect.gen(function* () {
      const databases = yield* Databases
      const [a, b] = ["a", "b"].map((name) => ({
        place: { _tag: "File", path: join(folder, `order-${name}.duckdb`) } as const,
        alone: true
      })) as [{ place: Place; alone: boolean }, { place: Place; alone: boolean }]
      const both = (wanted: ReadonlyArray<{ place: Place; alone: boolean }>) =>
        Effect.scoped(
          Effect.andThen(
            databases.reserve(wanted, "transfer"),
            Effect.forEach(wanted, ({ place }) => databases.session(place, "transfer", true))
          )
        )
      const rounds = Array.from({ length: 20 }, (_, i) => both(i % 2 === 0 ? [a, b] : [b, a]))
      const ended = yield* Effect.all(rounds, { concurrency: 8 }).pipe(
        Effect.as("ended"),
        Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.succeed("stuck") })
      )
      assert.strictEqual(ended, "ended")
    })
  )
})

const httpfs = duckdbExtension("httpfs")
const scanner = duckdbExtension("postgres_scanner")

/** What is asked of an object store, and a CSV for an answer. */
const store = Effect.acquireRelease(
  Effect.callback<{ readonly host: string; readonly asked: Array<string>; readonly close: () => void }>(
    (resume) => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`)
        response.setHeader("content-type", "text/csv")
        response.setHeader("content-length", 8)
        response.end(request.method === "HEAD" ? undefined : "a,b\n1,2\n")
      }).listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        const close = () => {
          server.closeAllConnections()
          server.close()
        }
        resume(Effect.succeed({ host: `127.0.0.1:${port}`, asked, close }))
      })
    }
  ),
  ({ close }) => Effect.sync(close)
)

describe.skipIf(httpfs === undefined)("DuckdbTool, with httpfs", () => {
  testLayer(toolbox({ extensions: [httpfs ?? ""], allowedDirectories: [folder, "s3://bucket/"] }), {
    excludeTestServices: true
  })((it) => {
    it.effect("signs requests for an object store with the alias's credential, where it may go there", () =>
      Effect.gen(function* () {
        const { asked, host } = yield* store
        const auth = named(
          credential("lake'; --", "s3", {
            ...keys,
            region: "eu'west",
            endpoint: `http://${host}`,
            url_style: "path"
          })
        )
        assert.deepStrictEqual(rowsOf(yield* duckdb({ query: "FROM 's3://bucket/x.csv'" }, auth)), [
          { a: 1, b: 2 }
        ])
        assert.include(asked.at(-1), "GET /bucket/x.csv AWS4-HMAC-SHA256 Credential=AKIA/")
        assert.include(asked.at(-1), "eu'west")
        const outside = yield* duckdb({ query: "FROM 's3://elsewhere/x.csv'" }, auth)
        assert.strictEqual(outside.error?.code, "DUCKDB_PERMISSION")
        assert.notInclude(outside.error?.message ?? "", "s3cret-key")
      })
    )

    it.effect("shows no secret, and none is left for the next command", () =>
      Effect.gen(function* () {
        const database = join(folder, "secrets.duckdb")
        const query = "FROM duckdb_secrets()"
        const during = yield* duckdb(
          { database, query },
          named(credential("a", "gcs", keys), credential("b", "aws", { ...keys, scope: ["s3://bucket/"] }))
        )
        assert.deepStrictEqual(
          (rowsOf(during) as ReadonlyArray<JsonObject>).map(({ name, scope, type }) => [name, type, scope]),
          [
            ["a", "gcs", ["gcs://", "gs://"]],
            ["b", "s3", ["s3://bucket/"]]
          ]
        )
        assert.notInclude(JSON.stringify(during.data), "s3cret-key")
        const own = yield* duckdb({
          database,
          query: "CREATE SECRET c (TYPE s3, KEY_ID 'x', SECRET 'y'); FROM duckdb_secrets()"
        })
        assert.strictEqual((rowsOf(own) as ReadonlyArray<unknown>).length, 1)
        assert.deepStrictEqual(rowsOf(yield* duckdb({ database, query })), [])
      })
    )

    it.effect("names the field that is missing", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          duckdb({ query: "SELECT 1" }, named(credential("lake", "s3", { key_id: "AKIA", region: "eu" })))
        )
        assert.include(
          Exit.isFailure(exit) ? String(exit.cause) : "it ran",
          "a secret of type s3 needs secret"
        )
      })
    )
  })
})

describe.skipIf(scanner === undefined)("DuckdbTool, with the extension for PostgreSQL", () => {
  const server = serverOfFile()

  testLayer(toolbox({ extensions: [scanner ?? ""], externalAccess: true }), { excludeTestServices: true })(
    (it) => {
      it.effect("attaches a server by its alias, in both directions, and lets go of it", () =>
        Effect.gen(function* () {
          const {
            host,
            port,
            user,
            password,
            database: name
          } = server.current.settings as Record<string, string>
          const auth: ResolvedAuth = {
            primary: credential("pg_local", "postgres", {
              db_host: host ?? "",
              db_port: String(port),
              db_user: user ?? "",
              db_password: password ?? "",
              db_name: name ?? ""
            }),
            named: new Map()
          }
          yield* server.current.query("CREATE TABLE shop AS SELECT 1 AS id, 12.50::numeric(8,2) AS total")
          const database = join(folder, "attached.duckdb")
          const before = yield* server.current.connections
          const result = yield* duckdb(
            {
              database,
              query: `ATTACH '' AS pg (TYPE postgres, SECRET pg_local);
                    INSERT INTO pg.shop VALUES (2, 7);
                    CREATE TABLE mine AS FROM pg.shop;
                    FROM mine ORDER BY id`
            },
            auth
          )
          assert.deepStrictEqual(rowsOf(result), [
            { id: 1, total: "12.50" },
            { id: 2, total: "7.00" }
          ])
          assert.strictEqual(yield* server.current.connections, before)
          const again = yield* duckdb({ database, query: "SELECT count(*) AS n FROM mine" })
          assert.deepStrictEqual(rowsOf(again), [{ n: 2 }])
          const gone = yield* duckdb({ database, query: "FROM pg.shop" })
          assert.include(gone.error?.message ?? "it is there", "does not exist")
        })
      )

      it.effect("never says the password of a server that refuses it", () =>
        Effect.gen(function* () {
          const { host, port } = server.current.settings as Record<string, string>
          const auth = named(
            credential("pg", "postgres", {
              host: host ?? "",
              port: port ?? "",
              user: "nobody",
              password: "s3cret-key"
            })
          )
          const { error } = yield* duckdb(
            { query: "ATTACH '' AS pg (TYPE postgres, SECRET pg); SELECT 1" },
            auth
          )
          assert.include(error?.message ?? "", "authentication failed")
          assert.notInclude(error?.message ?? "", "s3cret-key")
        })
      )
    }
  )
})
