/** What a template can see: the run's ids, the workload, results of steps, `ctx`; nearer names win. */
import { HashMap, Option } from "effect"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { State } from "./State.ts"

/** The layers for conditions and values that the run itself works out; `own` is what only this moment has. */
export const layersOf = (state: State, results: JsonObject, own: JsonObject): ReadonlyArray<JsonObject> => [
  own,
  { ...headsOf(state), steps: results },
  state.ctx,
  results,
  state.workload,
  state.base
]

/** `ctx.x` is the workload's `x` until a `set` gives it another value. */
const headsOf = (state: State): JsonObject => {
  const ctx = Object.keys(state.ctx).length === 0 ? state.workload : { ...state.workload, ...state.ctx }
  return { ctx, vars: ctx, workload: state.workload }
}

/** Every step's value by its name. */
export const resultsOf = ({ results }: State): JsonObject => Object.fromEntries(HashMap.entries(results))

/** What a command sees, as one mapping: the results of the steps that it names, or of all of them. */
export const contextOf = (state: State, names: ReadonlySet<string> | "all"): JsonObject => {
  const all = names === "all" || names.has("steps") ? resultsOf(state) : undefined
  return {
    ...state.base,
    ...state.workload,
    ...(names === "all" ? all : someResults(state, names)),
    ...state.ctx,
    ...headsOf(state),
    ...(all === undefined ? {} : { steps: all })
  }
}

const someResults = ({ results }: State, names: ReadonlySet<string>): JsonObject => {
  const found: Record<string, Json> = {}
  for (const name of names) {
    const value = HashMap.get(results, name)
    if (Option.isSome(value)) found[name] = value.value
  }
  return found
}

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
