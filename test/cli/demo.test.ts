import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { noetlWorker } from "../support/CommandLine.ts"

it.live(
  "the demonstration obeys the options of tools: its own server is no public address",
  () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* noetlWorker(["demo"], { WORKER_EGRESS: "production" })
      assert.strictEqual(code, 0, stderr)
      assert.include(stdout, "loopback addresses are not allowed")
    }),
  { timeout: 60_000 }
)
