/** One run in this process: its state, its journal, and the commands it has issued. */
import { Cause, Clock, Deferred, Effect, FiberSet, Semaphore } from "effect"
import type { Json } from "../../domain/Json.ts"
import { apply, type Applied } from "../../playbook/engine/Engine.ts"
import type { Action, Ending, Event, IssuedCommand, LogEntry } from "../../playbook/engine/Event.ts"
import type { Plan } from "../../playbook/engine/Plan.ts"
import { initial, type State } from "../../playbook/engine/State.ts"
import type { Demand } from "../../template/Engine.ts"
import type { Evaluator } from "../../template/evaluator.ts"
import { Memory } from "../../template/Memory.ts"
import type { Head, RunJournal } from "./RunJournal.ts"

/** A line of a run's log with its place and time. */
export interface RunEvent extends LogEntry {
  readonly eventId: number
  readonly executionId: string
  readonly parent: Head["parent"]
  readonly path: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** It happened in an earlier process. */
  readonly isReplayed: boolean
}

export interface RunOptions {
  readonly head: Head
  readonly plan: Plan
  readonly journal: RunJournal
  readonly evaluator: Evaluator
  /** Gives a command to the workers. */
  readonly issue: (run: Run, command: IssuedCommand) => Effect.Effect<void>
  readonly withdraw: (run: Run, commands: ReadonlyArray<string>) => Effect.Effect<void>
  /** Fetches what a template reads that is kept elsewhere. */
  readonly fetch: (run: Run, demand: Demand) => Effect.Effect<Json | undefined>
  readonly onEvent: (event: RunEvent) => void
}

export interface Run {
  readonly head: Head
  readonly plan: Plan
  readonly state: () => State
  /** Writes an event and lets it take effect. Dies when the journal cannot be written. */
  readonly feed: (event: Event) => Effect.Effect<void>
  /** Puts back what earlier processes wrote, and issues what had not ended. */
  readonly replay: (events: ReadonlyArray<Event>) => Effect.Effect<void>
  /** Tells the log something that is no event of the run itself: a claim, a start. */
  readonly log: (entry: LogEntry) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ending>
}

/** Needs a scope for its timers. */
export const make = Effect.fnUntraced(function* (options: RunOptions) {
  const { evaluator, head, journal, plan } = options
  const turns = yield* Semaphore.make(1)
  const timers = yield* FiberSet.make<void, never>()
  const ending = yield* Deferred.make<Ending>()
  let state: State = initial
  let eventId = 0

  const emit = (entry: LogEntry, at: number, isReplayed: boolean) => {
    eventId += 1
    const { executionId, parent, path } = head
    options.onEvent({
      ...entry,
      eventId,
      executionId,
      parent,
      path,
      at,
      isReplayed
    })
  }

  /** Applies an event, again after each fetch: applying has no effects. */
  const applied = (event: Event, memory: Memory): Effect.Effect<Applied> =>
    Effect.suspend(() => {
      const done = apply(plan, state, event, evaluator, memory)
      if (done !== undefined) return Effect.succeed(done)
      return Effect.forEach(
        memory.takeMissing(),
        (demand) => Effect.map(options.fetch(self, demand), (value) => memory.remember(demand, value)),
        { concurrency: 8, discard: true }
      ).pipe(Effect.andThen(applied(event, memory)))
    })

  const perform = (action: Action, at: number): Effect.Effect<unknown> => {
    switch (action.type) {
      case "issue":
        return options.issue(self, action.command)
      case "withdraw":
        return options.withdraw(self, action.commands)
      case "timer":
        return FiberSet.run(timers, Effect.delay(fire(action.timer), action.seconds * 1000))
      case "log":
        return Effect.sync(() => emit(action.entry, at, false))
      case "finish":
        // The fiber of a timer may be the one that is here: it must not wait for itself.
        for (const timer of timers) timer.interruptUnsafe()
        return Deferred.succeed(ending, action.ending)
    }
  }

  const fire = (timer: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => self.feed({ type: "timer", at, timer })).pipe(
      Effect.catchCause((cause) => Effect.logError(`a timer of the run was lost: ${Cause.pretty(cause)}`))
    )

  const take = Effect.fnUntraced(function* (event: Event) {
    journal.append(event)
    const { actions, state: next } = yield* applied(event, new Memory(true))
    state = next
    for (const action of actions) yield* perform(action, event.at)
  })

  const replay = Effect.fnUntraced(function* (events: ReadonlyArray<Event>) {
    const open = new Map<string, IssuedCommand>()
    const due: Array<Extract<Action, { readonly type: "timer" }>> = []
    for (const event of events) {
      if (event.type === "ended") open.delete(event.command)
      const { actions, state: next } = yield* applied(event, new Memory(true))
      state = next
      for (const action of actions) {
        if (action.type === "issue") open.set(action.command.id, action.command)
        else if (action.type === "withdraw") for (const id of action.commands) open.delete(id)
        else if (action.type === "timer") due.push(action)
        else if (action.type === "log") emit(action.entry, event.at, true)
        else yield* Deferred.succeed(ending, action.ending)
      }
    }
    const now = yield* Clock.currentTimeMillis
    for (const command of open.values()) yield* perform({ type: "issue", command }, now)
    for (const timer of due) if (open.size > 0) yield* perform(timer, now)
  })

  const self: Run = {
    head,
    plan,
    state: () => state,
    feed: (event) => turns.withPermits(1)(Effect.uninterruptible(take(event))),
    replay: (events) => turns.withPermits(1)(replay(events)),
    log: (entry) => Effect.map(Clock.currentTimeMillis, (at) => emit(entry, at, false)),
    ended: Deferred.await(ending)
  }
  return self
})
