/** The Job of a script for tests. */
import { Schema } from "effect"
import type { JsonObject } from "../../src/domain/Json.ts"
import { ToolError } from "../../src/domain/ToolError.ts"
import { aCall } from "../../src/testing/suites/ToolSuite.ts"
import type { Identity } from "../../src/tools/script/JobManifest.ts"
import { Config, specOf } from "../../src/tools/script/ScriptConfig.ts"
import { defaults } from "../../src/tools/script/ScriptOptions.ts"

export const anIdentity: Identity = {
  executionId: "613000000000000001",
  commandId: "613000000000000001:load data:7",
  step: "load data: Überweisung/1",
  serverUrl: undefined,
  task: "load",
  taskAttempt: 1,
  holder: "pod-1/a",
  nonce: "0a1b2c3d"
}

/** As the tool makes it of a step's configuration. */
export const specFor = (config: JsonObject) => {
  const spec = specOf(
    Schema.decodeUnknownSync(Config)({ script: "print()", ...config }),
    aCall("script", config),
    { ...defaults, serviceAccount: "noetl-script" },
    "noetl"
  )
  if (spec instanceof ToolError) throw spec
  return spec
}
