/**
 * Which commands ended here, and how: asked before a claim, written before the first ending event leaves, so that a
 * command whose report was interrupted is reported again and not run again.
 */
import { Context, Effect, Latch, Layer, Schema } from "effect"
import type { Command } from "../domain/Command.ts"
import type { CommandId } from "../domain/Ids.ts"
import type { Ending } from "../domain/Outcome.ts"

export class JournalError extends Schema.TaggedError<JournalError>()("JournalError", {
  detail: Schema.String
}) {}

export interface Entry {
  /** Enough of the command to report it: without its configuration and context. */
  readonly command: Command
  readonly ending: Ending
}

/** `accepted` when the control plane has the outcome and nothing is left to do. */
export type Known = { readonly _tag: "Accepted" } | { readonly _tag: "Unreported"; readonly entry: Entry }

export class Journal extends Context.Service<
  Journal,
  {
    readonly lookup: (id: CommandId) => Effect.Effect<Known | undefined, JournalError>
    readonly record: (command: Command, ending: Ending) => Effect.Effect<void, JournalError>
    /** The control plane has it: the entry may be forgotten some day. */
    readonly accepted: (id: CommandId) => Effect.Effect<void, JournalError>
    /** How often a command was begun here and not ended, this time included; counted where the journal outlives us. */
    readonly begun: (id: CommandId) => Effect.Effect<number, JournalError>
    /** It was stopped by us and begins anew some day: what was counted is forgotten. */
    readonly stopped: (id: CommandId) => Effect.Effect<void, JournalError>
    /** Waits while too many outcomes are unreported: then no new command may be taken. */
    readonly awaitRoom: Effect.Effect<void>
    /** Outcomes that the control plane has not accepted yet, oldest first. */
    readonly unreported: Effect.Effect<ReadonlyArray<Entry>, JournalError>
  }
>()("noetl-worker/Journal") {
  /** Lost with the process. */
  static readonly layerMemory = (limits: Limits = defaultLimits): Layer.Layer<Journal> =>
    Layer.effect(Journal, makeMemory(limits))
}

export interface Limits {
  /** Outcomes that may wait for the control plane. They are never forgotten. */
  readonly unreported: number
  /** Accepted ids that are remembered; the oldest go first. */
  readonly accepted: number
}

export const defaultLimits: Limits = { unreported: 1000, accepted: 10_000 }

/** What is kept of a command: results may be large, contexts are larger and no report needs them. */
export const withoutContext = (command: Command): Command => ({
  ...command,
  config: null,
  input: {},
  context: {}
})

const makeMemory = (limits: Limits) =>
  Effect.map(Latch.make(true), (room) => {
    const unreported = new Map<CommandId, Entry>()
    const accepted = new Set<CommandId>()
    const changed = Effect.suspend(() => (unreported.size < limits.unreported ? room.open : room.close))
    return Journal.of({
      lookup: (id) =>
        Effect.sync(() => {
          const entry = unreported.get(id)
          if (entry !== undefined) return { _tag: "Unreported", entry }
          return accepted.has(id) ? { _tag: "Accepted" } : undefined
        }),
      record: (command, ending) =>
        Effect.andThen(
          Effect.sync(() => unreported.set(command.commandId, { command: withoutContext(command), ending })),
          changed
        ),
      accepted: (id) =>
        Effect.andThen(
          Effect.sync(() => {
            unreported.delete(id)
            accepted.delete(id)
            accepted.add(id)
            const [oldest] = accepted
            if (accepted.size > limits.accepted && oldest !== undefined) accepted.delete(oldest)
          }),
          changed
        ),
      begun: () => Effect.succeed(1),
      stopped: () => Effect.void,
      awaitRoom: room.await,
      unreported: Effect.sync(() => [...unreported.values()])
    })
  })
