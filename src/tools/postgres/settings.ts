/** Which server, which database, as whom: a connection's settings, in every spelling that authors use. */
import { Effect, Redacted, Schema } from "effect"
import { pemOf } from "../http/pem.ts"
import { JsonValue } from "../../domain/Json.ts"
import * as Coerced from "../Coerced.ts"
import { invalid } from "../../domain/ToolError.ts"
import { percentDecoded } from "../../domain/percentDecoded.ts"

const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const
export type SslMode = (typeof modes)[number]

export const fields = {
  connection_string: Coerced.optional(Schema.String),
  connection: Coerced.optional(Schema.String),
  host: Coerced.optional(Coerced.Text),
  port: Coerced.optional(Coerced.Integer.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))),
  database: Coerced.optional(Coerced.Text),
  user: Coerced.optional(Coerced.Text),
  password: Coerced.optional(Coerced.Text),
  db_host: Coerced.optional(Coerced.Text),
  db_port: Coerced.optional(Coerced.Integer),
  db_name: Coerced.optional(Coerced.Text),
  db_user: Coerced.optional(Coerced.Text),
  db_password: Coerced.optional(Coerced.Text),
  sslmode: Coerced.optional(Schema.Literals(modes)),
  sslrootcert: Coerced.optional(Schema.String),
  sslcert: Coerced.optional(Schema.String),
  sslkey: Coerced.optional(Schema.String),
  pool: Schema.optionalKey(JsonValue),
  application_name: Coerced.optional(Coerced.Text)
}

const Fields = Schema.Struct(fields)
export interface Settings extends Schema.Schema.Type<typeof Fields> {}

/** All that makes two connections interchangeable. Compared by value. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: Redacted.Redacted
  readonly sslmode: SslMode
  readonly rootCertificate: string | undefined
  readonly certificate: string | undefined
  readonly key: Redacted.Redacted | undefined
  /** A pool apart from others of the same target. */
  readonly pool: string
  readonly poolSize: number | undefined
}

/** Host, port and database: what may be said of a target. */
export const shown = ({ database, host, port }: Target): string => `${host}:${port}/${database}`

export const targetOf = Effect.fnUntraced(function* (
  settings: Settings,
  call: { readonly kind: string },
  filesRoot: string | undefined,
  at = ""
) {
  const text = settings.connection_string ?? settings.connection ?? undefined
  const url = text === undefined || text === "" ? {} : urlOf(text)
  if (url === undefined) {
    return yield* invalid(
      call,
      `${at}connection_string`,
      "Expected postgresql://user:password@host:port/database"
    )
  }
  const read = (key: "sslrootcert" | "sslcert" | "sslkey") =>
    Effect.mapError(pemOf(url[key] ?? settings[key] ?? undefined, filesRoot), (problem) =>
      invalid(call, `${at}${key}`, problem)
    )
  const sslmode = url.sslmode ?? settings.sslmode ?? "prefer"
  if (!modes.includes(sslmode as SslMode)) {
    return yield* invalid(call, `${at}sslmode`, `Expected one of ${modes.join(", ")}`)
  }
  const key = yield* read("sslkey")
  return {
    host: url.host ?? settings.host ?? settings.db_host ?? "localhost",
    port: url.port ?? settings.port ?? settings.db_port ?? 5432,
    database: url.database ?? settings.database ?? settings.db_name ?? "postgres",
    user: url.user ?? settings.user ?? settings.db_user ?? "postgres",
    password: Redacted.make(url.password ?? settings.password ?? settings.db_password ?? ""),
    sslmode: sslmode as SslMode,
    rootCertificate: yield* read("sslrootcert"),
    certificate: yield* read("sslcert"),
    key: key === undefined ? undefined : Redacted.make(key),
    ...poolOf(settings.pool)
  } satisfies Target
})

// --- helpers ---

interface Url {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly user?: string
  readonly password?: string
  readonly [key: string]: string | number | undefined
  readonly sslmode?: string
  readonly sslrootcert?: string
  readonly sslcert?: string
  readonly sslkey?: string
}

/** A URL, or the `host=… dbname=…` form. */
const urlOf = (text: string): Url | undefined => {
  if (!/^postgres(ql)?:\/\//i.test(text)) return keywordsOf(text)
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const query = Object.fromEntries(url.searchParams)
  return {
    ...ssl(query),
    ...some("host", query["host"] ?? percentDecoded(url.hostname).replace(/^\[(.*)\]$/, "$1")),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...some("database", percentDecoded(url.pathname.slice(1))),
    ...some("user", percentDecoded(url.username)),
    ...some("password", percentDecoded(url.password))
  }
}

const keywordsOf = (text: string): Url | undefined => {
  const values: Record<string, string> = {}
  const rest = text.replaceAll(/\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g, (_, key, quoted, plain) => {
    values[String(key)] = String(quoted ?? plain).replaceAll(/\\(.)/g, "$1")
    return ""
  })
  if (rest.trim() !== "" || Object.keys(values).length === 0) return undefined
  return {
    ...ssl(values),
    ...some("host", values["host"]),
    ...(values["port"] === undefined ? {} : { port: Number(values["port"]) }),
    ...some("database", values["dbname"]),
    ...some("user", values["user"]),
    ...some("password", values["password"])
  }
}

const ssl = (values: Readonly<Record<string, string>>): Url =>
  Object.fromEntries(
    ["sslmode", "sslrootcert", "sslcert", "sslkey"].flatMap((key) => Object.entries(some(key, values[key])))
  )

const some = (key: string, value: string | undefined) =>
  value === undefined || value === "" ? {} : { [key]: value }

/** `pool: {name, max_size, …}`; what is not known of it does no harm. */
const poolOf = (pool: unknown): Pick<Target, "pool" | "poolSize"> => {
  if (typeof pool !== "object" || pool === null) return { pool: "", poolSize: undefined }
  const { max_size: size, name } = pool as { readonly name?: unknown; readonly max_size?: unknown }
  return {
    pool: typeof name === "string" ? name : "",
    poolSize: typeof size === "number" && size >= 1 ? Math.min(64, Math.floor(size)) : undefined
  }
}
