/**
 * The control plane of this process: it runs playbooks with the engine and gives their commands to a queue. A worker
 * meets the same port as at a server: it claims, reports, asks for credentials and starts children.
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import { AlreadyDone, type Claim, Claimed } from "../../domain/Claim.ts"
import type { Command } from "../../domain/Command.ts"
import { messageOf } from "../../domain/messageOf.ts"
import type { WorkerEvent } from "../../domain/WorkerEvent.ts"
import { decode } from "../../domain/Notification.ts"
import type { Ending } from "../../playbook/engine/Event.ts"
import { isOver, type State } from "../../playbook/engine/State.ts"
import type { Results } from "../../results/Results.ts"
import * as Evaluator from "../../template/evaluator.ts"
import { ControlPlane, Owner } from "../ControlPlane.ts"
import * as Children from "./children.ts"
import { commandIdOf, resultOf } from "./commandOf.ts"
import { type Options, refused, type Source, type StartOptions } from "./Options.ts"
import { Registry } from "./Registry.ts"
import type { Run } from "./Run.ts"
import * as Runs from "./runs.ts"
import * as Secrets from "./secrets.ts"

/** A run as its starter sees it. */
export interface Started {
  readonly executionId: string
  readonly state: () => State
  readonly ended: Effect.Effect<Ending>
}

/** The other end: what starts runs and ends them. */
export class LocalRuns extends Context.Service<
  LocalRuns,
  {
    readonly start: (source: Source, options: StartOptions) => Effect.Effect<Started>
    /** Resumes the run that an earlier process kept on disk. Undefined if it kept none. */
    readonly resume: (source: Source) => Effect.Effect<Started | undefined>
    readonly cancel: (executionId: string, reason: string) => Effect.Effect<void>
    /** Waits until no run is going on, children that no step waits for included. */
    readonly awaitAll: Effect.Effect<void>
    /** A command that is in flight, or one that failed lately, for reports. */
    readonly commandOf: (executionId: string, id: string) => Command | undefined
  }
>()("noetl-worker/control-plane/LocalRuns") {
  static readonly layer = (options: Options): Layer.Layer<LocalRuns | ControlPlane, never, Results> =>
    Layer.effectContext(make(options))
}

const make = Effect.fnUntraced(function* (options: Options) {
  const evaluator = Evaluator.make()
  const registry = new Registry()
  const secrets = Secrets.make(options, registry, evaluator)
  const runs = yield* Runs.make(options, registry, evaluator, secrets)

  const claim = (eventId: string, attempt: number): Effect.Effect<Claim> => {
    const row = registry.ofEvent(eventId)
    if (row === undefined) return Effect.succeed(AlreadyDone({ reason: "it ended" }))
    if (row.withdrawn || isOver(row.run.state())) {
      registry.remove(row)
      return Effect.succeed(AlreadyDone({ reason: "its step was stopped" }))
    }
    const entry = { type: "command.claimed", step: row.issued.step, command: row.issued.id }
    return Effect.as(row.run.log(entry), Claimed({ command: { ...row.command, attempt } }))
  }

  const report = Effect.fnUntraced(function* (reported: Command, event: WorkerEvent) {
    const row = registry.ofCommand(reported.commandId)
    if (row === undefined) return
    const { command, issued, run } = row
    options.onReport(command, event)
    const loop = issued.iteration === undefined ? {} : { meta: { loop: { index: issued.iteration.index } } }
    const entry = { step: issued.step, command: issued.id, ...loop }
    if (event._tag === "Started") return yield* run.log({ type: "command.started", ...entry })
    const result = resultOf(event)
    yield* run.log(
      result.ok
        ? { type: "call.done", ...entry, data: result.data }
        : { type: "call.error", ...entry, error: result.error }
    )
    if (!result.ok) {
      registry.keepFailed(command)
      yield* runs.cancelChildren(row, "the step that started it failed")
    }
    yield* run.log({ type: result.ok ? "command.completed" : "command.failed", ...entry })
    const at = yield* Clock.currentTimeMillis
    // A journal that cannot be written: the worker keeps the outcome and reports again.
    yield* Effect.catchDefect(run.feed({ type: "ended", at, command: issued.id, result }), (defect) =>
      Effect.fail(refused("report", 507, messageOf(defect)))
    )
    registry.remove(row)
    registry.forgetChildren(row)
  })

  const plane = ControlPlane.of({
    name: "local",
    address: "in this process",
    workerName: "local",
    republishesOrphans: Effect.succeed(false),
    register: Effect.void,
    deregister: Effect.void,
    heartbeat: Effect.void,
    heartbeatRequest: undefined,
    notificationOf: (body) => Effect.fromResult(decode(body)),
    claim: (notification, attempt) => Effect.suspend(() => claim(notification.eventId, attempt)),
    claimPatience: () => Duration.infinity,
    owner: ({ commandId }) =>
      Effect.sync(() => (registry.ofCommand(commandId) === undefined ? Owner.Ended() : Owner.Ours())),
    report: (command, event) => report(command, event),
    cancelled: ({ commandId, executionId }) =>
      Effect.sync(
        () =>
          (commandId !== undefined && registry.ofCommand(commandId)?.withdrawn === true) ||
          registry.runs.get(executionId)?.state().status === "cancelled"
      ),
    credential: options.credential,
    keychain: (name, { executionId }) =>
      Effect.suspend(() => {
        const run = registry.runs.get(executionId)
        return run === undefined ? Effect.succeed(undefined) : secrets.of(run, name)
      }).pipe(Effect.mapError((detail) => refused(`resolve the keychain's ${name}`, 424, detail))),
    playbook: ({ executionId }) => Effect.sync(() => registry.runs.get(executionId)?.plan.playbook.document),
    ...Children.make(options, registry, runs)
  })

  const started = ({ ended, head, state }: Run): Started => ({ executionId: head.executionId, state, ended })

  return Context.make(ControlPlane, plane).pipe(
    Context.add(
      LocalRuns,
      LocalRuns.of({
        start: (source, how) => Effect.map(runs.start(source, how, undefined), started),
        resume: (source) =>
          Effect.suspend(() => {
            const kept = options.journals.kept.findLast(({ head }) => head.parent === undefined)
            return kept === undefined
              ? Effect.succeed(undefined)
              : Effect.map(runs.resume(source, kept), started)
          }),
        cancel: runs.cancel,
        awaitAll: Effect.suspend(() =>
          Effect.forEach([...registry.runs.values()], (run) => run.ended, { discard: true })
        ),
        commandOf: (executionId, id) => registry.commandOf(commandIdOf(executionId, id))
      })
    )
  )
})
