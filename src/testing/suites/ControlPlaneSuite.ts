/** What every control plane must do. Give it a layer and the other end of it. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Result } from "effect"
import { ControlPlane } from "../../control-plane/ControlPlane.ts"
import type { Command } from "../../domain/Command.ts"
import * as Failure from "../../domain/Failure.ts"
import * as Json from "../../domain/Json.ts"
import * as Notification from "../../domain/Notification.ts"
import { Failed, Started, Succeeded } from "../../domain/WorkerEvent.ts"
import { aCommand } from "../aCommand.ts"

/** The other end of the control plane under test: its database, so to say. */
export class Backstage extends Context.Service<
  Backstage,
  {
    /** Makes a command claimable and answers with the message body that announces it. */
    readonly issue: (command: Command) => Effect.Effect<string>
    /** Gives a claimed command to another worker. */
    readonly takeAway: (command: Command, by: string) => Effect.Effect<void>
    readonly cancel: (executionId: string) => Effect.Effect<void>
    /** The names of a command's events, in order; bookkeeping of the dialect left out. */
    readonly events: (command: Command) => Effect.Effect<ReadonlyArray<string>>
    /** The value, or the error's message, that ended a command. */
    readonly ending: (command: Command) => Effect.Effect<unknown>
    readonly workers: Effect.Effect<ReadonlyArray<string>>
  }
>()("noetl-worker/testing/Backstage") {}

/** `layer` is built afresh for each test. It knows the credential `pg` of type postgres with the password `pencil`. */
export const suite = <E>(name: string, layer: Layer.Layer<ControlPlane | Backstage, E>): void => {
  const test = (sentence: string, body: Effect.Effect<void, unknown, ControlPlane | Backstage>) =>
    it.live(sentence, () => body.pipe(Effect.provide(layer), Effect.timeout("20 seconds")))

  describe.concurrent(`${name} as a control plane`, () => {
    test(
      "lists a worker from its registration to its deregistration",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const { workers } = yield* Backstage
        yield* plane.register
        yield* plane.heartbeat
        assert.deepStrictEqual(yield* workers, [plane.workerName])
        yield* plane.deregister
        assert.deepStrictEqual(yield* workers, [])
      })
    )

    test(
      "grants a command once, and to its owner again as long as it has not started",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const notification = yield* issued(
          aCommand(1, { input: { id: 9_007_199_254_740_993n }, kind: "shell" })
        )
        for (const attempt of [1, 2]) {
          const claim = yield* plane.claim(notification, attempt)
          assert.strictEqual(claim._tag, "Claimed")
          if (claim._tag !== "Claimed") return
          assert.strictEqual(claim.command.kind, "shell")
          assert.deepStrictEqual(claim.command.input, { id: 9_007_199_254_740_993n })
          assert.strictEqual(claim.command.executionId, aCommand(1).executionId)
        }
      })
    )

    test(
      "tells which worker holds a command",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const command = aCommand()
        const notification = yield* issued(command)
        yield* (yield* Backstage).takeAway(command, "another")
        const claim = yield* plane.claim(notification, 1)
        assert.strictEqual(claim._tag, "HeldElsewhere")
        assert.strictEqual(claim._tag === "HeldElsewhere" ? claim.owner : undefined, "another")
        assert.deepStrictEqual(yield* plane.owner(command), { _tag: "Other", name: "another" } as never)
      })
    )

    test(
      "rejects a claim for a command that it does not know",
      Effect.gen(function* () {
        const claim = yield* (yield* ControlPlane).claim(notificationOf(bodyFor(aCommand(77))), 1)
        assert.strictEqual(claim._tag, "Rejected")
      })
    )

    test(
      "keeps the events of a success in order, and then knows that the command ended",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const stage = yield* Backstage
        const { command, notification } = yield* claimed(aCommand())
        yield* plane.report(command, Started(), { mayBeThere: false })
        assert.deepStrictEqual(yield* plane.owner(command), { _tag: "Ours" } as never)
        yield* plane.report(command, succeeded({ big: 9_007_199_254_740_993n }), { mayBeThere: false })
        assert.deepStrictEqual(yield* stage.events(command), [
          "command.started",
          "call.done",
          "command.completed"
        ])
        assert.deepStrictEqual(yield* stage.ending(command), { big: 9_007_199_254_740_993n })
        assert.strictEqual((yield* plane.claim(notification, 2))._tag, "AlreadyDone")
        assert.deepStrictEqual(yield* plane.owner(command), { _tag: "Ended" } as never)
      })
    )

    test(
      "keeps the events of a failure in order",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const stage = yield* Backstage
        const { command } = yield* claimed(aCommand())
        yield* plane.report(command, Started(), { mayBeThere: false })
        yield* plane.report(command, failed, { mayBeThere: false })
        assert.deepStrictEqual(yield* stage.events(command), [
          "command.started",
          "call.error",
          "command.failed"
        ])
        assert.strictEqual(yield* stage.ending(command), "out of paper")
      })
    )

    test(
      "says that an execution was cancelled",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const { command } = yield* claimed(aCommand())
        assert.isFalse(yield* plane.cancelled(command))
        yield* (yield* Backstage).cancel(command.executionId)
        assert.isTrue(yield* plane.cancelled(command))
      })
    )

    test(
      "gives a credential wrapped, and nothing for a name that it does not know",
      Effect.gen(function* () {
        const plane = yield* ControlPlane
        const scope = { executionId: aCommand().executionId, catalogId: undefined, serverUrl: undefined }
        const credential = yield* plane.credential("pg", scope)
        assert.strictEqual(credential?.type, "postgres")
        assert.isFalse(
          `${Redacted.isRedacted(credential?.data)} ${Json.stringify(credential)}`.includes("pencil")
        )
        assert.strictEqual(credential && Redacted.value(credential.data)["password"], "pencil")
        assert.isUndefined(yield* plane.credential("unknown", scope))
      })
    )
  })
}

// --- helpers ---

const succeeded = (value: { readonly big: bigint }) =>
  Succeeded({ value, result: { status: "success", data: value }, contextUpdates: {} })

const outOfPaper = Failure.make("tool_error", "out of paper")
const failed = Failed({ error: outOfPaper, result: { status: "error", error: outOfPaper } })

const bodyFor = (command: Command): string =>
  `{"execution_id":${command.executionId},"event_id":${command.eventId},"command_id":"${command.commandId}","step":"${command.step}"}`

const notificationOf = (body: string) => Result.getOrThrow(Notification.decode(body))

const issued = (command: Command) =>
  Effect.flatMap(Backstage, (stage) => Effect.map(stage.issue(command), notificationOf))

const claimed = Effect.fnUntraced(function* (command: Command) {
  const notification = yield* issued(command)
  const claim = yield* (yield* ControlPlane).claim(notification, 1)
  if (claim._tag !== "Claimed") return yield* Effect.die(new Error(`not claimed: ${claim._tag}`))
  return { command: claim.command, notification }
})
