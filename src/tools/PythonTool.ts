/**
 * Runs a Python program. Its value is what it returns at the top level, else what it assigns to `result`, else what
 * its `main()` gives; it comes on a channel of its own, so that whatever is printed stays output.
 */
import { Effect, Fiber, Layer, Schema } from "effect"
import { randomBytes } from "node:crypto"
import * as Failure from "../domain/Failure.ts"
import * as Json from "../domain/Json.ts"
import { Redacted } from "effect"
import * as ToolResult from "../domain/ToolResult.ts"
import * as Coerced from "./Coerced.ts"
import { findProgram } from "./process/findProgram.ts"
import { exitCodeOf, failureOf as failureOfEnd } from "./process/outcome.ts"
import { environmentOf, ProcessOptions, type ProcessSettings } from "./process/ProcessOptions.ts"
import { ProcessRunner, type Ran } from "./process/ProcessRunner.ts"
import * as Settings from "./process/settings.ts"
import { failureOf } from "./python/failure.ts"
import * as ForkServer from "./python/ForkServer.ts"
import { Interpreter } from "./python/Interpreter.ts"
import { isProblem, librariesOf } from "./python/libraries.ts"
import { PythonOptions } from "./python/PythonOptions.ts"
import { ScriptSource } from "./python/ScriptSource.ts"
import { program } from "./python/source/index.ts"
import * as Tool from "./Tool.ts"
import { invalid, Unavailable, ToolError } from "../domain/ToolError.ts"

const Config = Schema.Struct({
  code: Coerced.optional(Schema.String),
  code_b64: Coerced.optional(Schema.String),
  code_base64: Coerced.optional(Schema.String),
  script: Schema.optionalKey(Json.JsonValue),
  input: Coerced.optional(Coerced.JsonMap),
  args: Coerced.optional(Coerced.JsonMap),
  libs: Schema.optionalKey(Json.JsonValue),
  deps: Coerced.optional(
    Schema.Struct({
      sys_path: Coerced.optional(Coerced.TextList),
      venv_path: Coerced.optional(Schema.String),
      packages: Schema.optionalKey(Json.JsonValue)
    })
  ),
  python: Coerced.optional(Schema.String),
  ...Settings.fields
})
type Config = typeof Config.Type

const makePython = Effect.gen(function* () {
  const options = yield* ProcessOptions
  const { warm, preload, patience } = yield* PythonOptions
  const { info, problem } = yield* (yield* Interpreter).found
  const { env } = environmentOf(options, { inherit: undefined, extra: {} })
  const server =
    // A warm process is of one user, and its children would be too.
    warm && info !== undefined && options.users === undefined
      ? yield* ForkServer.make({
          interpreter: info.path,
          preload,
          env,
          oomScoreAdj: options.oomScoreAdj,
          patience
        })
      : undefined
  const python: Python = {
    options,
    runner: yield* ProcessRunner,
    scripts: yield* ScriptSource,
    server,
    baseEnv: env,
    interpreter: info?.path,
    problem
  }
  return python
})

/** The worker starts meanwhile: only the first command waits. */
const uses = Effect.map(Effect.forkScoped(makePython, { startImmediately: true }), Fiber.join)

export class PythonTool extends Tool.Service<PythonTool>()("noetl-worker/tools/PythonTool", {
  kind: "python",
  endsAtDeadline: true,
  pythonKeys: new Set(["code"]),
  config: Config,
  uses,
  run: (python, config, call) => Effect.flatMap(python, (made) => run(made, config, call)),
  deps: Layer.mergeAll(Interpreter.layer, ProcessRunner.layer, ScriptSource.layer)
}) {}

interface Python {
  readonly options: ProcessSettings
  readonly runner: ProcessRunner["Service"]
  readonly scripts: ScriptSource["Service"]
  /** Undefined where every command starts a process of its own. */
  readonly server: ForkServer.ForkServer | undefined
  /** With which the server was started. */
  readonly baseEnv: Readonly<Record<string, string>>
  readonly interpreter: string | undefined
  readonly problem: string
}

const run = Effect.fnUntraced(function* (python: Python, config: Config, call: Tool.ToolCall) {
  const script = yield* scriptOf(python.scripts, config, call)
  const environment = yield* Settings.processEnvironmentOf(python.options, config, call)
  const interpreter = yield* interpreterOf(python, config, call, environment)
  const libraries = librariesOf(config.libs)
  for (const library of libraries) {
    if (isProblem(library)) return yield* invalid(call, library.at, library.problem)
  }
  if (Json.isObject(config.deps?.packages ?? null) || Array.isArray(config.deps?.packages)) {
    return yield* invalid(
      call,
      "deps.packages",
      "packages are not installed by this worker: use libs or venv_path"
    )
  }
  // The result is taken only with a word that no other command knows.
  const nonce = randomBytes(16).toString("hex")
  const stdin = Json.stringify({
    nonce,
    code: script.text,
    filename: script.name,
    args: { ...call.args, ...config.args, ...config.input },
    variables: call.variables,
    execution_id: call.executionId,
    step: call.step,
    server_url: call.serverUrl ?? null,
    auth: credentialsOf(call),
    libs: libraries,
    sys_path: config.deps?.sys_path ?? [],
    env: environment.env
  })
  const server =
    interpreter === python.interpreter && isLike(python.baseEnv, environment.env) ? python.server : undefined
  const ran = yield* python.runner.run(
    {
      tool: call.kind,
      argv: [interpreter, "-c", program, "run"],
      stdin,
      resultChannel: true,
      ...environment
    },
    server?.launch
  )
  return resultOf(ran, nonce, environment)
})

// --- what is run ---

const scriptOf = Effect.fnUntraced(function* (
  scripts: ScriptSource["Service"],
  config: Config,
  call: Tool.ToolCall
) {
  const name = `<${call.step === "" ? "python" : call.step}>`
  if (config.script !== undefined && config.script !== null)
    return yield* scripts.load(call.kind, config.script)
  for (const at of ["code_b64", "code_base64"] as const) {
    const encoded = config[at]
    if (encoded === undefined || encoded === null || encoded === "") continue
    if (!/^[A-Za-z0-9+/_=\s-]*$/.test(encoded)) return yield* invalid(call, at, "not base64")
    return { text: Buffer.from(encoded, "base64").toString("utf8"), name }
  }
  const code = config.code ?? ""
  return code.trim() === ""
    ? yield* invalid(call, "code", "Missing: one of script, code_b64, code_base64, code")
    : { text: code, name }
})

const interpreterOf = Effect.fnUntraced(function* (
  python: Python,
  config: Config,
  call: Tool.ToolCall,
  { env, cwd }: Settings.ProcessEnvironment
) {
  const venv = config.deps?.venv_path ?? ""
  const named = venv === "" ? (config.python ?? "") : `${venv}/bin/python`
  if (named === "") {
    if (python.interpreter !== undefined) return python.interpreter
    return yield* new ToolError({
      tool: call.kind,
      reason: new Unavailable({ detail: `no python: ${python.problem}` })
    })
  }
  const found = findProgram(named, env["PATH"], cwd)
  if (found === undefined) {
    return yield* invalid(call, venv === "" ? "python" : "deps.venv_path", `not found: ${named}`)
  }
  return found
})

/** Whether a process that was started with `base` may become one that was started with `env`. */
const isLike = (base: Readonly<Record<string, string>>, env: Readonly<Record<string, string>>): boolean =>
  [...Object.keys(base), ...Object.keys(env)].every(
    (name) => !readAtStart.test(name) || base[name] === env[name]
  )

/** Read by the interpreter, the C library or the loader when a process starts, and not again. */
const readAtStart = /^(PYTHON|LD_|DYLD_|MALLOC_|GLIBC_|OPENSSL_|LC_|LANG)/

/** The author's credentials, for the author's program. */
const credentialsOf = ({ auth }: Tool.ToolCall): Json.JsonObject =>
  Object.fromEntries([
    ...(auth.primary === undefined ? [] : [[auth.primary.name, Redacted.value(auth.primary.data)] as const]),
    ...[...auth.named].map(([alias, { data }]) => [alias, Redacted.value(data)] as const)
  ])

// --- the result ---

const Answer = Schema.Union([
  Schema.Struct({ ok: Schema.Literal(true), value: Json.JsonValue }),
  Schema.Struct({
    ok: Schema.Literal(false),
    error: Schema.String,
    exception: Schema.String,
    traceback: Schema.String
  })
])
const decodeAnswer = Schema.decodeUnknownOption(Answer)

/** Nothing where the word is missing: then another process wrote it. */
const textAfter = (nonce: string, text: string): string =>
  text.startsWith(`${nonce}\n`) ? text.slice(nonce.length + 1) : ""

/** What a program that ran too long leaves. */
const outputOf = (ran: Ran): Json.JsonObject => ({
  stdout: ran.stdout.text,
  stderr: ran.stderr.text,
  ...Settings.truncatedKeys(ran)
})

const resultOf = (
  ran: Ran,
  nonce: string,
  { timeout, limits }: Settings.ProcessEnvironment
): ToolResult.ToolResult => {
  const exitCode = exitCodeOf(ran.ended)
  const envelope = {
    stdout: ran.stdout.text,
    stderr: ran.stderr.text,
    durationMs: ran.durationMs,
    ...(exitCode === undefined ? {} : { exitCode })
  }
  const parsed = Json.parse(textAfter(nonce, ran.result?.text ?? ""))
  const decoded = parsed._tag === "Success" ? decodeAnswer(parsed.success) : undefined
  const answer = decoded?._tag === "Some" ? decoded.value : undefined
  // A process whose exit was lost may still have written its result.
  const finished = ran.ended._tag === "Exited" || ran.ended._tag === "Lost"
  if (answer?.ok === false && finished) {
    const error = failureOf(answer.exception, answer.error, answer.traceback)
    return ToolResult.failure(error, {
      ...envelope,
      data: { error: answer.error, exception_type: answer.exception }
    })
  }
  const error = failureOfEnd(ran, "Python script", "python", { timeout, limits })
  if (answer?.ok === true && ran.ended._tag === "Lost") return ToolResult.success(answer.value, envelope)
  if (error !== undefined)
    return ToolResult.failure(
      error,
      ran.ended._tag === "TimedOut" ? { ...envelope, data: outputOf(ran) } : envelope
    )
  if (answer?.ok === true) return ToolResult.success(answer.value, envelope)
  // It left by os._exit(0): nothing went wrong, and there is no value.
  if (ran.result?.bytes === 0) return ToolResult.success(null, envelope)
  const problem = parsed._tag === "Failure" ? parsed.failure.message : "it is not what was agreed"
  const [code, message] =
    ran.result?.truncated === true
      ? ["RESULT_TOO_LARGE", `the result of ${ran.result.bytes} bytes is too large`]
      : ["RESULT_UNREADABLE", `the result cannot be taken: ${problem}`]
  return ToolResult.failure(Failure.make("limit", message, { code, source: "python" }), envelope)
}
