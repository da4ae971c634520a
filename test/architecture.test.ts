import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/**
 * What each part of src may import besides itself: a folder means all of it, a file means that file. A part is named by its
 * folder, or by its file where a file is a door (`index.ts`). Every file belongs to the longest name that fits.
 */
const ports = [
  "control-plane/ControlPlane.ts",
  "journal/Journal.ts",
  "queue/Leases.ts",
  "queue/MessageQueue.ts",
  "telemetry/Metrics.ts",
  "telemetry/spans.ts",
  "telemetry/updater.ts",
  "WorkerConfig.ts"
]
const contract = ["tools/Coerced.ts", "tools/Rows.ts", "tools/Tool.ts"]
const basis = ["domain", "async"]

const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  async: ["domain"],
  nats: basis,
  google: basis,
  kubernetes: basis,
  secrets: basis,
  template: basis,
  telemetry: [...basis, "secrets"],
  "WorkerConfig.ts": [],

  "control-plane": basis,
  "control-plane/noetl": [...basis, "control-plane/ControlPlane.ts"],
  "control-plane/index.ts": ["control-plane"],
  queue: [...basis, "telemetry/Metrics.ts", "control-plane/ControlPlane.ts"],
  "queue/nats": [
    ...basis,
    "nats",
    "queue/MessageQueue.ts",
    "queue/Leases.ts",
    "queue/LeaseThread.ts",
    "queue/leaseLoop.ts"
  ],
  "queue/index.ts": ["queue"],
  journal: basis,
  results: [...basis, "nats"],
  credentials: [...basis, "google", "secrets", "control-plane/ControlPlane.ts"],

  tools: [...basis, "results", "control-plane/ControlPlane.ts", "telemetry/spans.ts", "tools"],
  "tools/breaker": basis,
  "tools/http": [...basis, ...contract, "tools/breaker"],
  "tools/process": [...basis, ...contract],
  "tools/python": [...basis, ...contract, "tools/http", "tools/process"],
  "tools/rhai": [...basis, ...contract],
  "tools/sql": [...basis, ...contract, "tools/breaker", "tools/python/ScriptSource.ts"],
  "tools/postgres": [
    ...basis,
    ...contract,
    "tools/credentialFields.ts",
    "tools/breaker",
    "tools/http/pem.ts",
    "tools/sql"
  ],
  "tools/duckdb": [...basis, ...contract, "tools/postgres/times.ts", "tools/sql"],
  "tools/snowflake": [...basis, ...contract, "tools/credentialFields.ts", "tools/breaker", "tools/sql"],
  "tools/script": [
    ...basis,
    ...contract,
    "control-plane/ControlPlane.ts",
    "google",
    "kubernetes",
    "tools/Slot.ts",
    "tools/StopReason.ts",
    "tools/http",
    "tools/process",
    "tools/python/ScriptSource.ts"
  ],
  "tools/transfer": [
    ...basis,
    ...contract,
    "tools/duckdb",
    "tools/http",
    "tools/postgres",
    "tools/snowflake",
    "tools/sql"
  ],

  job: [...basis, ...ports, "results", "secrets", "tools/Slot.ts", "tools/StopReason.ts", "job/pipeline"],
  "job/pipeline": [
    ...basis,
    ...ports,
    ...contract,
    "credentials",
    "results",
    "secrets",
    "template",
    "tools/Slot.ts",
    "tools/Toolbox.ts"
  ],
  worker: [...basis, ...ports, "job", "secrets/Redactor.ts", "tools/Toolbox.ts"],
  "worker/plugins": ["kubernetes", "worker"],
  http: [...ports, "worker"],

  config: [
    ...basis,
    ...ports,
    "control-plane",
    "credentials",
    "google",
    "http",
    "job/pipeline",
    "journal",
    "nats",
    "queue",
    "results",
    "tools",
    "worker"
  ],
  doctor: ["domain", "config"],
  testing: [
    ...basis,
    ...ports,
    "control-plane",
    "credentials",
    "job/pipeline",
    "queue",
    "results",
    "secrets",
    "template",
    "tools",
    "worker"
  ],
  "testing/suites": [
    ...basis,
    ...ports,
    "testing/aCommand.ts",
    "tools/Tool.ts",
    "tools/Toolbox.ts",
    "worker/Capacity.ts"
  ],
  "testing/index.ts": ["testing", "control-plane", "queue"],
  cli: [
    ...basis,
    "config",
    "control-plane",
    "doctor",
    "job/pipeline",
    "journal",
    "nats",
    "queue",
    "results",
    "secrets",
    "telemetry",
    "tools",
    "worker"
  ],
  "index.ts": [...basis, ...ports, "tools", "worker"],
  "main.ts": ["cli"],
  "launch.ts": []
}

/** Why a test file is long: one world that takes a page to build, and all that is true in it. */
const longTests: Readonly<Record<string, string>> = {
  "test/tools/TransferTool.test.ts": "every pair of ends over one set of databases that are started once",
  "test/tools/PostgresTool.test.ts": "one server that is started once",
  "test/tools/PythonTool.test.ts": "each sentence twice, with a process each and with warm ones",
  "test/tools/HttpTool.test.ts": "one stub server with all its routes",
  "test/tools/DuckdbTool.test.ts": "one world of databases and allowed folders",
  "test/tools/SnowflakeTool.test.ts": "one server of the wire protocol with its answers",
  "test/tools/duckdb/secrets.test.ts": "one object store with its checks",
  "test/tools/script/ScriptTool.test.ts": "one cluster with its clock",
  "test/control-plane/NoetlControlPlane.test.ts": "one server with its ways to fail",
  "test/worker/Worker.test.ts": "the worker's promises in the order of a command's life",
  "test/worker/outages.test.ts": "one world and every neighbour away",
  "test/template/Template.test.ts": "a table of templates with their values",
  "test/doctor/doctor.test.ts": "a table of faults with their cures",
  "test/credentials/Credentials.test.ts": "one control plane and every shape of auth",
  "test/job/pipelineRules.test.ts": "a table of rules",
  "test/rhai/work.test.ts": "a table of all natives and operators",
  "test/support/SnowflakeServer.ts": "a server of the wire protocol"
}

const files = globSync("src/**/*.ts")
const pathOf = (file: string) => file.replace(/^src\//, "")
const isIn = (path: string, part: string) => path === part || path.startsWith(`${part}/`)

/** The part that a file belongs to. */
const partOf = (file: string): string | undefined =>
  Object.keys(allowed)
    .filter((part) => isIn(pathOf(file), part))
    .toSorted((a, b) => b.length - a.length)[0]

/** Files that a file names in an import, an export, an `import()` or the URL of a thread's entry. */
const importsOf = (file: string) =>
  [
    ...readFileSync(file, "utf8").matchAll(
      /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"|import\.meta\.url\.endsWith\("\.ts"\) \? "(\.[^"]+)"/g
    )
  ]
    .map(([, path, entry]) => join(dirname(file), path ?? entry ?? ""))
    .filter((path) => path.startsWith("src/"))

/** What a file imports although its part may not. */
const breachesOf = (file: string): ReadonlyArray<string> => {
  const part = partOf(file)
  if (part === undefined) return [`${file} belongs to no part`]
  const below = allowed[part] ?? []
  return importsOf(file)
    .filter((path) => partOf(path) !== part && !below.some((ok) => isIn(pathOf(path), ok)))
    .map((path) => `${file} imports ${pathOf(path)}`)
}

describe("The architecture", () => {
  it.each(Object.keys(allowed))("%s imports only what is below it", (part) => {
    const own = files.filter((file) => partOf(file) === part)
    assert.isNotEmpty(own)
    assert.deepStrictEqual(own.flatMap(breachesOf), [])
  })

  it("every file has a part", () => {
    assert.deepStrictEqual(
      files.filter((file) => partOf(file) === undefined),
      []
    )
  })

  it("no two parts import each other, but a tool's class and its folder", () => {
    const pairs = new Set(
      files.flatMap((file) => importsOf(file).map((path) => `${partOf(file)} ${partOf(path)}`))
    )
    const circles = [...pairs].filter((pair) => {
      const [a = "", b = ""] = pair.split(" ")
      return a < b && pairs.has(`${b} ${a}`) && !(a === "tools" && b.startsWith("tools/"))
    })
    assert.deepStrictEqual(circles, [])
  })

  it("no backend is imported but by its folder's index, the wiring and what is made for tests", () => {
    const backends =
      /^src\/(queue\/(nats\/Nats|Memory)Queue|control-plane\/(MemoryControlPlane|noetl\/NoetlControlPlane))\.ts$/
    const may = /^src\/(config|cli|testing)\/|^src\/(queue|control-plane)\/index\.ts$/
    const wrong = files
      .filter((file) => !may.test(file) && !backends.test(file))
      .filter((file) => importsOf(file).some((path) => backends.test(path)))
    assert.deepStrictEqual(wrong, [])
  })

  it("the package's main door loads no driver", () => {
    const seen = new Set<string>()
    const drivers: Array<string> = []
    const visit = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      for (const [, name] of readFileSync(file, "utf8").matchAll(
        /^(?:import|export) (?!type\b)[^"]*from "([^".][^"]*)"/gm
      )) {
        if (name !== "effect" && !name?.startsWith("effect/") && !name?.startsWith("node:"))
          drivers.push(`${file}: ${name}`)
      }
      for (const [, path] of readFileSync(file, "utf8").matchAll(
        /^(?:import|export) (?!type\b)[^"]*from "(\.[^"]+)"/gm
      )) {
        visit(join(dirname(file), path ?? ""))
      }
    }
    visit("src/index.ts")
    assert.deepStrictEqual(
      drivers.filter((line) => !/: (lossless-json|yaml)$/.test(line)),
      []
    )
  })

  it("no file has more than 300 lines", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 301)
    assert.deepStrictEqual(long, [])
  })

  it("no test file has more than 300 lines without a reason", () => {
    const long = globSync("{test,bench,scripts}/**/*.ts")
      .filter((file) => readFileSync(file, "utf8").split("\n").length > 301)
      .filter((file) => longTests[file] === undefined)
    assert.deepStrictEqual(long, [])
  })

  it("comments name who acts: no pronoun stands for a worker, a caller or a server", () => {
    const vague = /\b(nobody|whoever|somebody|everybody|anybody|in hand|lapsed?|deadly|what is none)\b/i
    const wrong = files.flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          /^\s*(\/\*\*|\*|\/\/)/.test(line) && vague.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []
        )
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("time is Clock's, chance is Random's, and no type is any, but where a comment says why", () => {
    const banned =
      /\bas any\b|: any\b|@ts-ignore|@ts-nocheck|Date\.now\(|Math\.random\(|\beval\(|new Function\(/
    const wrong = files.flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => banned.test(line.replace(/\/\/.*|^\s*\*.*|"[^"]*"|`[^`]*`/g, "")))
        .map((line) => `${file}: ${line.trim()}`)
    )
    assert.deepStrictEqual(wrong, [])
  })
})
