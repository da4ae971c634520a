import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { ControlPlane } from "../../src/control-plane/ControlPlane.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import { layerMemory } from "../../src/job/pipeline/layers.ts"
import { run } from "../../src/job/pipeline/pipeline.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import { PythonTool } from "../../src/tools/PythonTool.ts"
import { ShellTool } from "../../src/tools/ShellTool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { WorkerConfig } from "../../src/WorkerConfig.ts"
import { aCommand } from "./pipelineWorld.ts"

const plane = Layer.mock(ControlPlane, {
  name: "test",
  workerName: "test",
  heartbeatRequest: undefined,
  address: "test",
  claimPatience: () => Duration.infinity
})
const options = ProcessOptions.layer({ maxOutputBytes: 200, grace: Duration.millis(200) })

const layerOf = (commandTimeout: Duration.Input) =>
  Layer.mergeAll(
    Toolbox.layerLive(ShellTool, PythonTool).pipe(
      Layer.provide(options),
      Layer.provide(EgressOptions.layerDevelopment)
    ),
    layerMemory.pipe(Layer.provide(plane)),
    WorkerConfig.layer({ commandTimeout: Duration.fromInputUnsafe(commandTimeout) })
  )

const worked = (kind: string, config: JsonObject, commandTimeout: Duration.Input = "30 minutes") =>
  Effect.gen(function* () {
    yield* (yield* Redactor).register("mine", "a-secret-of-mine")
    return yield* run(aCommand(config, { kind }))
  }).pipe(Effect.scoped, Effect.provide(layerOf(commandTimeout)))

const shell = { command: "echo begun a-secret-of-mine; echo err >&2; exec sleep 60" }
const python = { code: "import time\nprint('begun a-secret-of-mine', flush=True)\ntime.sleep(60)" }

describe("A program that a pipeline ends at its deadline", { concurrent: true }, () => {
  it.live.each<readonly [string, string, JsonObject, Duration.Input]>([
    ["shell, by its timeout", "shell", { ...shell, timeout: 4 }, "30 minutes"],
    ["shell, by the deadline of all commands", "shell", shell, "4 seconds"],
    ["shell, by the smaller of both", "shell", { ...shell, timeout: 0 }, "4 seconds"],
    ["python, by its timeout", "python", { ...python, spec: { timeout: "4s" } }, "30 minutes"],
    ["python, by the deadline of all commands", "python", python, "4 seconds"]
  ])("has in its result what it wrote, masked: %s", ([, kind, config, commandTimeout]) =>
    Effect.gen(function* () {
      const result = yield* worked(kind, config, commandTimeout)
      assert.deepInclude(result.error, {
        kind: "timeout",
        code: "TOOL_TIMEOUT",
        message: "Execution timed out after 4 seconds"
      })
      assert.strictEqual(result.status, "timeout")
      assert.strictEqual(result.stdout, "begun [REDACTED]\n")
      assert.deepInclude(result.data, { stdout: "begun [REDACTED]\n" })
    })
  )

  it.live("has no half of a secret where its output is cut", () =>
    Effect.gen(function* () {
      const command = `printf '%090d' 0; printf 'a-secret-of-mine'; printf '%0500d' 0; exec sleep 60`
      const { stdout } = yield* worked("shell", { command, timeout: 4 })
      assert.include(stdout ?? "", "bytes left out")
      assert.notInclude(stdout ?? "", "a-secret")
    })
  )
})
