import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Notification from "../../src/domain/Notification.ts"

const python2 =
  '{"execution_id": 767489372445736966, "event_id": 767489372563177482, "command_id": "767489372445736966:start:767489372563177481", "step": "start", "server_url": "http://127.0.0.1:37249"}'

const problems = (body: string): string => {
  const decoded = Notification.decode(body)
  return Result.isFailure(decoded) ? decoded.failure.message : "none"
}

describe("Notification", () => {
  it("keeps every digit of the ids, and the command id as it is", () => {
    const decoded = Result.getOrThrow(Notification.decode(python2))
    assert.deepStrictEqual({ ...decoded }, {
      executionId: "767489372445736966",
      eventId: "767489372563177482",
      commandId: "767489372445736966:start:767489372563177481",
      step: "start",
      serverUrl: "http://127.0.0.1:37249",
      pool: undefined,
      traceparent: undefined
    } as never)
  })

  it.each([
    ["an integer command id", '"command_id": 683200000000000114', "683200000000000114"],
    ["its digits as text", '"command_id": "683200000000000114"', "683200000000000114"]
  ])("takes %s", (_, member, expected) => {
    const body = python2.replace(/"command_id": "[^"]+"/, member)
    assert.strictEqual(Result.getOrThrow(Notification.decode(body)).commandId, expected)
  })

  it("names every place that is wrong", () => {
    const said = problems('{"execution_id": "x", "event_id": 1.5, "command_id": "", "server_url": 7}')
    for (const at of ["execution_id", "event_id", "command_id", "step", "server_url"])
      assert.include(said, `${at}: `)
  })

  it.each(["", "null", "[]", "7", '"text"', "\u0000", "{}", '{"execution_id":null}', "x".repeat(300_000)])(
    "refuses %.30j and lives on",
    (body) => {
      assert.notStrictEqual(problems(body), "none")
    }
  )

  it.prop("never throws, whatever the body", { body: Schema.String }, ({ body }) => {
    problems(body)
  })
})
