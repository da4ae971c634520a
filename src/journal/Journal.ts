/**
 * Which commands ended here, and how: read before a claim, written before the first ending event leaves, so that a
 * command whose report was interrupted is reported again and not run again.
 */
import { Context, Effect, Latch, Layer, Schema } from "effect"
import { BoundedMap } from "../async/BoundedMap.ts"
import type { Command } from "../domain/Command.ts"
import type { CommandId } from "../domain/Ids.ts"
import type { Ending } from "../domain/Outcome.ts"

export class JournalError extends Schema.TaggedError<JournalError>()("JournalError", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

export interface Entry {
  /** Enough of the command to report it: without its configuration and context. */
  readonly command: Command
  readonly ending: Ending
}

/** What the journal knows of a command that ended here. */
export type Known =
  /** The control plane accepted the outcome. */
  | { readonly _tag: "Reported" }
  | { readonly _tag: "Unreported"; readonly entry: Entry }
  /** It ended here, and its outcome cannot be read any more. */
  | { readonly _tag: "Unreadable"; readonly detail: string }

/** How often the worker's process died while a command was in flight. */
export interface Deaths {
  /** While it was the only one: then it is the cause. */
  readonly alone: number
  /** While others were in flight too. */
  readonly amongOthers: number
}

export const noDeaths: Deaths = { alone: 0, amongOthers: 0 }

/** A started command that only waits, with its message. */
export interface Wait {
  readonly id: CommandId
  readonly body: string
}

export class Journal extends Context.Service<
  Journal,
  {
    readonly find: (id: CommandId) => Effect.Effect<Known | undefined, JournalError>
    readonly record: (command: Command, ending: Ending) => Effect.Effect<void, JournalError>
    /** The control plane accepted the outcome: the entry may be trimmed from now on. */
    readonly markReported: (id: CommandId) => Effect.Effect<void, JournalError>
    /**
     * Answers in which deaths of this worker a command was in flight, and notes that it starts if it was in none; else it waits
     * until it can run alone. In memory there are no deaths.
     */
    readonly countStart: (id: CommandId) => Effect.Effect<Deaths, JournalError>
    /** Notes that a command starts, and that no other runs meanwhile. */
    readonly startAlone: (id: CommandId) => Effect.Effect<void, JournalError>
    /** This worker stopped the command itself, so its starts are not counted against it. */
    readonly resetStarts: (id: CommandId) => Effect.Effect<void, JournalError>
    /** Whether entries outlive the process. */
    readonly isDurable: boolean
    /** Keeps the message of a started command that only waits, so that the next start of this worker takes it up. */
    readonly recordWaiting: (id: CommandId, body: string) => Effect.Effect<void, JournalError>
    /** Messages of commands that waited when an earlier process ended, oldest first. Each is forgotten when its command ends. */
    readonly waiting: Effect.Effect<ReadonlyArray<Wait>, JournalError>
    readonly forgetWaiting: (id: CommandId) => Effect.Effect<void, JournalError>
    /** Waits while too many outcomes are unreported: the worker takes no new command then. */
    readonly awaitCapacity: Effect.Effect<void>
    /** Outcomes that the control plane has not accepted yet, oldest first. A row that cannot be read is left out. */
    readonly unreported: Effect.Effect<ReadonlyArray<Entry>, JournalError>
    /** How many they are, without reading them. */
    readonly unreportedCount: Effect.Effect<number>
  }
>()("noetl-worker/journal/Journal") {
  /** Lost with the process. */
  static readonly layerMemory = (limits: Limits = defaultLimits): Layer.Layer<Journal> =>
    Layer.effect(Journal, makeMemory(limits))
}

export interface Limits {
  /** Outcomes that may wait for the control plane. They are never forgotten. */
  readonly unreported: number
  /** Ids of reported commands that are remembered; the oldest go first. */
  readonly reported: number
}

export const defaultLimits: Limits = { unreported: 1000, reported: 10_000 }

/** What is kept of a command: contexts are large and no report needs them. */
export const withoutContext = (command: Command): Command => ({
  ...command,
  config: null,
  input: {},
  context: {}
})

/** Opens while fewer outcomes wait than the limit allows. `changed` costs nothing but at the crossing. */
export const makeCapacity = (limit: number, initial: number) =>
  Effect.map(Latch.make(initial < limit), (latch) => {
    let open = initial < limit
    return {
      await: latch.await,
      changed: (count: number): Effect.Effect<unknown> => {
        if (count < limit === open) return Effect.void
        open = !open
        return open ? latch.open : latch.close
      }
    }
  })

const makeMemory = (limits: Limits) =>
  Effect.map(makeCapacity(limits.unreported, 0), (capacity) => {
    const unreported = new Map<CommandId, Entry>()
    const reported = new BoundedMap<CommandId, true>({ maxEntries: limits.reported })
    return Journal.of({
      find: (id) =>
        Effect.sync(() => {
          const entry = unreported.get(id)
          if (entry !== undefined) return { _tag: "Unreported", entry }
          return reported.has(id) ? { _tag: "Reported" } : undefined
        }),
      record: (command, ending) =>
        Effect.suspend(() => {
          unreported.set(command.commandId, { command: withoutContext(command), ending })
          return Effect.asVoid(capacity.changed(unreported.size))
        }),
      markReported: (id) =>
        Effect.suspend(() => {
          unreported.delete(id)
          reported.set(id, true)
          return Effect.asVoid(capacity.changed(unreported.size))
        }),
      countStart: () => Effect.succeed(noDeaths),
      startAlone: () => Effect.void,
      resetStarts: () => Effect.void,
      isDurable: false,
      recordWaiting: () => Effect.void,
      waiting: Effect.succeed([]),
      forgetWaiting: () => Effect.void,
      awaitCapacity: capacity.await,
      unreported: Effect.sync(() => [...unreported.values()]),
      unreportedCount: Effect.sync(() => unreported.size)
    })
  })
