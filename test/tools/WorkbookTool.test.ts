import { Layer } from "effect"
import { MemoryControlPlane } from "../../src/control-plane/MemoryControlPlane.ts"
import * as ToolSuite from "../../src/testing/suites/ToolSuite.ts"
import { WorkbookTool } from "../../src/tools/WorkbookTool.ts"

const plane = MemoryControlPlane.layer({
  playbook: { workbook: [{ name: "plain", tool: { kind: "noop" } }] }
})

ToolSuite.suite("Workbook", WorkbookTool, WorkbookTool.layer.pipe(Layer.provide(plane)), {
  kind: "workbook",
  works: { name: "plain" },
  broken: [
    { config: {}, at: "name" },
    { config: { name: "none" }, at: "name" }
  ]
})
