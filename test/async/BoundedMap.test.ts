import { assert, describe, it } from "@effect/vitest"
import { BoundedMap } from "../../src/async/BoundedMap.ts"

describe("A bounded map", () => {
  it("evicts the entry used least recently, and tells which", () => {
    const evicted: Array<[string, number]> = []
    const map = new BoundedMap<string, number>({ maxEntries: 2, onEvict: (...entry) => evicted.push(entry) })
    map.set("a", 1)
    map.set("b", 2)
    assert.strictEqual(map.get("a"), 1)
    assert.isTrue(map.has("b"))
    map.set("c", 3)
    assert.deepStrictEqual(evicted, [["b", 2]])
    assert.deepStrictEqual([...map.values()], [1, 3])
  })

  it("a replaced entry is as fresh as a new one and evicts nothing", () => {
    const evicted: Array<string> = []
    const map = new BoundedMap<string, number>({ maxEntries: 2, onEvict: (key) => evicted.push(key) })
    map.set("a", 1)
    map.set("b", 2)
    map.set("a", 3)
    assert.deepStrictEqual(evicted, [])
    map.set("c", 4)
    assert.deepStrictEqual(evicted, ["b"])
  })

  it("holds a total weight, which replaced and deleted entries give back", () => {
    const map = new BoundedMap<string, string>({
      maxEntries: 10,
      maxWeight: 6,
      weightOf: (key, value) => key.length + value.length
    })
    map.set("a", "12")
    map.set("a", "1")
    map.set("b", "12")
    assert.strictEqual(map.size, 2)
    map.delete("a")
    map.set("c", "12")
    assert.deepStrictEqual([...map.values()], ["12", "12"])
    map.set("d", "1")
    assert.deepStrictEqual([...map.values()], ["12", "1"])
  })

  it("keeps nothing that is heavier than all of it", () => {
    const map = new BoundedMap<string, string>({
      maxEntries: 10,
      maxWeight: 3,
      weightOf: (_, value) => value.length
    })
    map.set("a", "1234")
    assert.strictEqual(map.size, 0)
  })
})
