/** `kind: artifact` and `kind: result_fetch`: a result that is kept elsewhere, as the data of a task. */
import { Effect } from "effect"
import * as Failure from "../../domain/Failure.ts"
import type { JsonObject } from "../../domain/Json.ts"
import * as ToolResult from "../../domain/ToolResult.ts"
import { pointerOf } from "../../results/reference.ts"
import { type Results, toolErrorOf } from "../../results/Results.ts"
import { InvalidConfig, ToolError } from "../../domain/ToolError.ts"

const kinds: ReadonlySet<string> = new Set(["artifact", "result_fetch"])

export const isArtifact = (kind: string): boolean => kinds.has(kind)

/** The reference as text, as the object that stands for it, or as anything that carries one. */
export const fetchArtifact = Effect.fnUntraced(function* (
  results: Results["Service"],
  kind: string,
  config: JsonObject,
  args: JsonObject
) {
  const action = config["action"] ?? "get"
  if (action !== "get") {
    const problem = `expected "get": results are stored when a step ends`
    return yield* new ToolError({
      tool: kind,
      reason: new InvalidConfig({ issues: [{ at: "action", problem }] })
    })
  }
  const ref = args["result_ref"] ?? config["result_ref"] ?? args["ref"] ?? config["ref"] ?? null
  if (ref === null || ref === "") {
    const failure = Failure.make(
      "not_found",
      "there is no result_ref: the result was small enough for its event"
    )
    return ToolResult.failure({ ...failure, source: kind })
  }
  if (pointerOf(ref) === undefined) {
    return yield* new ToolError({
      tool: kind,
      reason: new InvalidConfig({ issues: [{ at: "result_ref", problem: "expected a noetl:// reference" }] })
    })
  }
  const value = yield* results.resolve(ref).pipe(Effect.mapError((error) => toolErrorOf(kind, error)))
  return ToolResult.success(value)
})
