/** A tool could not be run, or broke while it ran. A tool that ran and reported failure answers a ToolResult instead. */
import { Duration, Effect, Schema } from "effect"
import * as Failure from "./Failure.ts"

export class UnknownTool extends Schema.TaggedError<UnknownTool>()("UnknownTool", {
  known: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
}

/** `at` is the dotted key in the tool's configuration. */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  issues: Schema.Array(Schema.Struct({ at: Schema.String, problem: Schema.String }))
}) {
  readonly isRetryable = false
}

export class TemplateFailed extends Schema.TaggedError<TemplateFailed>()("TemplateFailed", {
  at: Schema.String,
  detail: Schema.String
}) {
  readonly isRetryable = false
}

export class CredentialMissing extends Schema.TaggedError<CredentialMissing>()("CredentialMissing", {
  credential: Schema.String,
  detail: Schema.String,
  retryable: Schema.Boolean
}) {
  get isRetryable(): boolean {
    return this.retryable
  }
}

/** `seconds` is the deadline that passed. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { seconds: Schema.Finite }) {
  readonly isRetryable = true
}

/** Something the tool needs is not there: a library, an interpreter, a server. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  detail: Schema.String,
  failure: Schema.optionalKey(Failure.Failure)
}) {
  readonly isRetryable = true
}

export class ExecutionFailed extends Schema.TaggedError<ExecutionFailed>()("ExecutionFailed", {
  failure: Failure.Failure
}) {
  get isRetryable(): boolean {
    return this.failure.retryable
  }
}

export type Reason =
  | UnknownTool
  | InvalidConfig
  | TemplateFailed
  | CredentialMissing
  | TimedOut
  | Unavailable
  | ExecutionFailed

export class ToolError extends Schema.TaggedError<ToolError>()("ToolError", {
  /** The kind of the tool. */
  tool: Schema.String,
  reason: Schema.Union([
    UnknownTool,
    InvalidConfig,
    TemplateFailed,
    CredentialMissing,
    TimedOut,
    Unavailable,
    ExecutionFailed
  ])
}) {
  /** What may go well the next time is a thing that is not there now; anything else is the command's own failure. */
  static ofFailure(tool: string, failure: Failure.Failure): ToolError {
    return new ToolError({
      tool,
      reason: failure.retryable
        ? new Unavailable({ detail: failure.message, failure })
        : new ExecutionFailed({ failure })
    })
  }
  /** An optional dependency that this installation left out. */
  static notInstalled(tool: string, what: string, npm: string, code: string): ToolError {
    return ToolError.ofFailure(
      tool,
      Failure.make("config", `${what} is not installed on this worker: npm install ${npm}`, {
        source: tool,
        code
      })
    )
  }
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  override get message(): string {
    return this.failure.message
  }
  /** The same in the words of policy rules and events. */
  get failure(): Failure.Failure {
    return { source: this.tool, ...failureOf(this.tool, this.reason) }
  }
}

/** A configuration that does not fit. `at` is the dotted key in it. */
export const invalid = ({ kind }: { readonly kind: string }, at: string, problem: string): ToolError =>
  new ToolError({ tool: kind, reason: new InvalidConfig({ issues: [{ at, problem }] }) })

/** Interrupts work that takes longer. */
export const endAfter =
  (tool: string, seconds: number) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | ToolError, R> =>
    Effect.timeoutOrElse(work, {
      duration: Duration.seconds(seconds),
      orElse: () => Effect.fail(new ToolError({ tool, reason: new TimedOut({ seconds }) }))
    })

/** The same for a setting that may be absent, and whose zero is no deadline. */
export const withDeadline =
  (tool: string, seconds: number | null | undefined) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | ToolError, R> =>
    seconds === undefined || seconds === null || seconds === 0 ? work : endAfter(tool, seconds)(work)

const failureOf = (tool: string, reason: Reason): Failure.Failure => {
  switch (reason._tag) {
    case "UnknownTool":
      return Failure.make("config", `Tool not found: ${tool} (known: ${reason.known.join(", ")})`)
    case "InvalidConfig":
      return Failure.make(
        "config",
        `Configuration error: Invalid ${tool} config: ${issuesText(reason.issues)}`
      )
    case "TemplateFailed":
      return Failure.make("template", `Template error: ${reason.at}: ${reason.detail}`)
    case "CredentialMissing":
      return Failure.make(
        "credential",
        `Authentication error: credential '${reason.credential}': ${reason.detail}`,
        {
          retryable: reason.retryable
        }
      )
    case "TimedOut":
      return Failure.make("timeout", `Execution timed out after ${reason.seconds} seconds`, {
        code: "TOOL_TIMEOUT"
      })
    case "Unavailable":
      return reason.failure ?? Failure.make("connection", reason.detail)
    case "ExecutionFailed":
      return reason.failure
  }
}

const issuesText = (issues: ReadonlyArray<{ readonly at: string; readonly problem: string }>): string =>
  issues.map(({ at, problem }) => (at === "" ? problem : `${at}: ${problem}`)).join("; ")
