/** The examples and the playbooks of the older dialect give what their expectations say; so does the program itself. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { type Expectation, read } from "../../src/local/expectations/Expectation.ts"
import { runOne } from "../../src/local/expectations/runFolder.ts"
import { jsonSchema } from "../../src/playbook/jsonSchema.ts"
import { mismatches } from "../support/jsonSchema.ts"
import { base, quietly } from "../support/localRuns.ts"

const expectationsOf = (folder: string): ReadonlyArray<Expectation> => {
  const found = read(folder, readFileSync(join(folder, "expectations.yaml"), "utf8"))
  if (found._tag === "Failure") throw new Error(found.failure.join("\n"))
  return found.success
}

let stub: { readonly child: ChildProcess; readonly url: string } | undefined

beforeAll(async () => {
  const child = spawn(process.execPath, ["test/fixtures/http-stub.mjs", "0"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [hello] = (await once(child.stdout, "data")) as [Buffer]
  stub = { child, url: (JSON.parse(hello.toString()) as { url: string }).url }
})
afterAll(() => void stub?.child.kill())

describe.each(["examples/playbooks", "test/fixtures/ops"])("Each playbook of %s", (folder) => {
  it.live.each(expectationsOf(folder).map((wanted) => [wanted.name ?? wanted.playbook, wanted] as const))(
    "%s",
    ([, wanted]) =>
      Effect.gen(function* () {
        const verdict = yield* runOne(folder, wanted, base({ catalogs: [folder] }), { STUB_URL: stub?.url })
        assert.deepStrictEqual(
          verdict.checks.filter(({ ok }) => !ok),
          []
        )
      }).pipe(quietly)
  )

  it("has an expectation", () => {
    const files = globSync("*.yaml", { cwd: folder }).filter((name) => name !== "expectations.yaml")
    const named = new Set(expectationsOf(folder).map(({ playbook }) => playbook))
    assert.deepStrictEqual(
      files.filter((name) => !named.has(name)),
      []
    )
  })
})

describe("The JSON Schema of the language", () => {
  const schema = jsonSchema()
  const files = globSync([
    "test/fixtures/playbooks/**/*.yaml",
    "test/fixtures/ops/*.yaml",
    "examples/playbooks/*.yaml",
    "automation/**/*.yaml"
  ]).filter((file) => !/expectations|world/.test(file))

  it("accepts every playbook of the fixtures, the examples and the older dialect", () => {
    assert.isAbove(files.length, 90)
    const wrong = files.flatMap((file) =>
      mismatches(schema, parse(readFileSync(file, "utf8"))).map((what) => `${file}: ${what}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it.each([
    ["an unknown key of a step", { step: "a", tol: {} }],
    ["an unknown tool", { step: "a", tool: { kind: "pyton" } }],
    ["an arc without a step", { step: "a", next: { arcs: [{ when: "x" }] } }],
    ["a number as a name", { step: 5 }]
  ])("marks %s", (_, step) => {
    const document = {
      apiVersion: "noetl.io/v2",
      kind: "Playbook",
      metadata: { name: "a" },
      workflow: [step]
    }
    assert.isNotEmpty(mismatches(schema, document))
  })
})
