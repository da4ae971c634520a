/** `spec.policy.rules` and the short `retry:` of a task: what they may contain, and what is refused. */
import { Result } from "effect"
import { isObject, type Json, type JsonObject, numberOf } from "../../domain/Json.ts"
import { isTemplate } from "../../template/lexer.ts"
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
  /** Executions in all, the first included. */
  readonly attempts: Amount
  readonly backoff: string | undefined
  /** Seconds. */
  readonly delay: Amount | undefined
  /** What a growing delay is multiplied by. */
  readonly factor: Amount
  /** Seconds. */
  readonly maxDelay: Amount
}

/** A number as it was written, maybe as a template, and what becomes of it: `written · scale + plus`. */
export interface Amount {
  /** Where it was written, below its rule. */
  readonly key: string
  readonly written: Json
  readonly scale: number
  readonly plus: number
}

const amount = (key: string, written: Json, { plus = 0, scale = 1 } = {}): Amount => ({
  key,
  written,
  scale,
  plus
})

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
        attempts: amount("attempts", then["attempts"] ?? 3),
        backoff: backoff ?? undefined,
        delay: amountAt(then, "delay"),
        factor: amount("factor", 2),
        maxDelay: amount("max_delay", longestDelay)
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

/** A template for all of `retry`: its rules are known when it is rendered. */
export const retryTemplateOf = (value: Json | undefined): string | undefined =>
  typeof value === "string" && isTemplate(value) ? value : undefined

/** `retry: true`, `retry: 5`, `retry: {…}`: one rule behind all others, for errors that may pass. */
export const retryRulesOf = (value: Json | undefined, at: string): Checked<ReadonlyArray<Rule>> => {
  const word = typeof value === "string" ? value.trim().toLowerCase() : value
  if (word === undefined || word === null || word === false || word === "false" || word === "")
    return Result.succeed([])
  if (word === true || word === "true") return Result.succeed([retryRule(at, onError, {})])
  if (isNumber(word)) return Result.succeed([retryRule(at, onError, { attempts: word })])
  if (isObject(word))
    return Result.succeed([retryRule(at, word["when"] ?? word["retry_when"] ?? onError, word)])
  if (!Array.isArray(word)) return wrong(at, "expected true, a number of attempts, a mapping or a list")
  return Result.all(word.map((entry: Json, i) => listedRetry(entry, `${at}[${i}]`)))
}

const isNumber = (value: Json): boolean =>
  numberOf(value) !== undefined || (typeof value === "string" && /^\d+(\.\d+)?$/.test(value))

const listedRetry = (entry: Json, at: string): Checked<Rule> =>
  Result.gen(function* () {
    const value = yield* mappingAt(entry, at)
    const then = yield* mappingAt(value["then"], under(at, "then"))
    if (then["next_call"] !== undefined || then["collect"] !== undefined) {
      return yield* wrong(under(at, "then"), "pagination by retry is not supported: write a rule that jumps")
    }
    return retryRule(at, value["when"] ?? onError, then)
  })

/** Undefined where nothing is written. */
const amountAt = (
  value: JsonObject,
  key: string,
  change?: Parameters<typeof amount>[2]
): Amount | undefined => {
  const written = value[key] ?? null
  return written === null ? undefined : amount(key, written, change)
}

const retryRule = (at: string, when: Json, settings: JsonObject): Rule => ({
  at,
  when,
  isShort: true,
  then: {
    do: "retry",
    to: undefined,
    set: [],
    retry: {
      attempts:
        amountAt(settings, "max_attempts") ??
        amountAt(settings, "attempts") ??
        amountAt(settings, "max_retries", { plus: 1 }) ??
        amount("attempts", 3),
      backoff: "exponential",
      delay:
        amountAt(settings, "initial_delay") ??
        amountAt(settings, "delay") ??
        amountAt(settings, "initial_delay_ms", { scale: 0.001 }) ??
        amount("delay", 1),
      factor: amountAt(settings, "backoff_multiplier") ?? amount("backoff_multiplier", 2),
      maxDelay:
        amountAt(settings, "max_delay") ??
        amountAt(settings, "max_delay_ms", { scale: 0.001 }) ??
        amount("max_delay", 60)
    }
  }
})
