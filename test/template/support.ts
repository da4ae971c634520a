/** Renders for tests: the value, or the error. */
import { Effect } from "effect"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { type Rendering, Template } from "../../src/template/Template.ts"
import { TemplateError } from "../../src/template/TemplateError.ts"
import type { Value } from "../../src/template/values.ts"

export const render = (
  template: Json,
  variables: JsonObject = {},
  options: Partial<Rendering<never>> = {}
): Value => {
  const outcome = tryRender(template, variables, options)
  if (outcome instanceof TemplateError) throw outcome
  return outcome
}

export const tryRender = (
  template: Json,
  variables: JsonObject = {},
  options: Partial<Rendering<never>> = {}
): Value | TemplateError =>
  Effect.runSync(
    Effect.flatMap(Template, (engine) => engine.render(template, { layers: [variables], ...options })).pipe(
      Effect.catchTag("TemplateError", (error) => Effect.succeed(error)),
      Effect.provide(Template.layer)
    )
  )

export const errorOf = (
  template: Json,
  variables: JsonObject = {},
  options: Partial<Rendering<never>> = {}
): TemplateError => {
  const outcome = tryRender(template, variables, options)
  if (outcome instanceof TemplateError) return outcome
  throw new Error(`rendered: ${JSON.stringify(outcome)}`)
}

export const holds = (condition: Json, variables: JsonObject = {}): boolean =>
  Effect.runSync(
    Effect.flatMap(Template, (engine) => engine.holds(condition, { layers: [variables] })).pipe(
      Effect.provide(Template.layer)
    )
  )
