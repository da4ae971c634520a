/** A step that runs once for each item. */
import { HashMap } from "effect"
import { isObject, type Json, type JsonObject, numberOf, parse } from "../../domain/Json.ts"
import { Result } from "effect"
import { TemplateError } from "../../template/TemplateError.ts"
import type { Loop, Step } from "../Playbook.ts"
import { completeStep, failStep } from "./complete.ts"
import type { CommandResult, RunError } from "./Event.ts"
import { iterationContext } from "./scope.ts"
import type { Activity, LoopProgress } from "./State.ts"
import type { Turn } from "./Turn.ts"

type ItemLoop = Extract<Loop, { readonly mode: "sequential" | "parallel" }>

export const startLoop = (turn: Turn, step: Step, loop: ItemLoop): void => {
  const begun = progressOf(turn, step, loop)
  if ("kind" in begun) return failStep(turn, step, begun)
  turn.log("loop.started", step.name, { meta: { total: begun.items?.length ?? 0, mode: loop.mode } })
  continueLoop(turn, step, begun)
}

const progressOf = (turn: Turn, step: Step, loop: ItemLoop): LoopProgress | RunError => {
  try {
    const value = turn.render(loop.in, `${step.name}.loop.in`)
    const items = itemsOf(value)
    if (items === undefined)
      return {
        kind: "loop",
        message: `the loop of ${step.name} has nothing to loop over: expected a list, a mapping or a number`
      }
    const maxInFlight =
      loop.mode === "sequential"
        ? 1
        : atLeastOne(
            turn.render(loop.maxInFlight ?? null, `${step.name}.loop.spec.max_in_flight`),
            turn.plan.options.maxInFlight
          )
    return { ...noProgress, items, maxInFlight }
  } catch (error) {
    if (error instanceof TemplateError) return { kind: "loop", message: error.message }
    throw error
  }
}

export const noProgress: LoopProgress = {
  items: undefined,
  maxInFlight: 1,
  next: 0,
  running: 0,
  failed: 0,
  done: 0,
  results: HashMap.empty(),
  lanes: [],
  frames: 0,
  maxRows: 1
}

/** A list; the members of a mapping; text that is JSON; the numbers below a number. */
const itemsOf = (value: Json): ReadonlyArray<Json> | undefined => {
  if (Array.isArray(value)) return value as ReadonlyArray<Json>
  if (isObject(value)) return Object.entries(value).map(([key, member]) => ({ key, value: member }))
  if (typeof value === "string") {
    const read = parse(value)
    return Result.isSuccess(read) && typeof read.success !== "string" ? itemsOf(read.success) : undefined
  }
  const count = numberOf(value)
  return count !== undefined && Number.isInteger(count) && count >= 0 && count <= maxCount
    ? Array.from({ length: count }, (_, index) => index)
    : undefined
}

const maxCount = 10_000_000

/** A number that an author wrote, maybe as a template. */
export const atLeastOne = (value: Json, otherwise: number): number => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : numberOf(value)
  return number !== undefined && Number.isFinite(number) && number >= 1 ? Math.floor(number) : otherwise
}

/** Issues iterations while there are any and fewer run than may; ends the step when all have ended. */
const continueLoop = (turn: Turn, step: Step, before: LoopProgress): void => {
  let progress = before
  const items = progress.items ?? []
  while (progress.next < items.length && progress.running < progress.maxInFlight) {
    const index = progress.next
    issueIteration(turn, step, items[index] ?? null, index, 0, items.length)
    progress = { ...progress, next: index + 1, running: progress.running + 1 }
  }
  setProgress(turn, step, progress)
  if (progress.running === 0) endLoop(turn, step, progress)
}

export const issueIteration = (
  turn: Turn,
  step: Step,
  item: Json,
  index: number,
  lane: number,
  total: number | undefined
): void => {
  const context = iterationContext(turn.context(step), step.loop?.iterator ?? "item", item, index, total)
  turn.issue(
    step,
    { type: "iteration", index, lane },
    { kind: step.kind, config: step.config, context, iteration: { index, total } }
  )
}

export const setProgress = (turn: Turn, step: Step, loop: LoopProgress): void => {
  const activity = turn.state.running.get(step.name)
  turn.setActivity(step.name, { run: activity?.run ?? 1, loop })
}

/** The progress after an iteration: its result stands at its index, a failure as its error. */
export const afterIteration = (
  progress: LoopProgress,
  index: number,
  result: CommandResult
): LoopProgress => ({
  ...progress,
  running: progress.running - 1,
  done: progress.done + 1,
  failed: progress.failed + (result.ok ? 0 : 1),
  results: HashMap.set(progress.results, index, result.ok ? result.data : { error: result.error })
})

export const endIteration = (
  turn: Turn,
  step: Step,
  { loop }: Activity,
  index: number,
  result: CommandResult
): void => {
  if (loop === undefined) return
  continueLoop(turn, step, afterIteration(loop, index, result))
}

const endLoop = (turn: Turn, step: Step, progress: LoopProgress): void => {
  const total = progress.items?.length ?? 0
  const results = Array.from({ length: total }, (_, index): Json => {
    const found = HashMap.get(progress.results, index)
    return found._tag === "Some" ? found.value : null
  })
  finishLoop(turn, step, progress, { results, stats: statsOf(progress, total), data: results })
}

export const statsOf = ({ failed }: LoopProgress, total: number): JsonObject => ({
  total,
  success: total - failed,
  failed
})

/** With a failed iteration the step has failed; an arc that asks for `loop.done` is taken all the same. */
export const finishLoop = (turn: Turn, step: Step, progress: LoopProgress, data: JsonObject): void => {
  const stats = data["stats"] ?? null
  turn.log("loop.done", step.name, { meta: { stats } })
  const error: RunError = {
    kind: "loop",
    message: `${progress.failed} of ${progress.done} iterations failed: ${firstError(progress)}`,
    stats
  }
  completeStep(turn, step, {
    ok: progress.failed === 0,
    data,
    error: progress.failed === 0 ? undefined : error,
    isLoop: true
  })
}

const firstError = ({ results }: LoopProgress): string => {
  for (const value of HashMap.values(results)) {
    const error = isObject(value) ? value["error"] : undefined
    if (isObject(error) && typeof error["message"] === "string") return error["message"]
  }
  return "no message"
}
