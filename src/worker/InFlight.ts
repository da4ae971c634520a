/** The commands in flight, by id: no command is worked twice at the same time in one worker. */
import { Clock, Context, Effect } from "effect"
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
  /** How often its message was delivered, this time included. */
  readonly attempt: number
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
  readonly attempt: number
  phase: JobPhase
  readonly startedAt: number
  phaseSince: number
  parked: boolean
  /** Its message was acknowledged while it waits: the journal keeps it. */
  acknowledged: boolean
  /** The tool and all it held are gone. */
  toolReleased: boolean
  /** The job has ended, or only the shutdown can end it. */
  stopped: boolean
}

export const make = Effect.contextWith((context: Context.Context<never>) => {
  const clock = Context.get(context, Clock.Clock)
  const update = updater(context)
  const entries = new Map<CommandId, Entry>()
  const now = () => clock.currentTimeMillisUnsafe()

  const entry = (attempt: number): Entry => ({
    attempt,
    command: undefined,
    execution: undefined,
    step: "",
    kind: undefined,
    phase: "claim",
    startedAt: now(),
    phaseSince: now(),
    parked: false,
    acknowledged: false,
    toolReleased: false,
    stopped: false
  })

  /** Checks of those who wait for jobs: a job itself carries nothing to wait on. */
  const waiting = new Set<() => void>()
  const release = (made: Entry) => {
    made.toolReleased = true
    for (const check of waiting) check()
  }
  const stop = (made: Entry) => {
    made.stopped = true
    for (const check of waiting) check()
  }
  /** Waits until the condition holds for each job that is in flight when the wait begins. */
  const awaitEach = (holds: (entry: Entry) => boolean) =>
    Effect.callback<void>((resume) => {
      const awaited = [...entries.values()]
      const check = () => {
        if (!awaited.every(holds)) return
        waiting.delete(check)
        resume(Effect.void)
      }
      waiting.add(check)
      check()
      return Effect.sync(() => waiting.delete(check))
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
      release(made)
      stop(made)
      update(Metrics.activeJobs, entries.size)
    })

  return Effect.succeed({
    entry,
    enter,
    leave,
    release,
    stop,
    at: (made: Entry, phase: JobPhase, kind?: string) => {
      made.phase = phase
      made.phaseSince = now()
      if (kind !== undefined) made.kind = kind
    },
    /** Runs a report that needs no slot, unless the command is in flight. */
    trackReport: <E, R>(command: Command, report: Effect.Effect<unknown, E, R>) =>
      Effect.suspend(() => {
        const made = entry(1)
        if (!enter(command, made)) return Effect.void
        made.phase = "report"
        made.parked = true
        made.kind = command.kind
        release(made)
        return Effect.asVoid(Effect.ensuring(report, leave(made)))
      }),
    active: Effect.sync((): ReadonlyArray<ActiveJob> =>
      [...entries].map(
        ([command, { attempt, execution, kind, parked, phase, phaseSince, startedAt, step }]) => ({
          command,
          execution: execution as ExecutionId,
          step,
          kind,
          attempt,
          phase,
          startedAt,
          phaseSince,
          parked
        })
      )
    ),
    busy: Effect.sync(() => entries.values().some(({ parked }) => !parked)),
    /** How many jobs have neither ended nor wait for the shutdown alone. */
    notStopped: Effect.sync(() => [...entries.values()].filter(({ stopped }) => !stopped).length),
    /** Waits until every job has ended or waits for the shutdown alone. */
    awaitStopped: awaitEach(({ stopped }) => stopped),
    /** Waits until no tool runs. */
    awaitToolsReleased: awaitEach(({ toolReleased }) => toolReleased)
  })
})
