import { assert, describe, it } from "@effect/vitest"
import { budgetOf, isOverdrawn, ownBudget, shownBudget } from "../../src/domain/memoryBudget.ts"
import { defaults } from "../../src/tools/duckdb/DuckdbOptions.ts"

const MiB = 1024 * 1024

describe("The memory budget", () => {
  it.each([512, 1024, 2048, 4096, 65_536])("adds up to a container of %s MiB", (mebibytes) => {
    const budget = budgetOf(mebibytes * MiB, mebibytes * MiB * 0.4)
    assert.isFalse(isOverdrawn(budget), shownBudget(budget))
    assert.isAbove(budget.databases, 60 * MiB)
    assert.isAtLeast(budget.programs, mebibytes < 1024 ? 0 : 128 * MiB)
  })

  it("says that it is overdrawn when the heap takes nearly all", () => {
    assert.isTrue(isOverdrawn(budgetOf(512 * MiB, 500 * MiB)))
  })

  it("reads as the documentation shows it", () => {
    assert.strictEqual(
      shownBudget(budgetOf(2048 * MiB, 820 * MiB)),
      "2048 MB: heap 820, process 160, databases 534, programs 534"
    )
  })

  it("gives all DuckDB statements that run at a time one share together", () => {
    const { concurrency, memoryBytes } = defaults()
    assert.isAtMost(concurrency * memoryBytes, ownBudget().databases)
  })
})
