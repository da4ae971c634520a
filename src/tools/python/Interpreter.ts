/** The Python that programs run with: looked for and reported once, while the worker starts. */
import { Context, Effect, Fiber, Layer, Schema } from "effect"
import { execFile } from "node:child_process"
import { findProgram } from "../process/findProgram.ts"
import { environmentOf, ProcessOptions } from "../process/ProcessOptions.ts"
import { PythonOptions } from "./PythonOptions.ts"

export interface InterpreterInfo {
  /** The interpreter itself, where a name leads to a shim. */
  readonly path: string
  readonly version: string
}

export interface Found {
  /** Undefined when there is none that can be used. */
  readonly info: InterpreterInfo | undefined
  /** Why there is none. */
  readonly problem: string
}

export class Interpreter extends Context.Service<
  Interpreter,
  {
    /** Waits for the end of the search. The start of the worker does not. */
    readonly found: Effect.Effect<Found>
  }
>()("noetl-worker/tools/python/Interpreter") {
  static readonly layer = Layer.effect(
    Interpreter,
    Effect.gen(function* () {
      const search = yield* Effect.forkScoped(searched, { startImmediately: true })
      return Interpreter.of({ found: Fiber.join(search) })
    })
  )
}

const searched: Effect.Effect<Found, never, ProcessOptions> = Effect.gen(function* () {
  const { interpreter } = yield* PythonOptions
  const options = yield* ProcessOptions
  const { env } = environmentOf(options, { inherit: undefined, extra: {} })
  const named = interpreter ?? options.environment["PYTHON_PATH"]
  const names = named === undefined || named === "" ? ["python3", "python"] : [named]
  const problems: Array<string> = []
  for (const name of names) {
    const program = findProgram(name, env["PATH"], undefined)
    const answer = program === undefined ? `${name} is not on the PATH` : yield* probe(program, env)
    if (typeof answer !== "string") {
      yield* Effect.logInfo(`python ${answer.version} at ${answer.path}`)
      return { info: answer, problem: "" }
    }
    problems.push(answer)
  }
  const problem = problems.join("; ")
  yield* Effect.logWarning(`no python: ${problem}`)
  return { info: undefined, problem }
})

// --- the driver's edge ---

const Answer = Schema.fromJsonString(
  Schema.Struct({ path: Schema.NonEmptyString, version: Schema.Array(Schema.Int) })
)
const decodeAnswer = Schema.decodeUnknownOption(Answer)

const question = `import json, sys; print(json.dumps({"path": sys.executable, "version": list(sys.version_info[:3])}))`

/** What the program says of itself, or why it cannot be used. */
const probe = (program: string, env: Record<string, string>): Effect.Effect<InterpreterInfo | string> =>
  Effect.callback((resume) => {
    const child = execFile(program, ["-c", question], { env, timeout: 10_000 }, (error, stdout) => {
      const answer = decodeAnswer(stdout)
      if (error !== null || answer._tag === "None") {
        return resume(Effect.succeed(`${program} does not answer as Python does`))
      }
      const { path, version } = answer.value
      const [major = 0, minor = 0] = version
      const text = version.join(".")
      resume(
        Effect.succeed(
          major > 3 || (major === 3 && minor >= 8)
            ? { path, version: text }
            : `${program} is ${text}, and 3.8 is needed`
        )
      )
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })
