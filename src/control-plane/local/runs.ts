/** Starts runs, goes on with those of earlier processes, and ends them. */
import { Clock, Effect, Random, Scope } from "effect"
import type { Json } from "../../domain/Json.ts"
import type { IssuedCommand } from "../../playbook/engine/Event.ts"
import { planOf } from "../../playbook/engine/Plan.ts"
import { isOver } from "../../playbook/engine/State.ts"
import { Results } from "../../results/Results.ts"
import type { Demand } from "../../template/Engine.ts"
import type { Evaluator } from "../../template/evaluator.ts"
import { bodyOf, commandIdOf, commandOf } from "./commandOf.ts"
import { newExecutionId } from "./ids.ts"
import type { Options, Source, StartOptions } from "./Options.ts"
import type { Registry, Row } from "./Registry.ts"
import * as Run from "./Run.ts"
import type { Head, Kept } from "./RunJournal.ts"
import type { Secrets } from "./secrets.ts"

export type Runs = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(function* (
  options: Options,
  registry: Registry,
  evaluator: Evaluator,
  secrets: Secrets
) {
  const results = yield* Results
  const scope = yield* Effect.scope
  const random = yield* Random.Random
  let issued = 0n

  const issue = (run: Run.Run, command: IssuedCommand) => {
    issued += 1n
    const { executionId } = run.head
    const made = commandOf(executionId, String(BigInt(executionId) + issued), command)
    registry.add({ run, issued: command, command: made, withdrawn: false, children: [] })
    return options.publish(bodyOf(made))
  }

  const cancel = (executionId: string, reason: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const run = registry.runs.get(executionId)
      if (run === undefined || isOver(run.state())) return
      yield* run.feed({ type: "cancelled", at: yield* Clock.currentTimeMillis, reason })
    })

  const cancelChildren = (row: Row, reason: string): Effect.Effect<void> =>
    Effect.forEach(row.children, (id) => cancel(id, reason), { discard: true })

  const withdraw = (run: Run.Run, ids: ReadonlyArray<string>) =>
    Effect.forEach(
      ids,
      (id) => {
        const row = registry.ofCommand(commandIdOf(run.head.executionId, id))
        if (row === undefined) return Effect.void
        row.withdrawn = true
        return cancelChildren(row, "the step that started it was stopped")
      },
      { discard: true }
    )

  /** What cannot be had is null to the template, and the log says so. */
  const fetch = (run: Run.Run, demand: Demand): Effect.Effect<Json | undefined> => {
    if (demand.type === "token") return Effect.succeed(undefined)
    const read =
      demand.type === "keychain"
        ? secrets.of(run, demand.name)
        : Effect.mapError(results.resolve(demand.holder), (error) => error.message)
    return read.pipe(
      Effect.catch((message) =>
        Effect.as(
          run.log({
            type: "reference.unreadable",
            step: undefined,
            error: { kind: "missing_reference", message }
          }),
          null
        )
      )
    )
  }

  const open = Effect.fnUntraced(function* (
    source: Source,
    head: Head,
    isKept: boolean,
    target: string | undefined
  ) {
    const plan = planOf(source.playbook, options.plan, target)
    const journal = options.journals.open(head, isKept)
    const { onEvent } = options
    const run = yield* Effect.provideService(
      Run.make({ head, plan, journal, evaluator, issue, withdraw, fetch, onEvent }),
      Scope.Scope,
      scope
    )
    registry.runs.set(head.executionId, run)
    return run
  })

  const start = Effect.fnUntraced(function* (source: Source, how: StartOptions, parent: Head["parent"]) {
    const at = yield* Clock.currentTimeMillis
    const executionId = unused(registry.runs, newExecutionId(at, random.nextDoubleUnsafe()))
    const head: Head = { executionId, path: source.playbook.path, fingerprint: source.fingerprint, parent }
    const run = yield* open(source, head, false, how.target)
    yield* run.feed({
      type: "started",
      at,
      executionId,
      parentExecutionId: parent?.executionId,
      env: options.env,
      ...how
    })
    return run
  })

  const resume = Effect.fnUntraced(function* (source: Source, { events, head }: Kept) {
    const [first] = events
    registry.adopted.add(head.executionId)
    const run = yield* open(source, head, true, first?.type === "started" ? first.target : undefined)
    yield* run.replay(events)
    return run
  })

  return { start, resume, cancel, cancelChildren }
})

const unused = (runs: ReadonlyMap<string, unknown>, id: string): string =>
  runs.has(id) ? unused(runs, String(BigInt(id) + 1n)) : id
