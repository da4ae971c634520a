/** A script's settings as authors write them, in the spellings of all NoETL generations, and as the tool uses them. */
import type { V1ResourceRequirements, V1Toleration } from "@kubernetes/client-node"
import { Schema, SchemaGetter } from "effect"
import { isObject, type Json, type JsonObject, JsonRecord, JsonValue } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import type { ToolCall } from "../Tool.ts"
import { invalid, ToolError } from "../../domain/ToolError.ts"
import { defaultNamespace, type ScriptSettings } from "./ScriptOptions.ts"

/** `backoffLimit` and `backoff_limit` are the same key; the latter wins. */
const snakeCased = Schema.Unknown.pipe(
  Schema.decodeTo(Schema.Unknown, {
    decode: SchemaGetter.transform((value: unknown): unknown =>
      isObject(value)
        ? Object.fromEntries(
            Object.entries(value)
              .map(([key, one]) => [snake(key), one, key] as const)
              .toSorted(([, , a], [, , b]) => Number(a.includes("_")) - Number(b.includes("_")))
              .map(([key, one]) => [key, one])
          )
        : value
    ),
    encode: SchemaGetter.transform((value: unknown): unknown => value)
  })
)

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const Quantities = Coerced.optional(Coerced.TextMap)

const Job = snakeCased.pipe(
  Schema.decodeTo(
    Schema.Struct({
      image: Coerced.optional(Schema.NonEmptyString),
      namespace: Coerced.optional(Schema.NonEmptyString),
      ttl_seconds_after_finished: Coerced.optional(
        Coerced.Integer.check(Schema.isBetween({ minimum: 0, maximum: 604800 }))
      ),
      backoff_limit: Coerced.optional(Coerced.Integer.check(Schema.isBetween({ minimum: 0, maximum: 20 }))),
      timeout: Coerced.optional(Coerced.Seconds),
      timeout_seconds: Coerced.optional(Coerced.Seconds),
      active_deadline_seconds: Coerced.optional(Coerced.Seconds),
      install_dependencies: Coerced.optional(Coerced.TextList),
      resources: Coerced.optional(Schema.Struct({ requests: Quantities, limits: Quantities })),
      env: Coerced.optional(Coerced.TextMap),
      image_pull_policy: Coerced.optional(Schema.Literals(["Always", "IfNotPresent", "Never"])),
      service_account: Coerced.optional(Schema.String),
      service_account_name: Coerced.optional(Schema.String),
      image_pull_secrets: Schema.optionalKey(JsonValue),
      node_selector: Coerced.optional(Coerced.TextMap),
      tolerations: Coerced.optional(Schema.Array(JsonRecord)),
      command: Coerced.optional(Coerced.TextList),
      labels: Coerced.optional(Coerced.TextMap),
      annotations: Coerced.optional(Coerced.TextMap),
      /** `restricted` fits every namespace; `none` is for images that must be root. */
      pod_security: Coerced.optional(Schema.Literals(["restricted", "none"]))
    })
  )
)

export const Config = Schema.Struct({
  script: Schema.optionalKey(JsonValue),
  code: Coerced.optional(Schema.String),
  args: Coerced.optional(Coerced.JsonMap),
  input: Coerced.optional(Coerced.JsonMap),
  job: Coerced.optional(Job),
  timeout: Coerced.optional(Coerced.Seconds),
  timeout_seconds: Coerced.optional(Coerced.Seconds),
  wait: Coerced.optional(Coerced.Boolean)
})
export type Config = typeof Config.Type

/** What a Job is made of. */
export interface JobSpec {
  readonly namespace: string
  readonly image: string
  readonly imagePullPolicy: "Always" | "IfNotPresent" | "Never"
  readonly imagePullSecrets: ReadonlyArray<string>
  /** argv in front of the arguments. */
  readonly command: ReadonlyArray<string>
  readonly args: JsonObject
  readonly dependencies: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly resources: V1ResourceRequirements
  readonly serviceAccount: string | undefined
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly tolerations: ReadonlyArray<V1Toleration>
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly restricted: boolean
  readonly backoffLimit: number
  readonly ttlSeconds: number
  /** For one run of the script. */
  readonly timeoutSeconds: number
}

export const scriptPath = "/scripts/script.py"

/** An argument of a program cannot be longer than 128 KiB on Linux. */
const maxArguments = 120 * 1024

/** The settings with their defaults, or what is wrong with them. */
export const specOf = (
  config: Config,
  call: ToolCall,
  settings: ScriptSettings,
  namespace: string | undefined
): JobSpec | ToolError => {
  const job = config.job ?? {}
  const args = { ...call.args, ...config.input, ...config.args }
  const wrong = (at: string, problem: string) => invalid(call, at, problem)
  if (Buffer.byteLength(JSON.stringify(args, bigintText)) > maxArguments)
    return wrong("args", "larger than 120 KiB: an argument of a program cannot be longer")
  const badName = Object.keys(job.env ?? {}).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (badName !== undefined) return wrong(`job.env.${badName}`, "not a name of an environment variable")
  const target = job.namespace ?? settings.namespace ?? namespace ?? defaultNamespace
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(target))
    return wrong("job.namespace", "not a name of a namespace")
  const secrets = pullSecretsOf(job.image_pull_secrets)
  if (secrets === undefined) return wrong("job.image_pull_secrets", "Expected names of Secrets")
  const command = job.command ?? ["python", scriptPath]
  if (command.length === 0) return wrong("job.command", "Expected a program")
  return {
    namespace: target,
    image: job.image ?? settings.image,
    imagePullPolicy: job.image_pull_policy ?? "IfNotPresent",
    imagePullSecrets: secrets,
    command,
    args,
    dependencies: job.install_dependencies ?? [],
    env: job.env ?? {},
    resources: resourcesOf(job.resources),
    serviceAccount: job.service_account ?? job.service_account_name ?? settings.serviceAccount,
    nodeSelector: job.node_selector ?? {},
    tolerations: job.tolerations ?? [],
    labels: job.labels ?? {},
    annotations: job.annotations ?? {},
    restricted: job.pod_security !== "none",
    // The control plane retries commands, and a rule retries tasks: a third hand would only multiply them.
    backoffLimit: job.backoff_limit ?? 0,
    ttlSeconds: job.ttl_seconds_after_finished ?? 300,
    timeoutSeconds: Math.ceil(
      positive(job.timeout) ??
        positive(job.timeout_seconds) ??
        positive(job.active_deadline_seconds) ??
        outerTimeout(config) ??
        600
    )
  }
}

/** The deadline of the whole tool, where the author names one. */
export const outerTimeout = (config: Config): number | undefined =>
  positive(config.timeout) ?? positive(config.timeout_seconds)

const positive = (seconds: number | null | undefined): number | undefined =>
  seconds === null || seconds === undefined || seconds === 0 ? undefined : seconds

const bigintText = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

/** `["a"]`, `[{name: a}]` or `a`. */
const pullSecretsOf = (value: Json | undefined): ReadonlyArray<string> | undefined => {
  if (value === undefined || value === null) return []
  const names = (Array.isArray(value) ? (value as ReadonlyArray<Json>) : [value]).map((one) =>
    isObject(one) ? one["name"] : one
  )
  return names.every((name) => typeof name === "string" && name !== "") ? (names as Array<string>) : undefined
}

type Written = NonNullable<NonNullable<Config["job"]>["resources"]>

const resourcesOf = (resources: Written | null | undefined): V1ResourceRequirements => ({
  ...(resources?.requests ? { requests: { ...resources.requests } } : {}),
  ...(resources?.limits ? { limits: { ...resources.limits } } : {})
})
