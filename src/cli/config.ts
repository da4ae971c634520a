/** `noetl-worker config`: what the settings are, where they came from, and how to write them down. */
import { Effect } from "effect"
import type { Loaded } from "../config/load.ts"
import { type Setting, shown } from "../config/Setting.ts"
import { settings } from "../config/settings.ts"
import * as Json from "../domain/Json.ts"
import { loadConfig } from "./sources.ts"
import { type Arguments, UsageError } from "./options.ts"

export const config = Effect.fnUntraced(function* (args: Arguments) {
  if (args.switches.has("schema")) return yield* print(`${Json.stringify(jsonSchema(), 2)}\n`)
  if (args.switches.has("example")) return yield* print(example())
  if (!args.switches.has("explain")) {
    return yield* new UsageError({ message: "config needs one of --explain, --example, --schema" })
  }
  yield* print(explain(yield* loadConfig(args)))
})

const all = Object.entries(settings) as unknown as ReadonlyArray<readonly [keyof typeof settings, Setting]>

const explain = ({ origins, values, warnings }: Loaded): string =>
  [
    ...all.map(([name, setting]) => {
      const origin = origins.get(name)
      const value =
        origin === undefined ? setting.shownDefault : setting.secret ? "(set)" : shown(values[name])
      return [
        `${setting.env[0]} = ${value}   (${origin?.source ?? "default"})`,
        `    ${setting.doc}`,
        `    ${setting.type.shape}; default: ${setting.shownDefault}; ` +
          `names: ${[...setting.env, ...(setting.flag === undefined ? [] : [`--${setting.flag}`]), `${setting.key} (TOML)`].join(", ")}`
      ].join("\n")
    }),
    ...warnings.map((warning) => `warning: ${warning}`),
    ""
  ].join("\n")

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
            `# ${setting.doc}\n# ${setting.type.shape}; default: ${setting.shownDefault}\n# ${key} =`
        )
      ].join("\n")
    )
    .join("\n\n")
    .concat("\n")

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

const print = (text: string) => Effect.sync(() => void process.stdout.write(text))
