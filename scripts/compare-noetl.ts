/**
 * Runs the playbooks of test/fixtures/noetl through a running NoETL server with this worker. Each must end, and give the values,
 * as expected.yaml says, and leave the events that the server's own worker left (recorded.json, for some).
 *
 *   NOETL_SERVER_URL=… NATS_URL=… npm run compare -- [--recorded 2.10.0] [--only hello_world,loop_test] [--seconds 60]
 *     [--program dist/main.js] [--no-worker] [--save FILE] [--theirs FILE]
 *   npm run compare -- --table FILE [--docs FILE]   only prints the table of what was saved, or puts it between the marks of a document
 *
 * The worker is started from the sources unless --no-worker says that one is running. COMPARE_DATABASE_URL is a PostgreSQL database
 * whose schemas are DROPPED before each playbook; without it, playbooks that need one find the credentials of the server.
 * --save writes what was found, into a file that may have other playbooks already; --theirs reads such a file of the server's own worker and prints the table of docs/compatibility.md.
 *
 * Ends with 1 when a playbook ends otherwise than with theirs, or gives less of what is expected, and `meant` does not say why.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { parse as parseYaml } from "yaml"
import * as database from "./compare/database.ts"
import { differences, recorded, stepsOf } from "./compare/events.ts"
import { check, expected } from "./compare/expected.ts"
import { intoDocs, printRow, type Seen, tableOf } from "./compare/report.ts"
import { call, ended, eventsOf, quiet, register, wordsOf } from "./compare/server.ts"
import { startStub } from "./compare/stub.ts"
import { startWorker } from "./compare/worker.ts"

const { values } = parseArgs({
  options: {
    recorded: { type: "string", default: "2.10.0" },
    only: { type: "string" },
    "no-worker": { type: "boolean", default: false },
    program: { type: "string", default: "src/main.ts" },
    seconds: { type: "string", default: "60" },
    save: { type: "string" },
    table: { type: "string" },
    docs: { type: "string" },
    theirs: { type: "string", default: "test/fixtures/noetl/theirs-2.10.0.json" }
  }
})

const meant = parseYaml(readFileSync("test/fixtures/noetl/meant.yaml", "utf8")) as Readonly<
  Record<string, string>
>
const theirs = values["no-worker"]
  ? {}
  : (JSON.parse(readFileSync(values.theirs, "utf8")) as Readonly<Record<string, Seen>>)

if (values.table !== undefined) {
  const ours = JSON.parse(readFileSync(values.table, "utf8")) as Readonly<Record<string, Seen>>
  const { text } = tableOf(ours, theirs, meant)
  console.log(text)
  if (values.docs !== undefined)
    writeFileSync(values.docs, intoDocs(readFileSync(values.docs, "utf8"), text, ours, theirs))
  process.exit(0)
}

const stub = await startStub()
await database.registerCredentials()
const worker = values["no-worker"] ? undefined : await startWorker(values.program)

const playbook = (name: string): string =>
  Object.entries({ STUB: stub.url, ...database.parts() }).reduce(
    (text, [key, value]) => text.replaceAll(`$${key}`, value),
    readFileSync(`test/fixtures/noetl/python2/${name}.yaml`, "utf8")
  )

const runOne = async (name: string): Promise<Seen> => {
  const wanted = expected[name]
  if (wanted === undefined) throw new Error(`expected.yaml says nothing of ${name}`)
  if (wanted.fresh !== false) await database.empty(wanted.setup)
  for (const child of wanted.children ?? []) await register(playbook(child))
  const yaml = playbook(name)
  await register(yaml)
  await stub.forget()
  const { path } = (parseYaml(yaml) as { readonly metadata: { readonly path: string } }).metadata
  const started = await call("/api/execute", { path, payload: wanted.payload ?? {} })
  const id = String(started["execution_id"])
  const end = await ended(id, Number(values.seconds))
  await quiet(id, 20)
  const { variables } = await call(`/api/executions/${id}/status`)
  const events = await eventsOf(id)
  const run = {
    id,
    variables: (variables ?? {}) as Readonly<Record<string, unknown>>,
    events,
    rows: database.rowsOf,
    requests: await stub.requests(),
    counters: stub.counters
  }
  const record = recorded[name]?.[values.recorded]
  return {
    status: wordsOf(end),
    checks: await check(wanted, run),
    ...(record === undefined ? {} : { events: differences(stepsOf(events), record.steps) })
  }
}

/** A server that does not take the playbook says why. */
const asError = (cause: unknown): Seen => ({
  status: "refused",
  checks: [
    {
      what: "it runs",
      ok: false,
      found: (cause instanceof Error ? cause.message : String(cause)).slice(0, 300)
    }
  ]
})

const names = Object.keys(expected).filter(
  (name) => values.only === undefined || values.only.split(",").includes(name)
)
const seen: Record<string, Seen> = {}
try {
  for (const name of names) {
    const one = await runOne(name).catch(asError)
    seen[name] = one
    printRow(name, one, theirs[name], meant[name])
  }
} finally {
  worker?.stop()
  stub.stop()
}
if (values.save !== undefined) {
  const before = existsSync(values.save) ? (JSON.parse(readFileSync(values.save, "utf8")) as typeof seen) : {}
  writeFileSync(values.save, `${JSON.stringify({ ...before, ...seen }, undefined, 1)}\n`)
}
if (!values["no-worker"]) {
  const { text, otherwise } = tableOf(seen, theirs, meant)
  console.log(`\n${text}`)
  process.exitCode = otherwise === 0 ? 0 : 1
}
