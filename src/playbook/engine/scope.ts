/** What a template can see: the run's ids, the workload, results of steps, `ctx`; nearer names win. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { State } from "./State.ts"

/** The layers for conditions and values that the run itself works out; `own` is what only this moment has. */
export const layersOf = (state: State, own: JsonObject = {}): ReadonlyArray<JsonObject> => [
  own,
  headsOf(state),
  state.ctx,
  state.results,
  state.workload,
  state.base
]

/** `ctx.x` is the workload's `x` until a `set` gives it another value. */
const headsOf = (state: State): JsonObject => {
  const ctx = Object.keys(state.ctx).length === 0 ? state.workload : { ...state.workload, ...state.ctx }
  return { ctx, vars: ctx, workload: state.workload, steps: state.results }
}

/** The same as one mapping, for a command. */
export const contextOf = (state: State): JsonObject => ({
  ...state.base,
  ...state.workload,
  ...state.results,
  ...state.ctx,
  ...headsOf(state)
})

/** The context of one iteration. */
export const iterationContext = (
  shared: JsonObject,
  iterator: string,
  item: Json,
  index: number,
  total: number | undefined
): JsonObject => {
  const last = total !== undefined && index === total - 1
  const place = { _index: index, _total: total ?? null, _first: index === 0, _last: last }
  return {
    ...shared,
    [iterator]: item,
    loop_index: index,
    loop: { index, index0: index, first: index === 0, last, length: total ?? null },
    iter: { [iterator]: item, ...place }
  }
}

/** `output` of a step, as its `set` and its arcs read it. `data` is the step's result. */
export const outputOf = (ok: boolean, data: Json | undefined, error: Json | undefined): JsonObject => ({
  status: ok ? "ok" : "error",
  success: ok,
  data: withBody(data ?? null),
  result: data ?? null,
  error: error ?? null,
  ...httpOf(data)
})

/** The members of an HTTP body can be read without naming the body. */
const withBody = (data: Json): Json =>
  isAnswer(data) && isObject(data["data"]) ? { ...data["data"], ...data } : data

const httpOf = (data: Json | undefined): JsonObject =>
  isAnswer(data) ? { http: { status: data["status_code"] ?? null, headers: data["headers"] ?? {} } } : {}

const isAnswer = (data: Json | undefined): data is JsonObject =>
  isObject(data) && typeof data["status_code"] === "number" && isObject(data["headers"])
