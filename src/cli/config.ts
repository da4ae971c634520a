/** `noetl-worker config`: what the settings are, where they came from, and how to write them down. */
import { Effect } from "effect"
import type { Loaded } from "../config/load.ts"
import { type Setting, shown } from "../config/Setting.ts"
import { settings } from "../config/settings.ts"
import * as Json from "../domain/Json.ts"
import { ownBudget, shownBudget } from "../domain/memoryBudget.ts"
import { loadConfig } from "./sources.ts"
import { print } from "./print.ts"

export interface ConfigFlags {
  readonly changed: boolean
  readonly example: boolean
  readonly schema: boolean
  readonly json: boolean
}

export const config = Effect.fnUntraced(function* (input: ConfigFlags) {
  if (input.schema) return yield* print(`${Json.stringify(jsonSchema(), 2)}\n`)
  if (input.example) return yield* print(example())
  const loaded = yield* loadConfig
  const chosen = all.filter(([name]) => !input.changed || loaded.origins.has(name))
  return yield* print(input.json ? asJson(chosen, loaded) : asText(chosen, loaded))
})

type Entries = ReadonlyArray<readonly [keyof typeof settings, Setting]>

const all = Object.entries(settings) as unknown as Entries

const valueOf = (name: keyof typeof settings, setting: Setting, { origins, values }: Loaded): string =>
  !origins.has(name) ? setting.shownDefault : setting.secret ? "(set)" : shown(values[name])

const namesOf = ({ env, flag, key }: Setting): ReadonlyArray<string> => [
  ...env,
  ...(flag === undefined ? [] : [`--${flag}`]),
  `${key} (TOML)`
]

const asText = (entries: Entries, loaded: Loaded): string =>
  [
    ...entries.map(([name, setting]) =>
      [
        `${setting.env[0]} = ${valueOf(name, setting, loaded)}   (${loaded.origins.get(name)?.source ?? "default"})`,
        `    ${setting.doc}`,
        `    ${setting.type.shape}; default: ${setting.shownDefault}; names: ${namesOf(setting).join(", ")}`
      ].join("\n")
    ),
    `memory of this process, by shares: ${shownBudget(ownBudget())}`,
    ...loaded.warnings.map((warning) => `warning: ${warning}`),
    ""
  ].join("\n")

const asJson = (entries: Entries, loaded: Loaded): string =>
  `${Json.stringify(
    {
      settings: entries.map(([name, setting]) => ({
        name: setting.env[0],
        value: valueOf(name, setting, loaded),
        source: loaded.origins.get(name)?.source ?? "default",
        default: setting.shownDefault,
        names: namesOf(setting),
        doc: setting.doc
      })),
      warnings: loaded.warnings
    },
    2
  )}\n`

const sections = (): ReadonlyMap<string, ReadonlyArray<readonly [string, Setting]>> =>
  Map.groupBy(
    all.map(([, setting]) => [setting.key.slice(setting.key.indexOf(".") + 1), setting] as const),
    ([, setting]) => setting.key.slice(0, setting.key.indexOf("."))
  )

export const example = (): string =>
  [...sections()]
    .map(([section, members]) =>
      [
        `[${section}]`,
        ...members.map(
          ([key, setting]) =>
            `# ${setting.doc}\n# ${setting.type.shape}; default: ${setting.shownDefault}\n# ${key} = ${tomlOf(setting.fallback)}`
        )
      ].join("\n")
    )
    .join("\n\n")
    .concat("\n")

/** A default as TOML; the empty text stands for a setting that is not set. */
const tomlOf = (fallback: unknown): string =>
  typeof fallback === "number" || typeof fallback === "boolean"
    ? String(fallback)
    : Json.stringify(fallback === undefined ? "" : shown(fallback))

export const jsonSchema = () => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "noetl-worker",
  type: "object",
  properties: Object.fromEntries(
    [...sections()].map(([section, members]) => [
      section,
      {
        type: "object",
        properties: Object.fromEntries(
          members.map(([key, setting]) => [key, { ...setting.type.schema, description: setting.doc }])
        )
      }
    ])
  )
})
