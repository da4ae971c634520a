/**
 * Works a command: its tasks one after the other, as their rules say.
 *
 *   input → settings → credentials → tool → set → rules → continue | retry | jump | break | fail
 *
 * A failure of a tool is a result. The pipeline itself fails on a command that is written wrongly or whose parts are missing.
 */
import { Clock, Context, Duration, Effect, Option, Result } from "effect"
import { Credentials } from "../../credentials/Credentials.ts"
import type { Command } from "../../domain/Command.ts"
import { credentialScopeOf } from "../../domain/CredentialScope.ts"
import * as Failures from "../../domain/Failure.ts"
import { invalid, ToolError } from "../../domain/ToolError.ts"
import type { ToolResult } from "../../domain/ToolResult.ts"
import type { Complete } from "../../results/copies.ts"
import { Results } from "../../results/Results.ts"
import { Redactor } from "../../secrets/Redactor.ts"
import { Template } from "../../template/Template.ts"
import { OutputMask } from "../../domain/OutputMask.ts"
import { Slot } from "../../tools/Slot.ts"
import { Toolbox } from "../../tools/Toolbox.ts"
import { WorkerConfig } from "../../WorkerConfig.ts"
import { decide, type Decided, type Decision } from "./decide.ts"
import { delayOf } from "./delay.ts"
import { hydrate } from "./hydrate.ts"
import type { Attempt } from "./output.ts"
import * as Renderer from "./Renderer.ts"
import { replaced } from "./replaced.ts"
import { asSuccess, type PipelineResult, resultOf } from "./resultOf.ts"
import { type Running, runTask } from "./runTask.ts"
import { initial, type State, withResult } from "./State.ts"
import { type Plan, planOf, type Task } from "./Task.ts"
import { makeTimeBudget } from "./timeBudget.ts"

/** How many executions of tasks one command may take, retries and jumps included. */
export const MaxExecutions = Context.Reference<number>("noetl-worker/job/pipeline/MaxExecutions", {
  defaultValue: () => 1_000_000
})

export type Services = Toolbox | Template | Credentials | Results | WorkerConfig

/** The pipeline, its services looked up once. */
export const make = Effect.gen(function* () {
  const services = {
    toolbox: yield* Toolbox,
    credentials: yield* Credentials,
    results: yield* Results,
    template: yield* Template,
    config: yield* WorkerConfig
  }
  // Commands of one run share most of what they read.
  const known: Complete = new WeakMap()
  // A composition without a redactor has nothing to mask.
  const redactor = yield* Effect.serviceOption(Redactor)
  const maskOf = Option.isSome(redactor) ? redactor.value.stream : yield* OutputMask

  return Effect.fnUntraced(function* (command: Command): Effect.fn.Return<ToolResult, ToolError> {
    const whole = yield* hydrate(services.results, command, known)
    const complete = yield* replaced(services.toolbox, whole)
    const plan = planOf(complete)
    if (Result.isFailure(plan))
      return yield* Effect.fail(invalid(command, plan.failure.at, plan.failure.problem))
    const scope = credentialScopeOf(complete)
    const renderer = Renderer.make(services, scope)
    const clock = yield* Clock.Clock
    const started = clock.currentTimeMillisUnsafe()
    const budget = makeTimeBudget(Duration.toSeconds(services.config.commandTimeout))
    const running: Running = { command: complete, plan: plan.success, renderer, scope, budget, services }
    const lone = loneTaskOf(plan.success)
    const ended = yield* Effect.provideService(
      lone === undefined ? walk(running) : runLone(running, lone),
      OutputMask,
      maskOf
    )
    const result = resultOf(running.plan, ended, clock.currentTimeMillisUnsafe() - started)
    return services.config.lenientStatus && ended.last?.thrown === false ? asSuccess(result) : result
  })
})

export const run = (command: Command): Effect.Effect<ToolResult, ToolError, Services> =>
  Effect.flatMap(make, (work) => work(command))

/** The only task of a plan, if nothing is decided after it. */
const loneTaskOf = ({ tasks }: Plan): Task | undefined => {
  const [task] = tasks
  return task !== undefined &&
    tasks.length === 1 &&
    task.rules.length === 0 &&
    task.retryTemplate === undefined &&
    task.set.length === 0
    ? task
    : undefined
}

/** The walk of a lone task: one attempt, whose failure is the pipeline's. */
const runLone = (running: Running, task: Task): Effect.Effect<PipelineResult> => {
  const before = initial(running.command, running.plan.step)
  return Effect.map(runTask(running, task, before, 1), (last) => ({
    state: withResult(before, task.label, last.data),
    last,
    failure: last.failure,
    index: 0,
    attempt: 1
  }))
}

/** Where the walk is: a task, how often it was run in a row, and what all before it left. */
interface Position {
  readonly index: number
  readonly attempt: number
  readonly executions: number
  readonly state: State
  readonly last: Attempt | undefined
}

const walk = Effect.fnUntraced(function* (running: Running) {
  const most = yield* MaxExecutions
  const clock = yield* Clock.Clock
  const first: Position = {
    index: 0,
    attempt: 1,
    executions: 0,
    state: initial(running.command, running.plan.step),
    last: undefined
  }
  let next: Position | PipelineResult = first
  while ("executions" in next) {
    if (next.executions >= most) return tooMany(next, most)
    if (next.executions > 0 && running.budget.left(clock.currentTimeMillisUnsafe()) <= 0)
      return tooLate(next, running.budget.total())
    next = yield* step(running, next)
  }
  return next
})

const step = Effect.fnUntraced(function* (
  running: Running,
  at: Position
): Effect.fn.Return<Position | PipelineResult> {
  const task = running.plan.tasks[at.index]
  if (task === undefined) return yield* Effect.die(new Error(`no task ${at.index}`))
  const attempt = yield* runTask(running, task, at.state, at.attempt)
  const decided = yield* decide(running, task, at.state, attempt, at.attempt).pipe(
    // A `set` or a condition that cannot be read fails the task that it belongs to.
    Effect.catchTag("ToolError", (error) => Effect.succeed(broken(at.state, error)))
  )
  return yield* follow(running, task, at, attempt, decided)
})

const follow = Effect.fnUntraced(function* (
  running: Running,
  task: Task,
  at: Position,
  attempt: Attempt,
  decided: Decided | Broken
) {
  const { state } = decided
  const end = (failure: PipelineResult["failure"]): PipelineResult => ({
    state,
    last: attempt,
    failure,
    index: at.index,
    attempt: at.attempt
  })
  if ("error" in decided) return end(decided.error.failure)
  const { decision } = decided
  const go = (index: number): Position | PipelineResult =>
    running.plan.tasks[index] === undefined
      ? end(undefined)
      : { index, attempt: 1, executions: at.executions + 1, state, last: attempt }
  switch (decision.do) {
    case "continue":
      return go(at.index + 1)
    case "break":
      return end(undefined)
    case "fail":
      return end(
        attempt.failure ?? Failures.make("tool_error", `${nameOf(task, at)} was failed by its policy`)
      )
    case "jump": {
      const target = targetOf(running, at.index, decision.to)
      return target === undefined ? end(nowhere(task, at, decision.to)) : go(target)
    }
    case "retry":
      if (at.attempt >= decision.attempts) return end(exhausted(task, at, attempt))
      yield* wait(running, task, decision, at.attempt, attempt)
      return {
        ...at,
        attempt: at.attempt + 1,
        executions: at.executions + 1,
        state,
        last: attempt
      } satisfies Position
  }
})

interface Broken {
  readonly state: State
  readonly error: ToolError
}

const broken = (state: State, error: ToolError): Broken => ({ state, error })

/** A command holds no slot while it waits. */
const wait = Effect.fnUntraced(function* (
  { budget }: Running,
  task: Task,
  decision: Extract<Decision, { readonly do: "retry" }>,
  retry: number,
  attempt: Attempt
) {
  const delay = delayOf(decision, retry, attempt.failure?.retryAfter)
  const clock = yield* Clock.Clock
  const begun = clock.currentTimeMillisUnsafe()
  yield* Effect.logInfo(`attempt ${retry} of ${decision.attempts} failed, the next in ${delay} s`)
  const pause = Duration.seconds(delay)
  if (delay > 0) yield* (yield* Slot).park(Effect.sleep(pause), pause)
  // With the wait for a slot, which is no work of the command.
  budget.pause(`${retry} of ${task.label}`, (clock.currentTimeMillisUnsafe() - begun) / 1000)
})

const previousWords: ReadonlySet<string> = new Set(["previous", "prev", "_previous", "@previous"])

const targetOf = (running: Running, index: number, to: string): number | undefined => {
  const found = running.plan.tasks.findIndex(({ label }) => label === to)
  if (found !== -1) return found
  return previousWords.has(to) ? Math.max(0, index - 1) : undefined
}

// --- endings ---

const nameOf = (task: Task, at: Position): string => `task '${task.label}' (${at.index})`

const nowhere = (task: Task, at: Position, to: string) =>
  Failures.make("config", `${nameOf(task, at)} jumps to '${to}', and there is no such task`, {
    source: task.kind
  })

/** The last error; a task that was asked to repeat a success and may not any more fails too. */
const exhausted = (task: Task, at: Position, attempt: Attempt) =>
  attempt.failure ??
  Failures.make("limit", `${nameOf(task, at)} was tried ${at.attempt} times`, { source: task.kind })

const tooLate = (at: Position, seconds: number): PipelineResult => ({
  state: at.state,
  last: at.last,
  index: at.index,
  attempt: at.attempt,
  failure: Failures.make("timeout", `the command's tasks took longer than its ${seconds} seconds together`, {
    code: "COMMAND_TIMEOUT"
  })
})

const tooMany = (at: Position, most: number): PipelineResult => ({
  state: at.state,
  last: at.last,
  index: at.index,
  attempt: at.attempt,
  failure: Failures.make("limit", `max_iterations_exceeded: more than ${most} executions of tasks`)
})
