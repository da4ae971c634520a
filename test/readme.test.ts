import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { Effect, Layer, Result } from "effect"
import { workerLayer } from "../src/config/layers.ts"
import { load } from "../src/config/load.ts"
import { settings } from "../src/config/settings.ts"
import { Redactor } from "../src/secrets/Redactor.ts"
import * as Tools from "../src/tools/index.ts"
import { Worker } from "../src/worker/Worker.ts"
import { chart, kustomizations } from "./k8s/render.ts"

const read = (file: string) => readFileSync(file, "utf8")

/** The names in a drawing of the tree, top down. */
const drawn = (file: string) =>
  [...read(file).matchAll(/^[├└]─ (\S+(?: \S+)*?) {2,}/gm)].map(([, name]) => name)

/** A worker as configured, with the children that settings and tools add. */
const running = Layer.unwrap(
  Effect.sync(() => {
    const env = {
      WORKER_QUEUE: "memory",
      WORKER_CONTROL_PLANE: "memory",
      WORKER_POD_DELETION_COST: "true",
      POD_NAME: "pod",
      HEALTH_PORT: "0"
    }
    const loaded = load({ flags: new Map(), env, dotenv: undefined, file: undefined })
    return workerLayer(Result.getOrThrow(loaded).values, Tools.layer)
  })
).pipe(Layer.provide(Redactor.layer))

describe("The papers", () => {
  it("README quotes the examples as they are compiled and run", () => {
    execFileSync(process.execPath, ["scripts/readme.ts", "--check"])
  })

  it.live("README and ARCHITECTURE draw the tree that runs", () =>
    Effect.gen(function* () {
      const { children } = yield* (yield* Worker).status
      for (const file of ["README.md", "ARCHITECTURE.md"])
        assert.deepStrictEqual(
          drawn(file),
          children.map(({ name }) => name),
          file
        )
    }).pipe(Effect.provide(running))
  )

  it("ARCHITECTURE.md quotes the line of Job.ts", () => {
    const line = read("src/job/Job.ts")
      .split("\n")
      .find((text) => text.includes("delivery → notification"))
    assert.include(read("ARCHITECTURE.md"), line?.replace(/^ \*\s+/, "") ?? "no line")
  })

  it("README names the two commands that continuous integration calls", () => {
    for (const command of ["npm ci && npm run demo", "npm ci && npm test"]) {
      assert.include(read("README.md"), command)
      assert.include(read(".ci/run").split("\n"), command)
    }
  })

  it("README deploys what check:manifests renders", () => {
    const text = read("README.md")
    const [, overlay = ""] = /kubectl apply -k k8s\/(\S+)/.exec(text) ?? []
    assert.include(kustomizations, overlay)
    assert.include(text, `helm install noetl-worker ${chart} `)
  })

  it("README has every setting, with every name of it", () => {
    const [, table = ""] = /<!-- settings -->([\s\S]*?)<!-- end of settings -->/.exec(read("README.md")) ?? []
    const rows = table.split("\n")
    for (const { env, key } of Object.values(settings)) {
      const row = rows.find((line) => line.startsWith(`| \`${key}\` |`)) ?? ""
      for (const name of env) assert.include(row, `\`${name}\``, key)
    }
  })

  it("README's settings have the names and defaults of the table", () => {
    for (const [, name, value] of read("README.md").matchAll(/^\| `([A-Z_]+)` \| `?([^`|]+?)`? \|/gm)) {
      const setting = Object.values(settings).find(({ env }) => env[0] === name)
      assert.isDefined(setting, `${name} is no canonical name of a setting`)
      const shown = setting?.shownDefault.replace(/ s$/, "").replace(/^none.*/, "none")
      assert.strictEqual(value, shown, name)
    }
  })

  it.each([
    "README.md",
    "ARCHITECTURE.md",
    ...readdirSync("docs")
      .filter((f) => f.endsWith(".md"))
      .map((f) => `docs/${f}`)
  ])("%s links to files that are there", (file) => {
    const folder = file.includes("/") ? `${file.slice(0, file.lastIndexOf("/"))}/` : ""
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      assert.isTrue(existsSync(`${folder}${target}`), `${file} → ${target}`)
    }
  })
})
