/**
 * The environment of a child. It is built up from a short list, never filtered down: what the worker knows
 * (tokens, the way to NATS, its own settings) is not a program's business.
 */

/** `false`: the short list. `true`: everything that is no secret and no setting of the worker. Names: the short list and these. */
export type Inherit = boolean | ReadonlyArray<string>

export interface EnvironmentSpec {
  /** The worker's own environment. */
  readonly worker: Readonly<Record<string, string | undefined>>
  readonly inherit: Inherit
  /** Names (a trailing `*` matches the rest) that the operator lets through, secret or not. */
  readonly passed: ReadonlyArray<string>
  /** What the author of the playbook sets; it wins. */
  readonly extra: Readonly<Record<string, string>>
}

export interface ChildEnvironment {
  readonly env: Record<string, string>
  /** Names that the author asked for and does not get. */
  readonly refused: ReadonlyArray<string>
}

export const childEnvironment = (spec: EnvironmentSpec): ChildEnvironment => {
  const asked = typeof spec.inherit === "boolean" ? [] : spec.inherit
  const env: Record<string, string> = {}
  const refused: Array<string> = []
  for (const [name, value] of Object.entries(spec.worker)) {
    if (value === undefined) continue
    if (matches(spec.passed, name) || matches(plain, name)) {
      env[name] = value
    } else if (spec.inherit === true || matches(asked, name)) {
      if (isSecret(name, value)) refused.push(name)
      else env[name] = value
    }
  }
  return { env: { ...env, ...spec.extra }, refused: asked.filter((name) => refused.includes(name)) }
}

/** Whether a variable of the worker may never reach a program, whatever the playbook asks for. */
export const isSecret = (name: string, value: string): boolean =>
  ours.test(name) || secretName.test(name) || urlWithPassword.test(value)

const plain = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LANGUAGE",
  "LC_*",
  "TZ",
  "TMPDIR",
  "KUBERNETES_SERVICE_*"
]

const ours = /^(NOETL|NATS|WORKER|RUST_LOG|OTEL|NODE_OPTIONS|NODE_CHANNEL)/i
const secretName =
  /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|KEY|PRIVATE|AUTH|COOKIE|SESSION|DSN|CONNECTION_STRING/i
/** `postgres://user:password@host`: a secret in a variable with an innocent name. */
const urlWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]*:[^/?#\s]*@/i

const matches = (patterns: ReadonlyArray<string>, name: string): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  )
