import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"

/** Runs the executable's first file on a Node that says that it is another. */
const launchOn = (version: string) => {
  const pretend = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`
  return spawnSync(process.execPath, ["--import", preload, "src/launch.ts"], { encoding: "utf8" })
}

describe("The executable", () => {
  it.each(["18.20.4", "20.20.2", "22.18.0"])(
    "on Node %s says which one it needs, and ends with 1",
    (version) => {
      const { status, stderr } = launchOn(version)
      assert.strictEqual(status, 1)
      assert.include(stderr, "noetl-worker needs Node 22.19 or newer")
      assert.include(stderr, version)
    }
  )

  it.each(["22.19.0", "24.1.0"])("on Node %s goes on to the bundle beside it", (version) => {
    const { stderr } = launchOn(version)
    assert.match(stderr, /Cannot find module .*src\/program\.js/)
  })

  it("needs the Node that the package names", () => {
    const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as {
      readonly engines: { readonly node: string }
    }
    assert.strictEqual(engines.node, ">=22.19")
  })
})
