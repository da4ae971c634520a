import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { dashboardText, metricNames, queries } from "./dashboard.ts"

const monitoring = "k8s/components/monitoring"
const rules = parse(readFileSync(`${monitoring}/rules.yaml`, "utf8")) as {
  spec: { groups: ReadonlyArray<{ rules: ReadonlyArray<{ alert: string; expr: string }> }> }
}

describe("monitoring", () => {
  it("has the dashboard that its source makes", () => {
    assert.strictEqual(readFileSync(`${monitoring}/dashboard.json`, "utf8"), dashboardText)
  })

  it("asks only for metrics that a worker has", () => {
    const alerts = rules.spec.groups.flatMap((group) => group.rules.map(({ expr }) => expr))
    const asked = [...alerts, ...queries].flatMap((one) => one.match(/\b(?:noetl_)?worker_[a-z_]+/g) ?? [])
    assert.isAbove(asked.length, 20)
    assert.deepStrictEqual(
      asked.filter((name) => !metricNames.has(name)),
      []
    )
  })
})
