import { assert, describe, it } from "@effect/vitest"
import { dialectOf, dialects, type Protocol } from "../../src/control-plane/noetl/dialects.ts"

describe("The dialects of a NoETL server", () => {
  it("are chosen by their protocol", () => {
    assert.strictEqual(dialectOf("python2"), dialects.python2)
    assert.strictEqual(dialectOf("auto"), dialects.python2)
  })

  it.each(["rust3", "toString"])("has none for %s, and says which there are", (name) => {
    assert.throws(
      () => dialectOf(name as Protocol),
      `server.protocol: no dialect for "${name}"; choose one of auto, python2`
    )
  })
})
