/** The commands in flight, by id: no command is worked twice at the same time in one worker. */
import { Clock, Context, Effect, Latch } from "effect"
import type { Command } from "../domain/Command.ts"
import type { CommandId, ExecutionId } from "../domain/Ids.ts"
import type { Notification } from "../domain/Notification.ts"
import type { JobPhase } from "../job/JobSlot.ts"
import * as Metrics from "../telemetry/Metrics.ts"
import { updater } from "../telemetry/updater.ts"

/** A command in flight. Times in milliseconds since the epoch. */
export interface ActiveJob {
  readonly command: CommandId
  readonly execution: ExecutionId
  readonly step: string
  /** The kind of its tool, from the claim on. */
  readonly kind: string | undefined
  readonly phase: JobPhase
  readonly startedAt: number
  /** Since when it is in this phase. */
  readonly phaseSince: number
  /** It waits without a slot. */
  readonly parked: boolean
}

export interface Entry {
  command: CommandId | undefined
  execution: ExecutionId | undefined
  step: string
  kind: string | undefined
  phase: JobPhase
  readonly startedAt: number
  phaseSince: number
  parked: boolean
  /** Its message was acknowledged while it waits: the journal keeps it. */
  acknowledged: boolean
  /** Opens when the tool and all it held are gone. */
  readonly toolReleased: Latch.Latch
  /** Opens when the job has ended, or when only the shutdown can end it. */
  readonly stopped: Latch.Latch
}

export const make = Effect.contextWith((context: Context.Context<never>) => {
  const clock = Context.get(context, Clock.Clock)
  const update = updater(context)
  const entries = new Map<CommandId, Entry>()
  const now = () => clock.currentTimeMillisUnsafe()

  const entry = (): Entry => ({
    command: undefined,
    execution: undefined,
    step: "",
    kind: undefined,
    phase: "claim",
    startedAt: now(),
    phaseSince: now(),
    parked: false,
    acknowledged: false,
    toolReleased: Latch.makeUnsafe(false),
    stopped: Latch.makeUnsafe(false)
  })

  /** False when the command is in flight already. */
  const enter = (what: Pick<Notification, "commandId" | "executionId" | "step">, made: Entry): boolean => {
    if (entries.has(what.commandId)) return false
    made.command = what.commandId
    made.execution = what.executionId
    made.step = what.step
    entries.set(what.commandId, made)
    update(Metrics.activeJobs, entries.size)
    return true
  }

  const leave = (made: Entry) =>
    Effect.sync(() => {
      if (made.command !== undefined && entries.get(made.command) === made) entries.delete(made.command)
      made.toolReleased.openUnsafe()
      made.stopped.openUnsafe()
      update(Metrics.activeJobs, entries.size)
    })

  return Effect.succeed({
    entry,
    enter,
    leave,
    at: (made: Entry, phase: JobPhase, kind?: string) => {
      made.phase = phase
      made.phaseSince = now()
      if (kind !== undefined) made.kind = kind
    },
    /** Runs a report that needs no slot, unless the command is in flight. */
    trackReport: <E, R>(command: Command, report: Effect.Effect<unknown, E, R>) =>
      Effect.suspend(() => {
        const made = entry()
        if (!enter(command, made)) return Effect.void
        made.phase = "report"
        made.parked = true
        made.kind = command.kind
        return Effect.asVoid(Effect.ensuring(Effect.andThen(made.toolReleased.open, report), leave(made)))
      }),
    active: Effect.sync((): ReadonlyArray<ActiveJob> =>
      [...entries].map(([command, { execution, kind, parked, phase, phaseSince, startedAt, step }]) => ({
        command,
        execution: execution as ExecutionId,
        step,
        kind,
        phase,
        startedAt,
        phaseSince,
        parked
      }))
    ),
    busy: Effect.sync(() => entries.values().some(({ parked }) => !parked)),
    /** How many jobs have neither ended nor wait for the shutdown alone. */
    notStopped: Effect.sync(() => [...entries.values()].filter(({ stopped }) => !stopped.isOpen()).length),
    /** Waits until every job has ended or waits for the shutdown alone. */
    awaitStopped: Effect.suspend(() => awaitAll([...entries.values()].map(({ stopped }) => stopped))),
    /** Waits until no tool runs. */
    awaitToolsReleased: Effect.suspend(() =>
      awaitAll([...entries.values()].map(({ toolReleased }) => toolReleased))
    )
  })
})

const awaitAll = (latches: ReadonlyArray<Latch.Latch>) =>
  Effect.forEach(latches, (latch) => latch.await, { concurrency: "unbounded", discard: true })
