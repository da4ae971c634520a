import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** What a folder of src may import besides itself. Ports and contracts are files, named with their folder. */
const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  async: ["domain"],
  nats: ["domain", "async"],
  google: ["domain"],
  kubernetes: ["domain"],
  secrets: ["domain"],
  template: ["domain"],
  telemetry: ["domain", "secrets"],
  "control-plane": ["domain", "async"],
  queue: ["domain", "async", "nats", "telemetry/Metrics.ts", "control-plane/ControlPlane.ts"],
  journal: ["domain", "async"],
  results: ["domain", "async", "nats"],
  credentials: ["domain", "google", "secrets", "control-plane/ControlPlane.ts"],
  tools: [
    "domain",
    "async",
    "google/keyFile.ts",
    "kubernetes",
    "control-plane/ControlPlane.ts",
    "results/Results.ts",
    "results/reference.ts"
  ],
  job: [
    "domain",
    "async",
    "template",
    "results",
    "credentials",
    "secrets",
    "telemetry/Metrics.ts",
    "journal/Journal.ts",
    "WorkerConfig.ts",
    "queue/Leases.ts",
    "queue/MessageQueue.ts",
    "control-plane/ControlPlane.ts",
    "tools/Coerced.ts",
    "tools/Slot.ts",
    "tools/StopReason.ts",
    "tools/Tool.ts",
    "tools/Toolbox.ts"
  ],
  worker: [
    "domain",
    "async",
    "job",
    "kubernetes",
    "telemetry/Metrics.ts",
    "journal/Journal.ts",
    "WorkerConfig.ts",
    "queue/Leases.ts",
    "queue/MessageQueue.ts",
    "control-plane/ControlPlane.ts",
    "secrets/Redactor.ts",
    "tools/Slot.ts",
    "tools/Toolbox.ts"
  ]
}

const files = globSync("src/**/*.ts")
const importsOf = (file: string) =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import) "(\.[^"]+)"/g)].map(([, path]) =>
    join(dirname(file), path ?? "")
  )

describe("The architecture", () => {
  it.each(Object.entries(allowed))("%s imports only what is below it", (folder, below) => {
    const wrong = files
      .filter((file) => file.startsWith(`src/${folder}/`))
      .flatMap((file) => importsOf(file).map((path) => [file, path.replace(/^src\//, "")] as const))
      .filter(([, path]) => ![folder, ...below].some((ok) => path === ok || path.startsWith(`${ok}/`)))
      .map(([file, path]) => `${file} imports ${path}`)
    assert.deepStrictEqual(wrong, [])
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
    // The settings are a table.
    const long = files.filter(
      (file) => file !== "src/config/settings.ts" && readFileSync(file, "utf8").split("\n").length > 301
    )
    assert.deepStrictEqual(long, [])
  })

  it("time is Clock's, chance is Random's, and no type is any, but where a comment says why", () => {
    const banned =
      /\bas any\b|: any\b|@ts-ignore|@ts-nocheck|Date\.now\(|Math\.random\(|\beval\(|new Function\(/
    const wrong = files
      .filter((file) => file !== "src/tools/Toolbox.ts")
      .flatMap((file) =>
        readFileSync(file, "utf8")
          .split("\n")
          .filter((line) => banned.test(line.replace(/\/\/.*|^\s*\*.*|"[^"]*"|`[^`]*`/g, "")))
          .map((line) => `${file}: ${line.trim()}`)
      )
    assert.deepStrictEqual(wrong, [])
  })
})
