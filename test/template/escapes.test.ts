import { readdirSync, readFileSync } from "node:fs"
import { assert, afterAll, beforeAll, describe, it } from "@effect/vitest"
import { TemplateError } from "../../src/template/TemplateError.ts"
import { isJson } from "../../src/domain/Json.ts"
import { tryRender } from "./support.ts"

const folder = new URL("escapes/", import.meta.url)
const attempts = readdirSync(folder).toSorted()

const variables = {
  m: { a: 1, nested: { b: [1] } },
  evil: "{{ process.env.ESCAPE_SECRET }}{% include '/etc/passwd' %}",
  hidden: { $noetl_ref: { kind: "keychain", name: "api", field: "token" } }
}
const before = JSON.stringify(variables)

/** What would show up if somebody got out: functions, the environment, files, a changed prototype. */
const signs = /native code|function|\[object|=>|root:x:0|not-for-templates|PWNED/

describe("Template keeps everybody inside", () => {
  beforeAll(() => {
    process.env["ESCAPE_SECRET"] = "not-for-templates"
  })
  afterAll(() => {
    delete process.env["ESCAPE_SECRET"]
  })

  it("has at least sixty attempts", () => assert.isAtLeast(attempts.length, 60))

  it.each(attempts)("%s", (name) => {
    const source = readFileSync(new URL(name, folder), "utf8")
    for (const template of [source, `text ${source}`]) {
      const outcome = tryRender({ template }, variables)
      if (outcome instanceof TemplateError) continue
      assert.isTrue(isJson(outcome), "the outcome is plain data")
      assert.notMatch(JSON.stringify(outcome) ?? "", signs)
    }
    assert.strictEqual(JSON.stringify(variables), before)
    assert.isUndefined(Reflect.get({}, "pwned"))
    assert.deepStrictEqual(Object.keys(Object.prototype), [])
  })
})
