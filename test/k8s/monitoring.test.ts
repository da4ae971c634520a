import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { dashboardText, metricNames, queries } from "./dashboard.ts"

const monitoring = "k8s/components/monitoring"
const rules = parse(readFileSync(`${monitoring}/rules.yaml`, "utf8")) as {
  spec: {
    groups: ReadonlyArray<{
      rules: ReadonlyArray<{ alert: string; expr: string; annotations: Record<string, string> }>
    }>
  }
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

  it("links every alert to a story of the runbook, and the operations page lists every alert", () => {
    const runbook = readFileSync("docs/runbook.md", "utf8")
    const anchors = [...runbook.matchAll(/^## (.+)$/gm)].map(([, title = ""]) =>
      title.toLowerCase().replaceAll(" ", "-")
    )
    const operations = readFileSync("docs/operations.md", "utf8")
    for (const { alert, annotations } of rules.spec.groups.flatMap((group) => group.rules)) {
      const [page, anchor = ""] = (annotations["runbook_url"] ?? "").split("#")
      assert.strictEqual(page, "docs/runbook.md", alert)
      assert.include(anchors, anchor, alert)
      const [, story = ""] =
        runbook
          .split("\n## ")
          .map((text) => [text.split("\n")[0]?.toLowerCase().replaceAll(" ", "-"), text])
          .find(([title]) => title === anchor) ?? []
      assert.include(story, alert, `${anchor} names the alerts that lead to it`)
      assert.include(operations, alert)
    }
  })
})
