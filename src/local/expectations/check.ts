/** An expectation held against what a run gave. */
import { HashMap } from "effect"
import { isObject, type Json, numberOf, stringify } from "../../domain/Json.ts"
import type { State } from "../../playbook/engine/State.ts"
import type { Expectation } from "./Expectation.ts"

export interface Outcome {
  readonly ending: string
  readonly state: State
  /** Names of steps as they were entered and left: `+start`, `-start`. */
  readonly trace: ReadonlyArray<string>
}

export interface Check {
  readonly what: string
  readonly ok: boolean
  /** What was there instead; undefined where it is as expected. */
  readonly found: string | undefined
}

export const check = (wanted: Expectation, outcome: Outcome): ReadonlyArray<Check> => [
  verdict(`status ${wanted.status}`, outcome.ending === wanted.status, `${outcome.ending}${why(outcome)}`),
  ...Object.entries(wanted.values ?? {}).map(([path, value]) => valueAt(path, value, outcome)),
  ...(wanted.ran ?? []).map((step) => verdict(`${step} runs`, timesOf(step, outcome) > 0, "it did not")),
  ...(wanted.not ?? []).map((step) =>
    verdict(`${step} does not run`, timesOf(step, outcome) === 0, "it did")
  ),
  ...(wanted.once ?? []).map((step) =>
    verdict(`${step} runs once`, timesOf(step, outcome) === 1, `it ran ${timesOf(step, outcome)} times`)
  ),
  ...(wanted.order ?? []).map((steps) => inOrder(steps, outcome)),
  ...Object.entries(wanted.error ?? {}).flatMap(([step, texts]) =>
    [texts].flat().map((text) => errorOf(step, text, outcome))
  )
]

const verdict = (what: string, ok: boolean, found: string): Check => ({
  what,
  ok,
  found: ok ? undefined : found
})

const why = ({ state }: Outcome): string =>
  state.failures.map(({ error, step }) => `; ${step}: ${error.message}`).join("")

const shown = (value: Json | undefined): string =>
  value === undefined ? "nothing" : stringify(value).slice(0, 300)

const valueAt = (path: string, wanted: Json, { state }: Outcome): Check => {
  const found = path
    .split(".")
    .reduce<Json | undefined>(memberOf, Object.fromEntries(HashMap.toEntries(state.results)))
  return verdict(`${path} = ${shown(wanted)}`, within(wanted, found), shown(found))
}

const memberOf = (value: Json | undefined, key: string): Json | undefined => {
  if (Array.isArray(value)) return (value as ReadonlyArray<Json>)[Number(key)]
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

/** Whether a value has at least what is wanted. */
export const within = (wanted: Json, found: Json | undefined): boolean => {
  if (found === undefined) return false
  const least = typeof wanted === "string" ? /^>=\s*(-?\d+(?:\.\d+)?)$/.exec(wanted) : null
  if (least !== null) return (numberOf(found) ?? Number.NEGATIVE_INFINITY) >= Number(least[1])
  if (Array.isArray(wanted)) {
    const items = wanted as ReadonlyArray<Json>
    return (
      Array.isArray(found) &&
      found.length === items.length &&
      items.every((item, i) => within(item, (found as ReadonlyArray<Json>)[i]))
    )
  }
  if (isObject(wanted))
    return isObject(found) && Object.entries(wanted).every(([key, value]) => within(value, found[key]))
  const number = numberOf(wanted)
  return number === undefined ? wanted === found : number === numberOf(found)
}

const timesOf = (step: string, { state }: Outcome): number => {
  const record = HashMap.get(state.steps, step)
  return record._tag === "Some" ? record.value.runs : 0
}

const inOrder = (steps: ReadonlyArray<string>, { trace }: Outcome): Check => {
  const early = steps.slice(1).find((step, index) => {
    const done = trace.lastIndexOf(`-${steps[index] ?? ""}`)
    return done === -1 || trace.indexOf(`+${step}`) < done
  })
  return verdict(
    `${steps.join(", ")} in this order`,
    early === undefined,
    `${early} does not follow: ${trace.filter((one) => one.startsWith("+")).join(" ")}`
  )
}

const errorOf = (step: string, text: string, { state }: Outcome): Check => {
  const found = state.failures.find((failure) => failure.step === step)?.error
  const message = found === undefined ? "no error" : stringify(found)
  return verdict(
    `${step} fails with "${text}"`,
    found !== undefined && message.includes(text),
    message.slice(0, 300)
  )
}
