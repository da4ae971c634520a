/** `spec.policy.rules` and the short `retry:` of a task: what they may contain, and what is refused. */
import { Result } from "effect"
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { type Checked, listAt, mappingAt, under, wrong } from "./Issue.ts"

export type Verb = "continue" | "break" | "fail" | "jump" | "retry"

export interface Rule {
  readonly at: string
  /** True for `else` and for a rule without a condition. */
  readonly when: Json
  readonly then: Action
  /** It comes from `retry:` and not from a policy. */
  readonly isShort: boolean
}

export interface Action {
  readonly do: Verb
  readonly to: string | undefined
  readonly retry: RetryPlan
  readonly set: SetBlock
}

export interface RetryPlan {
  /** Executions in all, the first included. May be a template. */
  readonly attempts: Json
  readonly backoff: string | undefined
  /** Seconds. May be a template. */
  readonly delay: Json | undefined
  /** What a growing delay is multiplied by. */
  readonly factor: number
  readonly maxDelay: number
}

/** Target → template, in the order written. */
export type SetBlock = ReadonlyArray<readonly [target: string, value: Json]>

/** No delay is longer than this. */
export const longestDelay = 300

export const rulesOf = (spec: JsonObject, at: string): Checked<ReadonlyArray<Rule>> =>
  Result.gen(function* () {
    const policy = yield* mappingAt(spec["policy"], under(at, "policy"))
    const where = under(at, "policy")
    const mode = policy["mode"] ?? "exclusive"
    if (mode !== "exclusive") return yield* wrong(under(where, "mode"), "only 'exclusive' is supported")
    // Servers fill in defaults: a null and a default value count as absent.
    for (const key of ["before", "after", "finally"]) {
      if ((policy[key] ?? null) !== null) return yield* wrong(under(where, key), "it is not supported")
    }
    if (!["continue", null].includes((policy["on_unmatched"] ?? null) as string | null)) {
      return yield* wrong(under(where, "on_unmatched"), "only 'continue' is supported: write an else rule")
    }
    const rules = yield* listAt(policy["rules"], under(where, "rules"))
    return yield* Result.all(rules.map((rule, i) => ruleOf(rule, `${where}.rules[${i}]`)))
  })

const ruleOf = (value: Json, at: string): Checked<Rule> =>
  Result.gen(function* () {
    if (!isObject(value)) return yield* wrong(at, "expected {when, then} or {else: {then}}")
    yield* refuseOld(value, at)
    const otherwise = Object.hasOwn(value, "else")
    const branch = isObject(value["else"]) ? value["else"] : {}
    yield* refuseOld(branch, under(at, "else"))
    // `else: {do: …}` without `then`, and `else:` with a `then` beside it by a slip of indentation.
    const body = otherwise
      ? (branch["then"] ?? (Object.keys(branch).length > 0 ? branch : value["then"]))
      : value["then"]
    const then = yield* actionOf(
      yield* mappingAt(body, under(at, "then")),
      under(at, otherwise ? "else" : "then")
    )
    return { at, when: otherwise ? true : (value["when"] ?? true), then, isShort: false }
  })

/** Keys of earlier drafts, which no server and no worker ever evaluated. */
export const refusedKeys: ReadonlyArray<string> = ["eval", "expr", "set_vars"]

export const refuseOld = (value: JsonObject, at: string): Checked<void> => {
  const key = refusedKeys.find((name) => value[name] !== undefined)
  return key === undefined
    ? Result.succeed(undefined)
    : wrong(under(at, key), `'${key}' is not supported: write spec.policy.rules with when, then and set`)
}

const verbs: ReadonlySet<string> = new Set(["continue", "break", "fail", "jump", "retry"])

const isVerb = (text: string): text is Verb => verbs.has(text)

const actionOf = (then: JsonObject, at: string): Checked<Action> =>
  Result.gen(function* () {
    yield* refuseOld(then, at)
    const verb = then["do"] ?? "continue"
    if (typeof verb !== "string" || !isVerb(verb)) {
      return yield* wrong(under(at, "do"), `expected one of ${[...verbs].join(", ")}`)
    }
    const to = then["to"]
    if (verb === "jump" && (typeof to !== "string" || to === "")) {
      return yield* wrong(under(at, "to"), "a jump wants the label to jump to")
    }
    const backoff = then["backoff"]
    if (backoff !== undefined && backoff !== null && typeof backoff !== "string") {
      return yield* wrong(under(at, "backoff"), "expected none, fixed, linear or exponential")
    }
    return {
      do: verb,
      to: typeof to === "string" ? to : undefined,
      retry: {
        attempts: then["attempts"] ?? 3,
        backoff: backoff ?? undefined,
        delay: then["delay"] ?? undefined,
        factor: 2,
        maxDelay: longestDelay
      },
      set: yield* setBlockOf(then, at)
    }
  })

/** `set`, and its older spellings `set_ctx` and `set_iter`. */
export const setBlockOf = (value: JsonObject, at: string): Checked<SetBlock> =>
  Result.gen(function* () {
    const plain = yield* mappingAt(value["set"], under(at, "set"))
    const ctx = yield* mappingAt(value["set_ctx"], under(at, "set_ctx"))
    const iter = yield* mappingAt(value["set_iter"], under(at, "set_iter"))
    return [
      ...Object.entries(plain),
      ...Object.entries(ctx).map(([key, one]) => [`ctx.${key}`, one] as const),
      ...Object.entries(iter).map(([key, one]) => [`iter.${key}`, one] as const)
    ]
  })

// --- retry: the short form ---

const onError = "{{ output.status == 'error' and output.error.retryable }}"

/** `retry: true`, `retry: 5`, `retry: {…}`: one rule behind all others, for errors that may pass. */
export const retryRulesOf = (value: Json | undefined, at: string): Checked<ReadonlyArray<Rule>> => {
  if (value === undefined || value === null || value === false) return Result.succeed([])
  if (value === true) return Result.succeed([retryRule(at, onError, {})])
  if (typeof value === "number") return Result.succeed([retryRule(at, onError, { attempts: value })])
  if (isObject(value))
    return Result.succeed([retryRule(at, value["when"] ?? value["retry_when"] ?? onError, value)])
  return Result.flatMap(listAt(value, at), (entries) =>
    Result.all(entries.map((entry, i) => listedRetry(entry, `${at}[${i}]`)))
  )
}

const listedRetry = (entry: Json, at: string): Checked<Rule> =>
  Result.gen(function* () {
    const value = yield* mappingAt(entry, at)
    const then = yield* mappingAt(value["then"], under(at, "then"))
    if (then["next_call"] !== undefined || then["collect"] !== undefined) {
      return yield* wrong(under(at, "then"), "pagination by retry is not supported: write a rule that jumps")
    }
    return retryRule(at, value["when"] ?? onError, then)
  })

const numberAt = (value: JsonObject, ...keys: ReadonlyArray<string>): number | undefined => {
  const found = keys.map((key) => value[key]).find((one) => typeof one === "number")
  return typeof found === "number" ? found : undefined
}

const retryRule = (at: string, when: Json, settings: JsonObject): Rule => {
  const again = numberAt(settings, "max_retries")
  const millis = numberAt(settings, "initial_delay_ms")
  const maxMillis = numberAt(settings, "max_delay_ms")
  return {
    at,
    when,
    isShort: true,
    then: {
      do: "retry",
      to: undefined,
      set: [],
      retry: {
        attempts: numberAt(settings, "max_attempts", "attempts") ?? (again === undefined ? 3 : again + 1),
        backoff: "exponential",
        delay: numberAt(settings, "initial_delay", "delay") ?? (millis === undefined ? 1 : millis / 1000),
        factor: numberAt(settings, "backoff_multiplier") ?? 2,
        maxDelay: numberAt(settings, "max_delay") ?? (maxMillis === undefined ? 60 : maxMillis / 1000)
      }
    }
  }
}
