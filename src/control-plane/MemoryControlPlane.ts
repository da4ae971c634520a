/**
 * A control plane in this process: answers claims from a map and records what it is told. It is what tests and the
 * demonstration talk to, and it keeps the rules of a real one: a claim has one owner, an ended command stays ended.
 */
import { Context, Duration, Effect, Layer } from "effect"
import type { Claim } from "../domain/Claim.ts"
import { AlreadyDone, Claimed, HeldElsewhere, Rejected } from "../domain/Claim.ts"
import type { Command } from "../domain/Command.ts"
import type { Credential } from "../domain/Credential.ts"
import type { CommandId, EventId, ExecutionId } from "../domain/Ids.ts"
import type * as Json from "../domain/Json.ts"
import { decode } from "../domain/Notification.ts"
import type { WorkerEvent } from "../domain/WorkerEvent.ts"
import { ControlPlane, ControlPlaneError, Owner, Refused } from "./ControlPlane.ts"

/** One record, oldest first: `register`, `claim`, `command.started`, … */
export interface Line {
  readonly what: string
  readonly command: CommandId | undefined
  readonly detail: Json.Json
}

export interface Options {
  readonly workerName?: string
  readonly credentials?: ReadonlyArray<Credential>
  /** What `playbook` answers: a workbook for commands that name its entries. */
  readonly playbook?: Json.JsonObject
  /** Child playbooks by path: how many questions they run for, how they end, and their value. */
  readonly children?: ReadonlyMap<
    string,
    { readonly polls: number; readonly status: "completed" | "failed"; readonly value: Json.Json }
  >
  /** What a test puts between the worker and the operation: a delay, a failure, a defect. */
  readonly before?: Disturbance
  /** The same between a claim or a report that was carried out and its answer. */
  readonly after?: Disturbance
  readonly claimPatience?: ControlPlane["Service"]["claimPatience"]
  readonly republishesOrphans?: boolean
}

export type Disturbance = (
  operation: string,
  command: Command | undefined
) => Effect.Effect<void, ControlPlaneError>

/** The other end: what a server's database and its publisher see. */
export class MemoryControlPlane extends Context.Service<
  MemoryControlPlane,
  {
    /** Makes a command claimable and answers with the message body that announces it. */
    readonly issue: (command: Command) => Effect.Effect<string>
    readonly log: Effect.Effect<ReadonlyArray<Line>>
    /** The events of one command, in order. */
    readonly eventsOf: (id: CommandId) => Effect.Effect<ReadonlyArray<string>>
    /** How a command ended: the value, or the error's message. */
    readonly endingOf: (id: CommandId) => Effect.Effect<Ending | undefined>
    /** Gives a claimed command to another worker, as a server does when the owner looks dead. */
    readonly takeAway: (id: CommandId, by: string) => Effect.Effect<void>
    /** Ends an execution from outside. */
    readonly cancel: (executionId: string) => Effect.Effect<void>
    /** Called with every line as it is written. */
    readonly onLine: (listener: (line: Line) => void) => Effect.Effect<void>
  }
>()("noetl-worker/control-plane/MemoryControlPlane") {
  static readonly layer = (options: Options = {}): Layer.Layer<MemoryControlPlane | ControlPlane> =>
    Layer.effectContext(Effect.sync(() => make(options)))
}

export type Ending =
  | { readonly status: "completed"; readonly value: Json.Json }
  | { readonly status: "failed"; readonly error: string }

interface Child {
  readonly polls: number
  readonly status: "completed" | "failed"
  readonly value: Json.Json
  asked: number
}

interface Row {
  readonly command: Command
  owner: string | undefined
  ending: Ending | undefined
}

const make = (options: Options) => {
  const workerName = options.workerName ?? "memory-worker"
  const rows = new Map<EventId, Row>()
  const byCommand = new Map<CommandId, Row>()
  const cancelled = new Set<string>()
  const running = new Map<string, Child>()
  const lines: Array<Line> = []
  const listeners: Array<(line: Line) => void> = []
  const credentials = new Map((options.credentials ?? []).map((credential) => [credential.name, credential]))
  const before = options.before ?? (() => Effect.void)
  const after = options.after ?? (() => Effect.void)

  const write = (what: string, command?: CommandId, detail: Json.Json = null) => {
    const line = { what, command, detail }
    lines.push(line)
    for (const listener of listeners) listener(line)
  }
  const rowOf = (id: CommandId) => byCommand.get(id)
  const record = (what: string) =>
    Effect.andThen(
      before(what, undefined),
      Effect.sync(() => write(what))
    )

  const claim = (eventId: EventId, attempt: number): Claim => {
    const row = rows.get(eventId)
    if (row === undefined) return Rejected({ reason: `no command for the event ${eventId}` })
    if (row.ending !== undefined) return AlreadyDone({ reason: "already_terminal" })
    if (cancelled.has(row.command.executionId)) return AlreadyDone({ reason: "execution_cancelled" })
    if (row.owner !== undefined && row.owner !== workerName) {
      return HeldElsewhere({ owner: row.owner, retryAfter: Duration.seconds(2) })
    }
    row.owner = workerName
    return Claimed({ command: { ...row.command, attempt } })
  }

  const report = (command: Command, event: WorkerEvent) => {
    const row = rowOf(command.commandId)
    switch (event._tag) {
      case "Started":
        return write("command.started", command.commandId)
      case "Succeeded":
        write("call.done", command.commandId, event.value)
        write("command.completed", command.commandId)
        if (row !== undefined) row.ending ??= { status: "completed", value: event.value }
        return
      case "Failed":
        write("call.error", command.commandId, event.error.message)
        write("command.failed", command.commandId)
        if (row !== undefined) row.ending ??= { status: "failed", error: event.error.message }
    }
  }

  const noSuchChild = (name: string) =>
    Effect.fail(
      new ControlPlaneError({
        operation: "child",
        reason: new Refused({ status: 404, body: `no playbook ${name}` })
      })
    )

  return Context.make(
    ControlPlane,
    ControlPlane.of({
      name: "memory",
      address: "in this process",
      workerName,
      republishesOrphans: Effect.succeed(options.republishesOrphans ?? false),
      register: record("register"),
      deregister: record("deregister"),
      heartbeat: record("heartbeat"),
      heartbeatRequest: undefined,
      notificationOf: (body) => Effect.fromResult(decode(body)),
      claimPatience: options.claimPatience ?? (() => Duration.infinity),
      claim: (notification, attempt) =>
        Effect.andThen(
          before("claim", rows.get(notification.eventId)?.command),
          Effect.sync(() => {
            const answer = claim(notification.eventId, attempt)
            write("claim", notification.commandId, answer._tag)
            return answer
          })
        ).pipe(Effect.tap(() => after("claim", rows.get(notification.eventId)?.command))),
      owner: (command) =>
        Effect.andThen(
          before("owner", command),
          Effect.sync(() => {
            const row = rowOf(command.commandId)
            if (row === undefined) return Owner.Unknown()
            if (row.ending !== undefined) return Owner.Ended()
            return row.owner === undefined || row.owner === workerName
              ? Owner.Ours()
              : Owner.Other({ name: row.owner })
          })
        ),
      report: (command, event) =>
        Effect.andThen(
          before(`report ${event._tag}`, command),
          Effect.sync(() => report(command, event))
        ).pipe(Effect.tap(() => after(`report ${event._tag}`, command))),
      cancelled: (command) => Effect.sync(() => cancelled.has(command.executionId)),
      credential: (name) => Effect.sync(() => credentials.get(name)),
      keychain: () => Effect.succeed(undefined),
      playbook: () => Effect.succeed(options.playbook),
      startChild: ({ path, payload }) =>
        Effect.suspend(() => {
          const child = options.children?.get(path)
          if (child === undefined) return noSuchChild(path)
          const executionId = String(900_000_000_000_000_000n + BigInt(running.size)) as ExecutionId
          running.set(executionId, { ...child, asked: 0 })
          write("child", undefined, { path, payload })
          return Effect.succeed({ executionId })
        }),
      childStatus: (_parent, id) =>
        Effect.suspend(() => {
          const child = running.get(id)
          if (child === undefined) return noSuchChild(id)
          child.asked += 1
          const status = child.asked > child.polls ? child.status : "running"
          return Effect.succeed({ executionId: id, status, document: {} })
        }),
      childResult: (_parent, id) => Effect.sync(() => running.get(id)?.value ?? null)
    })
  ).pipe(
    Context.add(
      MemoryControlPlane,
      MemoryControlPlane.of({
        issue: (command) =>
          Effect.sync(() => {
            const row: Row = { command, owner: undefined, ending: undefined }
            rows.set(command.eventId, row)
            byCommand.set(command.commandId, row)
            return bodyOf(command)
          }),
        log: Effect.sync(() => [...lines]),
        eventsOf: (id) =>
          Effect.sync(() =>
            lines.filter((line) => line.command === id && line.what !== "claim").map((line) => line.what)
          ),
        endingOf: (id) => Effect.sync(() => rowOf(id)?.ending),
        takeAway: (id, by) =>
          Effect.sync(() => {
            const row = rowOf(id)
            if (row !== undefined) row.owner = by
          }),
        cancel: (executionId) => Effect.sync(() => void cancelled.add(executionId)),
        onLine: (listener) => Effect.sync(() => void listeners.push(listener))
      })
    )
  )
}

/** The message that announces a command, as a NoETL server writes it: ids are bare integers. */
export const bodyOf = (command: Command): string =>
  `{"execution_id":${command.executionId},"event_id":${command.eventId},` +
  `"command_id":${JSON.stringify(command.commandId)},"step":${JSON.stringify(command.step)},` +
  `"server_url":${JSON.stringify(command.serverUrl ?? "http://localhost:8082")}}`
