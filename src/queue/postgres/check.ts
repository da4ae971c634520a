/** The jobs' database: reached, writable, with a schema that fits, rights, a clock, and notifications. It changes nothing. */
import { Clock, Effect } from "effect"
import { type Check, type Finding, ok, problem, warning } from "../../domain/Finding.ts"
import { shownUrl } from "../../domain/shownUrl.ts"
import type { DatabaseSettings } from "../../postgres/clientOptions.ts"
import { Database, type DatabaseError, type Row } from "../../postgres/Database.ts"
import { pushArrives } from "./listen.ts"
import { versionOf } from "./migrate.ts"
import { calledFunctions, protocol, steps, tableRights } from "./schema/index.ts"

const about = "database"

export const check =
  (settings: DatabaseSettings): Check =>
  (now) =>
    examine(now).pipe(
      Effect.catchTag("DatabaseError", (error) => Effect.succeed([unreached(error)])),
      Effect.provide(Database.layer({ ...settings, maxConnections: 2 })),
      Effect.scoped
    )

const examine = Effect.fnUntraced(function* (now: number) {
  const database = yield* Database
  const before = yield* Clock.currentTimeMillis
  const [row = {}] = yield* database.query(
    "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS replica, current_user AS role, " +
      "current_setting('server_version_num')::integer AS number, " +
      "(extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now"
  )
  const took = (yield* Clock.currentTimeMillis) - before
  const version = yield* versionOf
  return [
    ok(about, `${shownUrl(database.address)} answers as PostgreSQL ${String(row["version"])}`),
    ...serverFindings(row, now, took),
    yield* schemaFinding(version),
    ...(version === 0 ? [] : yield* rightsFindings(String(row["role"]))),
    yield* pushFinding
  ]
})

const serverFindings = (row: Row, now: number, took: number): ReadonlyArray<Finding> => {
  const apart = Math.abs(Number(row["now"]) - now) / 1000
  return [
    ...(Number(row["number"]) < 130_000
      ? [problem(about, "the server is older than PostgreSQL 13", "use PostgreSQL 13 or newer")]
      : []),
    ...(row["replica"] === true
      ? [problem(about, "the server is a replica that only reads", "point DATABASE_URL at the primary")]
      : []),
    apart > 5 + took / 1000
      ? warning(
          "clock",
          `this machine and the database differ by ${apart.toFixed(0)} s`,
          "keep both clocks with NTP; leases and delays count by the database's clock alone, times in logs do not"
        )
      : ok("clock", `the database's clock is ours within ${Math.ceil(apart)} s`)
  ]
}

const schemaFinding = Effect.fnUntraced(function* (version: number) {
  const { query } = yield* Database
  if (version < steps.length)
    return problem(
      "schema",
      version === 0 ? "there are no tables of jobs" : `the schema has version ${version} of ${steps.length}`,
      "run noetl-worker queue migrate as the owner of the database"
    )
  const [row] = yield* query("SELECT oldest_worker FROM worker_schema")
  const oldest = Number(row?.["oldest_worker"] ?? 0)
  return oldest > protocol
    ? problem(
        "schema",
        `the schema asks for workers of version ${oldest}, and this one has ${protocol}`,
        "run a newer worker"
      )
    : ok("schema", `version ${version}`)
})

const rightsFindings = Effect.fnUntraced(function* (role: string) {
  const missing = yield* (yield* Database).query(
    "SELECT r.relation || ' ' || p.privilege AS what FROM unnest($1::text[]) r(relation), " +
      "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p(privilege) " +
      "WHERE p.privilege = ANY (string_to_array(split_part(r.relation, ':', 2), ',')) " +
      "AND NOT has_table_privilege(split_part(r.relation, ':', 1), p.privilege) UNION ALL " +
      "SELECT p.oid::regprocedure || ' EXECUTE' FROM pg_proc p WHERE p.proname = ANY ($2::text[]) " +
      "AND NOT has_function_privilege(p.oid, 'EXECUTE')",
    [tableRights, calledFunctions]
  )
  return missing.length === 0
    ? [ok("rights", `the role ${role} may do what a worker does`)]
    : [
        problem(
          "rights",
          `the role ${role} lacks ${missing.map(({ what }) => String(what).replace(/:\S+/, "")).join(", ")}`,
          "grant what docs/postgres-permissions.md lists"
        )
      ]
})

const pushFinding = Effect.gen(function* () {
  const arrives = yield* pushArrives
  return arrives
    ? ok("notifications", "LISTEN and NOTIFY work: jobs are pushed")
    : warning(
        "notifications",
        "a notification does not arrive: a pooler in transaction mode is between",
        "nothing, where a job may wait for one poll interval; else connect past the pooler"
      )
}).pipe(Effect.scoped)

const unreached = (error: DatabaseError): Finding => {
  const cause = error.message
  switch (error.code) {
    case "28P01":
    case "28000":
      return problem(
        about,
        `the server refuses this user (${cause})`,
        "correct user and password in DATABASE_URL, or pg_hba.conf"
      )
    case "3D000":
      return problem(about, `there is no such database (${cause})`, "create it, or correct DATABASE_URL")
    case "42501":
      return problem("rights", cause, "grant what docs/postgres-permissions.md lists")
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return problem(about, `the host is not known (${cause})`, "correct DATABASE_URL, or the cluster's DNS")
    default:
      return /ssl|tls|certificate|issuer|self.signed/i.test(cause)
        ? problem(about, `no TLS with the server (${cause})`, "set sslmode and sslrootcert in DATABASE_URL")
        : problem(
            about,
            `the server cannot be reached (${cause})`,
            "start PostgreSQL, correct DATABASE_URL, or open the network between"
          )
  }
}
