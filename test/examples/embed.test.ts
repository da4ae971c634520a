/** The worker inside another Effect application. README quotes `embedded`. */
import { assert, describe, it } from "@effect/vitest"
import { MyTool, program } from "./embed.ts"
import { Effect } from "effect"

describe("The worker inside another Effect application", () => {
  it.live("works commands with a tool of the application's own", () =>
    Effect.gen(function* () {
      assert.strictEqual(MyTool.key, "my-app/MyTool")
      assert.deepStrictEqual(yield* program, { status: "completed", value: { greeting: "hello Ada" } })
    })
  )
})
