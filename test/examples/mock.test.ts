import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ToolResult } from "noetl-worker"
import { aCommand, MemoryControlPlane, StubCalls, TestWorker } from "noetl-worker/testing"

const answer = () => Effect.succeed(ToolResult.success({ rows: 3 }))

describe("My playbook's step", () => {
  it.effect("asks the tool once and reports what it said", () =>
    Effect.gen(function* () {
      const command = aCommand(1, { input: { table: "users" } })
      yield* TestWorker.submit(command)
      yield* TestWorker.idle
      const calls = yield* (yield* StubCalls).calls
      const ending = yield* (yield* MemoryControlPlane).endingOf(command.commandId)
      assert.deepStrictEqual(calls[0]?.args, { table: "users" })
      assert.deepStrictEqual(ending, { status: "completed", value: { rows: 3 } })
    }).pipe(Effect.provide(TestWorker.layer({ answer })))
  )
})
