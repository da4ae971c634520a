import { Effect, Layer } from "effect"
import { Results } from "../../src/results/Results.ts"
import { failed, ResultMissing, ResultStore } from "../../src/results/ResultStore.ts"
import * as ToolSuite from "../../src/testing/suites/ToolSuite.ts"
import { ArtifactTool } from "../../src/tools/ArtifactTool.ts"

const ref = "noetl://execution/1/result/start/0a1b2c3d"

const store = Layer.succeed(ResultStore, {
  name: "test",
  put: () => Effect.die(new Error("nothing is stored")),
  get: (asked) =>
    asked === ref
      ? Effect.succeed({ items: [1, 2, 3] })
      : Effect.fail(failed(asked, new ResultMissing({ detail: "not found" })))
})

const layer = ArtifactTool.layer.pipe(Layer.provide(Results.layer), Layer.provide(store))

const broken = [
  { config: { action: "put", result_ref: ref }, at: "action" },
  { config: { result_ref: "elsewhere" }, at: "result_ref" }
]

ToolSuite.suite("Artifact", ArtifactTool, layer, { kind: "artifact", works: { result_ref: ref }, broken })
ToolSuite.suite("Result fetch", ArtifactTool, layer, { kind: "result_fetch", works: { ref }, broken })
