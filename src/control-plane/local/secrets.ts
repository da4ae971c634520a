/** Entries of a playbook's keychain: worked out when they are read, once for each run. */
import { Effect } from "effect"
import { type Json, type JsonObject, stringify } from "../../domain/Json.ts"
import type { Evaluator } from "../../template/evaluator.ts"
import { Memory } from "../../template/Memory.ts"
import type { Options } from "./Options.ts"
import type { Registry } from "./Registry.ts"
import type { Run } from "./Run.ts"

export interface Secrets {
  /** The value of an entry; undefined where the playbook has none of that name. */
  readonly of: (run: Run, name: string) => Effect.Effect<JsonObject | undefined, string>
}

export const make = (options: Options, { secrets }: Registry, evaluator: Evaluator): Secrets => {
  const of = Effect.fnUntraced(function* (
    run: Run,
    name: string,
    above: ReadonlyArray<string> = []
  ): Effect.fn.Return<JsonObject | undefined, string> {
    const key = `${run.head.executionId} ${name}`
    const known = secrets.get(key)
    if (known !== undefined) return known
    const entry = run.plan.playbook.keychain.find((one) => one["name"] === name)
    if (entry === undefined) return undefined
    if (above.includes(name))
      return yield* Effect.fail(
        `the entries of the keychain name each other: ${[...above, name].join(" → ")}`
      )
    const others = yield* Effect.forEach(namesIn(entry), (other) =>
      Effect.map(of(run, other, [...above, name]), (value) => [other, value ?? null] as const)
    )
    const { base, workload } = run.state()
    const layers = [{ keychain: Object.fromEntries(others), workload }, workload, base]
    const value = yield* options.secret(entry, (template) => renderNow(evaluator, template, layers))
    secrets.set(key, value)
    return value
  })
  return { of: (run, name) => of(run, name) }
}

/** Entries that the templates of an entry name. */
const namesIn = ({ name, ...rest }: JsonObject): ReadonlyArray<string> => [
  ...new Set(
    [...stringify(rest).matchAll(/\bkeychain\.(\w+)/g)].flatMap(([, other]) =>
      other === undefined || other === name ? [] : [other]
    )
  )
]

const renderNow = (evaluator: Evaluator, template: Json, layers: ReadonlyArray<JsonObject>): Json =>
  evaluator.render(template, { layers, memory: new Memory(false), now: 0 }, "keychain") ?? null
