/**
 * A step that claims rows of a database until a claim gives none. The body may add rows, so after every frame of rows it
 * claims again.
 */
import { HashMap } from "effect"
import { isObject, type Json } from "../../domain/Json.ts"
import { TemplateError } from "../../template/TemplateError.ts"
import { listOf, objectOf } from "../parts.ts"
import type { Loop, Step } from "../Playbook.ts"
import { failStep } from "./complete.ts"
import type { CommandResult } from "./Event.ts"
import {
  afterIteration,
  atLeastOne,
  finishLoop,
  issueIteration,
  noProgress,
  setProgress,
  statsOf
} from "./loop.ts"
import type { Activity, Lane, LoopProgress } from "./State.ts"
import type { Turn } from "./Turn.ts"

type CursorLoop = Extract<Loop, { readonly mode: "cursor" }>

export const startCursor = (turn: Turn, step: Step, loop: CursorLoop): void => {
  try {
    const number = (value: Json | undefined, key: string) =>
      atLeastOne(turn.render(value ?? null, `${step.name}.loop.spec.${key}`), 1)
    const lanes = number(loop.maxInFlight, "max_in_flight")
    const progress: LoopProgress = {
      ...noProgress,
      maxRows: number(loop.frame.maxRows, "frame.max_rows"),
      maxInFlight: number(loop.frame.rowConcurrency, "frame.row_concurrency"),
      lanes: Array.from({ length: lanes }, () => emptyLane)
    }
    turn.log("loop.started", step.name, { meta: { mode: "cursor" } })
    setProgress(turn, step, progress)
    progress.lanes.forEach((_, lane) => claim(turn, step, loop, progress, lane))
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    failStep(turn, step, { kind: "loop", message: error.message })
  }
}

const emptyLane: Lane = { rows: [], next: 0, running: 0, claims: 1 }

/** The claim is a statement of its own, so that what it claimed is claimed whatever comes. */
const claim = (
  turn: Turn,
  step: Step,
  { cursor }: CursorLoop,
  progress: LoopProgress,
  lane: number
): void => {
  const { claim: query, kind, options, ...connection } = cursor
  const context = { ...turn.context(step), __frame_max_rows: progress.maxRows }
  turn.issue(
    step,
    { type: "claim", lane },
    {
      kind: typeof kind === "string" ? kind : "postgres",
      config: { ...connection, ...objectOf(options), query: query ?? "", as_objects: true },
      context,
      iteration: undefined
    }
  )
}

export const endClaim = (
  turn: Turn,
  step: Step,
  { loop }: Activity,
  lane: number,
  result: CommandResult
): void => {
  if (loop === undefined || step.loop?.mode !== "cursor") return
  const now = loop.lanes[lane] ?? emptyLane
  if (!result.ok) {
    const again = result.error["retryable"] === true && now.claims < step.loop.frame.maxAttempts
    if (!again) return failStep(turn, step, result.error)
    const progress = withLane(loop, lane, { ...now, claims: now.claims + 1 })
    setProgress(turn, step, progress)
    return claim(turn, step, step.loop, progress, lane)
  }
  const rows = listOf(isObject(result.data) ? result.data["rows"] : null)
  if (rows.length === 0) return endLane(turn, step, loop, lane)
  const frame: ReadonlyArray<Json> = step.loop.frame.process === "frame" ? [rows] : rows
  const progress = withLane({ ...loop, frames: loop.frames + 1 }, lane, {
    rows: frame,
    next: 0,
    running: 0,
    claims: 1
  })
  continueFrame(turn, step, progress, lane)
}

export const endRow = (
  turn: Turn,
  step: Step,
  { loop }: Activity,
  lane: number,
  index: number,
  result: CommandResult
): void => {
  if (loop === undefined) return
  const now = loop.lanes[lane] ?? emptyLane
  const done = afterIteration(loop, index, result)
  // There may be millions of rows, and no template reads their values: only failures are kept.
  const kept = result.ok ? { ...done, results: HashMap.remove(done.results, index) } : done
  continueFrame(turn, step, withLane(kept, lane, { ...now, running: now.running - 1 }), lane)
}

const continueFrame = (turn: Turn, step: Step, before: LoopProgress, lane: number): void => {
  let progress = before
  let now = progress.lanes[lane] ?? emptyLane
  while (now.next < now.rows.length && now.running < progress.maxInFlight) {
    issueIteration(turn, step, now.rows[now.next] ?? null, progress.next, lane, undefined)
    now = { ...now, next: now.next + 1, running: now.running + 1 }
    progress = withLane({ ...progress, next: progress.next + 1, running: progress.running + 1 }, lane, now)
  }
  setProgress(turn, step, progress)
  if (now.running === 0 && step.loop?.mode === "cursor") claim(turn, step, step.loop, progress, lane)
}

/** A lane that found nothing rests; the loop is over when no lane works any more. */
const endLane = (turn: Turn, step: Step, loop: LoopProgress, lane: number): void => {
  const progress = withLane(loop, lane, { ...emptyLane, claims: 0 })
  setProgress(turn, step, progress)
  if (progress.lanes.some(({ claims }) => claims > 0)) return
  const stats = statsOf(progress, progress.done)
  finishLoop(turn, step, progress, { cursor: "drained", frames: progress.frames, stats })
}

const withLane = (progress: LoopProgress, lane: number, now: Lane): LoopProgress => ({
  ...progress,
  lanes: progress.lanes.map((other, index) => (index === lane ? now : other))
})
