import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { DuckdbOptions } from "../../src/tools/duckdb/DuckdbOptions.ts"
import { Egress } from "../../src/tools/http/Egress.ts"
import { ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import { layerDevelopment, layerProduction, type SafetyOptions } from "../../src/tools/SafetyOptions.ts"

/** Which of the addresses a request may go to. */
const reachable = (options: Layer.Layer<SafetyOptions>) =>
  Effect.map(Egress, ({ checkUrl }) =>
    ["http://1.1.1.1/", "http://10.1.2.3/", "http://127.0.0.1/", "http://169.254.169.254/"].filter(
      (url) => checkUrl(new URL(url)) === undefined
    )
  ).pipe(Effect.provide(Layer.fresh(Egress.layer).pipe(Layer.provide(options))))

const production = layerProduction({
  allowedHosts: ["10.1.0.0/16"],
  limits: { cpuSeconds: 9 },
  allowedDirectories: ["/srv/data"]
})

describe("The options that a composition of tools must give", () => {
  it.effect("let requests go to near addresses on a developer's machine", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reachable(layerDevelopment), [
        "http://1.1.1.1/",
        "http://10.1.2.3/",
        "http://127.0.0.1/"
      ])
    })
  )

  it.effect("let requests go only to public and listed addresses in production", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reachable(production), ["http://1.1.1.1/", "http://10.1.2.3/"])
      assert.deepStrictEqual(yield* reachable(layerProduction({ limits: {} })), ["http://1.1.1.1/"])
    })
  )

  it.effect("limit programs and folders in production to what is listed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* ProcessOptions).limits, { cpuSeconds: 9 })
      assert.deepStrictEqual((yield* DuckdbOptions).allowedDirectories, ["/srv/data"])
    }).pipe(Effect.provide(production))
  )

  it.effect("open no folder in production that is not listed", () =>
    Effect.gen(function* () {
      const { allowedDirectories, externalAccess } = yield* DuckdbOptions
      assert.deepStrictEqual([...allowedDirectories], [])
      assert.isFalse(externalAccess)
    }).pipe(Effect.provide(layerProduction({ limits: {} })))
  )
})
