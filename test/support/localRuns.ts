/** Playbooks run as `noetl run` does, in this process, with the settings of a test. */
import { Effect, References, Result } from "effect"
import { load as loadSettings } from "../../src/config/load.ts"
import type { Values } from "../../src/config/settings.ts"
import type { JsonObject } from "../../src/domain/Json.ts"
import type { RunEvent } from "../../src/control-plane/local/Run.ts"
import * as Runner from "../../src/local/Runner.ts"
import * as LocalTools from "../../src/local/tools.ts"
import { fingerprintOf } from "../../src/local/catalog.ts"
import { load } from "../../src/playbook/load.ts"
import { textOf } from "../../src/playbook/Problem.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"

export const settings = (env: Readonly<Record<string, string>> = {}): Values =>
  Result.getOrThrow(loadSettings({ flags: new Map(), env, dotenv: undefined, file: undefined })).values

export const base = (more: Partial<Runner.Request> = {}) => ({
  values: settings(),
  tools: LocalTools.layer,
  concurrency: 8,
  strict: false,
  normalise: true,
  catalogs: [],
  credentialsFile: undefined,
  credentialsFolder: "/nonexistent",
  timeout: undefined,
  env: {},
  ...more
})

export interface Options extends Partial<Runner.Request> {
  readonly payload?: JsonObject
  readonly file?: string
}

/** The playbook's text, run to its end. */
export const runText = (text: string, options: Options = {}) =>
  Effect.gen(function* () {
    const { file = "test.yaml", ...more } = options
    const loaded = load(file, text, { strict: options.strict ?? false })
    if (loaded.playbook === undefined) throw new Error(loaded.problems.map(textOf).join("\n"))
    const events: Array<RunEvent> = []
    const report = yield* Runner.run({
      ...base(),
      source: { playbook: loaded.playbook, fingerprint: fingerprintOf(text) },
      problems: loaded.problems,
      payload: {},
      merge: false,
      target: undefined,
      resume: false,
      stateFolder: undefined,
      onOutput: () => {},
      ...more,
      onEvent: (event) => {
        events.push(event)
        more.onEvent?.(event)
      }
    })
    return { report, events }
  }).pipe(quietly)

export const quietly = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provide(Redactor.layer), Effect.provideService(References.MinimumLogLevel, "None"))
