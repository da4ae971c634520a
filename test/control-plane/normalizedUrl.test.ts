import { assert, describe, it } from "@effect/vitest"
import { normalizedUrl } from "../../src/control-plane/noetl/HttpJson.ts"

describe("The server's URL", () => {
  it.each([
    ["http://a:8082", "http://a:8082"],
    [" http://a:8082/ ", "http://a:8082"],
    ["http://a/api", "http://a"],
    ["http://a//API//api/", "http://a"],
    ["http://a/x/api/", "http://a/x"],
    ["http://api", "http://api"],
    ["http://api/api", "http://api"],
    [`http://a${"/".repeat(100_000)}x`, `http://a${"/".repeat(100_000)}x`],
    [`http://a${"/api".repeat(100_000)}!`, `http://a${"/api".repeat(100_000)}!`]
  ])("%.30s ends without slashes and api", (url, expected) => {
    assert.strictEqual(normalizedUrl(url), expected)
  })
})
