/** The Rhai tool with settings of which every test knows what a script may see. */
import { Effect, Layer } from "effect"
import type { JsonObject } from "../../src/domain/Json.ts"
import { aCall, runTool } from "../../src/testing/suites/ToolSuite.ts"
import { defaults, RhaiOptions, type RhaiSettings } from "../../src/tools/rhai/RhaiOptions.ts"
import { RhaiTool } from "../../src/tools/RhaiTool.ts"
import type { ToolCall } from "../../src/tools/Tool.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"

const settings: RhaiSettings = {
  ...defaults,
  env: ["REGION", "APP_*"],
  environment: { REGION: "eu", APP_NAME: "noetl", SECRET: "hidden" },
  gcpToken: Effect.succeed("tok-123"),
  modules: new Map([["lib", "export const ANSWER = 42; fn twice(x) { x * 2 }"]])
}

export const withSettings = (more: Partial<RhaiSettings>) =>
  Toolbox.layer(RhaiTool).pipe(
    Layer.provide(RhaiTool.layer),
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(Layer.succeed(RhaiOptions, { ...settings, ...more }))
  )

const layer = withSettings({})

export const rhai = (code: string, more: Partial<ToolCall> = {}, config: JsonObject = {}) =>
  runTool(aCall("rhai", { code, ...config }, more)).pipe(Effect.provide(layer))
