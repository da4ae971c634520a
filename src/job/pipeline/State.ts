/** What a running pipeline knows, and what its templates see. A step of the run takes one and gives the next. */
import type { Command } from "../../domain/Command.ts"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import type { SetBlock } from "./Rule.ts"

export interface State {
  /** What came with the command. */
  readonly base: JsonObject
  /** Names that the worker gives to every template. Whatever the author calls so wins. */
  readonly own: JsonObject
  /** Everything under `ctx`, changes included. */
  readonly ctx: JsonObject
  /** What was changed under `ctx`: it is reported, and readable by its bare name. */
  readonly changed: JsonObject
  readonly iter: JsonObject
  /** Names that a task set for the tasks behind it. */
  readonly locals: JsonObject
  /** Label → data, in the order in which the tasks ended last. */
  readonly results: JsonObject
  readonly previous: Json | undefined
}

export const initial = (command: Command, step: string): State => {
  const { context } = command
  const ctx = isObject(context["ctx"]) ? context["ctx"] : context
  const metadata: JsonObject = {
    execution_id: command.executionId,
    command_id: command.commandId,
    attempt: command.attempt,
    server_url: command.serverUrl ?? "",
    step,
    node_name: step,
    action: command.kind
  }
  const absent: JsonObject = {
    workload: context,
    steps: context,
    job: { uuid: command.executionId, execution_id: command.executionId, id: command.executionId }
  }
  return {
    base: context,
    own: { ...metadata, ...absent },
    ctx,
    changed: {},
    iter: isObject(context["iter"]) ? context["iter"] : {},
    locals: {},
    results: {},
    previous: undefined
  }
}

/**
 * The layers that templates look names up in, first one wins. `own` is what only this moment has; `besides` are names of
 * the worker's that yield to the author's, as all of them do.
 */
export const layersOf = (
  state: State,
  label: string,
  attempt: number,
  own: JsonObject,
  besides: JsonObject = {}
): ReadonlyArray<JsonObject> => [
  own,
  { ctx: state.ctx, iter: state.iter },
  state.locals,
  state.results,
  state.changed,
  state.base,
  // Bare names of what servers send only under a heading. A step's value of the same name is in the base, and wins.
  state.iter,
  state.ctx,
  ...(isObject(state.base["workload"]) ? [state.base["workload"]] : []),
  {
    ...state.own,
    vars: state.ctx,
    results: state.results,
    _task: label,
    _attempt: attempt,
    ...(state.previous === undefined ? {} : { _prev: state.previous, output: state.previous }),
    ...besides
  }
]

/** All layers as one: what a program gets. */
export const flattened = (layers: ReadonlyArray<JsonObject>): JsonObject =>
  Object.assign({}, ...layers.toReversed()) as JsonObject

/** The data of a task that ended, under its label. An error without data leaves nothing there. */
export const withResult = (state: State, label: string, data: Json | undefined): State => {
  const { [label]: _, ...others } = state.results
  return data === undefined
    ? { ...state, results: others }
    : { ...state, results: { ...others, [label]: data }, previous: data }
}

/** Where a bare name goes: a task's `set` keeps it in the pipeline, a rule's gives it to the execution. */
export type Bare = "local" | "ctx"

/** Applies values that were rendered against the state before any of them. */
export const withSet = (state: State, block: SetBlock, bare: Bare): State =>
  block.reduce((now, [target, value]) => assign(now, target, value, bare), state)

const assign = (state: State, target: string, value: Json, bare: Bare): State => {
  const [scope, ...rest] = target.split(".").map((part) => part.trim())
  if (scope === undefined) return state
  if (rest.length > 0 && (scope === "ctx" || scope === "step" || scope === "vars"))
    return intoCtx(state, rest, value)
  if (rest.length > 0 && scope === "iter") return { ...state, iter: put(state.iter, rest, value) }
  if (bare === "ctx") return intoCtx(state, [scope, ...rest], value)
  return { ...state, locals: put(state.locals, [scope, ...rest], value) }
}

const intoCtx = (state: State, path: ReadonlyArray<string>, value: Json): State => {
  const ctx = put(state.ctx, path, value)
  const [name] = path
  return name === undefined
    ? state
    : { ...state, ctx, changed: { ...state.changed, [name]: ctx[name] as Json } }
}

/** A path in a mapping, made where it is missing. Nothing that came in is changed. */
const put = (mapping: JsonObject, path: ReadonlyArray<string>, value: Json): JsonObject => {
  const [key, ...rest] = path
  if (key === undefined) return mapping
  if (rest.length === 0) return { ...mapping, [key]: value }
  const inner = Object.hasOwn(mapping, key) ? mapping[key] : undefined
  return { ...mapping, [key]: put(isObject(inner) ? inner : {}, rest, value) }
}

/** The changes as they are reported. */
export const updatesOf = (state: State): JsonObject | undefined => {
  const entries = Object.entries(state.changed)
  return entries.length === 0
    ? undefined
    : Object.fromEntries(entries.map(([name, value]) => [`ctx.${name}`, value]))
}
