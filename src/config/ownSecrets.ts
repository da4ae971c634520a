/** The secrets that the worker has of its own: its settings, its environment and the files that those name. */
import { readFileSync } from "node:fs"
import { isObject, parse, stringify } from "../domain/Json.ts"
import { percentDecoded } from "../domain/percentDecoded.ts"
import { hasSecretName, secretsInText } from "../secrets/secretsInText.ts"
import { secretsOf } from "../secrets/secretsOf.ts"
import type { Setting } from "./Setting.ts"
import { settings, type Values } from "./settings.ts"

type Own = ReadonlyArray<readonly [name: string, secret: string]>

export const ownSecrets = (values: Values, env: Readonly<Record<string, string | undefined>>): Own => [
  ...inSettings(values),
  ...inFiles(values),
  ...Object.entries(env).flatMap(([name, value]) => inVariable(name, value ?? ""))
]

const inSettings = (values: Values): Own =>
  (Object.entries(settings) as ReadonlyArray<[keyof Values, Setting]>).flatMap(([name, setting]): Own => {
    const value = values[name]
    if (typeof value !== "string") return []
    const parts = name === "otlpHeaders" ? valuesOf(value) : secretsInText(value)
    return [...(setting.secret ? [value] : []), ...parts].map((part, i) => [`${setting.key} ${i}`, part])
  })

/** `name=value,name=value`, values URL-encoded. */
const valuesOf = (headers: string): ReadonlyArray<string> =>
  headers.split(",").flatMap((pair) => {
    const value = pair.slice(pair.indexOf("=") + 1).trim()
    return [value, percentDecoded(value), ...secretsInText(percentDecoded(value))]
  })

/** What a pod shows the cluster's API: programs of its user can read it as well. */
const kubernetesToken = "/var/run/secrets/kubernetes.io/serviceaccount/token"

/** A file that cannot be read is reported by the part that needs it. */
const inFiles = (values: Values): Own =>
  [
    values.serverTokenFile,
    values.serverKey,
    values.natsNkey,
    values.natsCreds,
    values.natsKey,
    values.googleFile,
    kubernetesToken
  ].flatMap((path): Own => {
    if (path === undefined) return []
    try {
      return [[path, readFileSync(path, "utf8").trim()]]
    } catch {
      return []
    }
  })

const inVariable = (name: string, value: string): Own => {
  // The working folder, not a password.
  if (name === "PWD") return []
  const isOwn = name.startsWith("NOETL_SECRET_")
  const parsed = isOwn && value.trimStart().startsWith("{") ? parse(value) : undefined
  if (parsed?._tag === "Success" && isObject(parsed.success))
    return secretsOf(parsed.success).map((secret, i) => [
      `${name} ${i}`,
      typeof secret === "string" ? secret : stringify(secret)
    ])
  if (isOwn || (hasSecretName(name) && !/_(FILE|PATH|DIR|NAME|URL)$/.test(name))) return [[name, value]]
  return value.includes("://") ? secretsInText(value).map((part, i) => [`${name} ${i}`, part]) : []
}
