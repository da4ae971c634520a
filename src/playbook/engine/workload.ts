/** The values that a run starts with. */
import { isObject, type JsonObject } from "../../domain/Json.ts"
import { TemplateError } from "../../template/TemplateError.ts"
import type { Turn } from "./Turn.ts"

/** Mappings in mappings are merged; everything else of the payload takes the place of what was there. */
export const mergedDeep = (defaults: JsonObject, payload: JsonObject): JsonObject =>
  Object.fromEntries([
    ...Object.entries(defaults),
    ...Object.entries(payload).map(([key, value]) => {
      const before = Object.hasOwn(defaults, key) ? defaults[key] : undefined
      return [key, isObject(before) && isObject(value) ? mergedDeep(before, value) : value] as const
    })
  ])

/**
 * Each value rendered once, against the values as they were written. What is undefined is null, and a template that
 * cannot be worked out stays as it is.
 */
export const renderedWorkload = (turn: Turn, given: JsonObject): JsonObject => {
  turn.update({ workload: given })
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      try {
        return [key, turn.render(value, `workload.${key}`)] as const
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error
        turn.log("guard.error", undefined, { error: { kind: "template", message: error.message } })
        return [key, value] as const
      }
    })
  )
}
