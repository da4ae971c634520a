import { assert, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { entriesIn } from "../../src/local/catalog.ts"

describe("A folder of playbooks", () => {
  it("is listed by the heads of its files, however they are written", () => {
    const folder = mkdtempSync(join(tmpdir(), "catalog-"))
    mkdirSync(join(folder, "deep"))
    const file = (name: string, text: string) =>
      writeFileSync(join(folder, name), `apiVersion: noetl.io/v2\nkind: Playbook\n${text}\nworkflow: []\n`)
    file("block.yaml", 'metadata:\n  name: "a b"  # said\n  path: one/block\n  version: 2')
    file("flow.yml", "metadata: {name: flow, path: /one/flow}")
    file("deep/named.yaml", "metadata:\n    name: deep")
    file("torn.yaml", "metadata: {name: ")
    writeFileSync(join(folder, "other.yaml"), "kind: Other\n")
    assert.deepStrictEqual(
      entriesIn([folder]).map(({ name, path, version }) => [path, name, version]),
      [
        ["", "", undefined],
        ["/one/flow", "flow", undefined],
        ["deep", "deep", undefined],
        ["one/block", "a b", "2"]
      ]
    )
    rmSync(folder, { recursive: true })
  })
})
