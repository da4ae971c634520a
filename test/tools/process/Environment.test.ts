import { assert, describe, it } from "@effect/vitest"
import { childEnvironment, isSecret, type Inherit } from "../../../src/tools/process/Environment.ts"

const worker = {
  PATH: "/bin",
  HOME: "/root",
  LC_ALL: "C",
  KUBERNETES_SERVICE_HOST: "10.0.0.1",
  EDITOR: "vi",
  NATS_URL: "nats://there",
  NOETL_SERVER_URL: "http://server",
  WORKER_ID: "w1",
  AWS_SECRET_ACCESS_KEY: "s",
  GITHUB_TOKEN: "t",
  PGPASSWORD: "p",
  DATABASE_URL: "postgres://u:p@h/d",
  PAGE_URL: "https://example.com/a:b@c"
}

const names = (inherit: Inherit, passed: ReadonlyArray<string> = []) =>
  Object.keys(childEnvironment({ worker, inherit, passed, extra: {} }).env).sort()

const basic = ["HOME", "KUBERNETES_SERVICE_HOST", "LC_ALL", "PATH"]

describe("the environment of a child", () => {
  it("is a short list unless something else is asked for", () => {
    assert.deepStrictEqual(names(false), basic)
  })
  it("has everything but secrets and the worker's own settings when all is inherited", () => {
    assert.deepStrictEqual(names(true), ["EDITOR", ...basic, "PAGE_URL"].sort())
  })
  it("has the names asked for, but never a secret", () => {
    const { env, refused } = childEnvironment({
      worker,
      inherit: ["EDITOR", "GITHUB_TOKEN", "NATS_URL", "MISSING"],
      passed: [],
      extra: {}
    })
    assert.deepStrictEqual(Object.keys(env).sort(), ["EDITOR", ...basic].sort())
    assert.deepStrictEqual(refused, ["GITHUB_TOKEN", "NATS_URL"])
  })
  it("has what the operator passes, secret or not", () => {
    assert.deepStrictEqual(names(false, ["AWS_*"]), ["AWS_SECRET_ACCESS_KEY", ...basic])
  })
  it("has what the author sets", () => {
    const { env } = childEnvironment({
      worker,
      inherit: false,
      passed: [],
      extra: { PATH: "/opt", API_TOKEN: "x" }
    })
    assert.deepStrictEqual([env["PATH"], env["API_TOKEN"]], ["/opt", "x"])
  })
  it.each([
    ["NATS_PASSWORD", "x", true],
    ["NOETL_ANYTHING", "x", true],
    ["WORKER_POOL", "x", true],
    ["my_api_key", "x", true],
    ["HTTPS_PROXY", "http://user:secret@proxy:3128", true],
    ["HTTPS_PROXY", "http://proxy:3128", false],
    ["EDITOR", "vi", false]
  ])("%s=%s is a secret: %s", (name, value, secret) => {
    assert.strictEqual(isSecret(name, value), secret)
  })
})
