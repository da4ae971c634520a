/**
 * Runs the playbooks of test/fixtures/noetl through a running NoETL server with this worker, and holds the events of each
 * step against those that the server's own worker left (recorded.json).
 *
 *   NOETL_SERVER_URL=… NATS_URL=… npm run compare -- [--recorded 2.10.0] [--only hello_world,loop_test] [--no-worker]
 *
 * The worker is started from the sources unless --no-worker says that one is running. Ends with 1 when a playbook ends
 * otherwise than recorded, or the events of a step differ, and `meant` below does not say why.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { parseArgs } from "node:util"
import { parse as parseYaml } from "yaml"

const { values } = parseArgs({
  options: {
    recorded: { type: "string", default: "2.10.0" },
    only: { type: "string" },
    "no-worker": { type: "boolean", default: false },
    seconds: { type: "string", default: "45" }
  }
})
const server = (process.env["NOETL_SERVER_URL"] ?? "http://localhost:8082").replace(/\/+$/, "")
const folder = "test/fixtures/noetl/python2"

interface Recorded {
  readonly failed: boolean
  readonly completed: boolean
  readonly steps: Readonly<Record<string, ReadonlyArray<string>>>
}
const recorded = JSON.parse(readFileSync("test/fixtures/noetl/recorded.json", "utf8")) as Record<
  string,
  Record<string, Recorded>
>

/** Playbooks that this worker ends otherwise on purpose, and why. */
const meant: Readonly<Record<string, string>> = {
  pagination_basic:
    "the server stores call.done and breaks on it (500). Theirs sends it three times; ours reads back, sees that the server stood still, and fails the run",
  control_flow_workbook: "2.10.42 ran the step after the join twice for theirs; here once",
  http_retry_503:
    "2.10.42 says completed of a run whose step failed for good, because it writes no playbook.failed for theirs; with ours it says failed",
  postgres_test:
    "theirs takes a `status: error` in the program's own data for a failure of the tool; ours does not read the author's data"
}

const call = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const response = await fetch(`${server}${path}`, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" }
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}: ${text.slice(0, 300)}`)
  // Ids are above 2^53: they are kept as text.
  return JSON.parse(text.replaceAll(/([:[,]\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"')) as Record<string, unknown>
}

const stub = spawn(process.execPath, ["test/fixtures/http-stub.mjs", "0"], {
  stdio: ["ignore", "pipe", "inherit"]
})
const [hello] = (await once(stub.stdout, "data")) as [Buffer]
const stubUrl = (JSON.parse(hello.toString()) as { readonly url: string }).url

const worker = values["no-worker"]
  ? undefined
  : spawn(process.execPath, ["src/main.ts"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        HEALTH_PORT: "0",
        LOG_FORMAT: "logfmt",
        WORKER_ID: process.env["WORKER_ID"] ?? "compare"
      }
    })
let log = ""
worker?.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()))
for (let i = 0; !values["no-worker"] && !log.includes("registered as"); i++) {
  if (i > 200) throw new Error(`the worker does not register:\n${log}`)
  await delay(100)
}
await delay(1000)

interface Row {
  readonly name: string
  readonly ours: string
  readonly theirs: string
  readonly differences: ReadonlyArray<string>
}

const runOne = async (name: string): Promise<Row> => {
  const yaml = readFileSync(`${folder}/${name}.yaml`, "utf8").replaceAll("$STUB", stubUrl)
  const { path } = (parseYaml(yaml) as { readonly metadata: { readonly path: string } }).metadata
  await call("/api/catalog/register", { content: yaml, resource_type: "Playbook" })
  const { execution_id: id } = await call("/api/execute", { path, payload: {} })
  const status = await ended(String(id))
  await delay(1500)
  const theirs = recorded[name]?.[values.recorded]
  return {
    name,
    ours: wordsOf(status),
    theirs: theirs === undefined ? "not recorded" : wordsOf({ ...theirs }),
    differences: theirs === undefined ? [] : differences(await stepsOf(String(id)), theirs.steps)
  }
}

const ended = async (id: string): Promise<Record<string, unknown>> => {
  const until = performance.now() + Number(values.seconds) * 1000
  for (;;) {
    const status = await call(`/api/executions/${id}/status`)
    // A guess of the server is believed at the end only.
    if ((status["completed"] === true || status["failed"] === true) && status["completion_inferred"] !== true)
      return status
    if (performance.now() > until) return status
    await delay(250)
  }
}

const stepsOf = async (id: string): Promise<Record<string, Array<string>>> => {
  const steps: Record<string, Array<[bigint, string]>> = {}
  for (let page = 1; ; page++) {
    const answer = await call(`/api/executions/${id}?page=${page}&page_size=100`)
    const events = answer["events"] as ReadonlyArray<Record<string, unknown>>
    for (const event of events) {
      const step = String(event["node_name"])
      ;(steps[step] ??= []).push([BigInt(String(event["event_id"])), String(event["event_type"])])
    }
    if ((answer["pagination"] as Record<string, unknown> | undefined)?.["has_next"] !== true) break
  }
  return Object.fromEntries(
    Object.entries(steps).map(([step, events]) => [
      step,
      events.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, type]) => type)
    ])
  )
}

/** Steps whose commands left other events than recorded. The order of different commands is the server's business. */
const differences = (
  ours: Readonly<Record<string, ReadonlyArray<string>>>,
  theirs: Readonly<Record<string, ReadonlyArray<string>>>
): ReadonlyArray<string> =>
  Object.entries(theirs).flatMap(([step, events]) => {
    const mine = ours[step]
    if (mine === undefined) return [`${step}: did not run; theirs left ${events.length} events`]
    const [a, b] = [workerEvents(mine), workerEvents(events)]
    return a === b ? [] : [`${step}:\n      ours   ${a}\n      theirs ${b}`]
  })

/** A batch is stored when the server comes to it, so its place among other events says nothing: only what is there. */
const workerEvents = (events: ReadonlyArray<string>): string =>
  events
    .filter((event) => event !== "command.issued" && !event.startsWith("batch."))
    .toSorted()
    .join(" ")

const wordsOf = (status: { readonly [key: string]: unknown }): string =>
  status["failed"] === true ? "failed" : status["completed"] === true ? "completed" : "not ended"

const names = readdirSync(folder)
  .map((file) => file.replace(/\.yaml$/, ""))
  .filter((name) => values.only === undefined || values.only.split(",").includes(name))
const rows: Array<Row> = []
try {
  for (const name of names) {
    try {
      rows.push(await runOne(name))
    } catch (cause) {
      rows.push({
        name,
        ours: cause instanceof Error ? cause.message : String(cause),
        theirs: "",
        differences: ["error"]
      })
    }
    const { differences: found, ours, theirs } = rows.at(-1) as Row
    console.log(
      `${name.padEnd(28)} ours: ${ours.padEnd(10)} theirs: ${theirs.padEnd(10)} ${found.length === 0 ? "events equal" : ""}`
    )
    if (found.length > 0 && meant[name] !== undefined) console.log(`    on purpose: ${meant[name]}`)
    else for (const line of found) console.log(`    ${line}`)
  }
} finally {
  worker?.kill("SIGTERM")
  stub.kill()
}
const different = rows.filter((row) => row.differences.length > 0 || row.ours !== row.theirs)
const bad = different.filter((row) => meant[row.name] === undefined)
console.log(
  `\n${rows.length - different.length} of ${rows.length} playbooks as recorded with the server's own worker of ` +
    `${values.recorded}, ${different.length - bad.length} otherwise on purpose, ${bad.length} otherwise`
)
process.exitCode = bad.length === 0 ? 0 : 1
