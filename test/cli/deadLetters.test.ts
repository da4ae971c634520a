import { jetstreamManager } from "@nats-io/jetstream"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { deadLetter, defaultStream, list } from "../../src/queue/nats/deadLetters.ts"
import { noetlWorker } from "../support/CommandLine.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"

const message = (body: string) => ({ data: Buffer.from(body), subject: "noetl.commands" })

const note = { attempts: 7, at: "2026-01-02T03:04:05Z", worker: "w1" }

const commandLine = (url: string) => (words: string) =>
  Effect.map(noetlWorker(["dead-letters", ...words.split(" ")], { NATS_URL: url }), (said) => ({
    ...said,
    lines: said.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line))
  }))

describe.skipIf(noProgram)("noetl-worker dead-letters", () => {
  it.live("lists, shows, tries again and purges", () =>
    Effect.gen(function* () {
      const { connect, url } = yield* NatsServer
      const nc = yield* connect
      const run = commandLine(url)
      assert.deepStrictEqual((yield* run("list")).lines, [])
      for (const [i, body] of ["one", "two", "three"].entries())
        assert.strictEqual(
          yield* deadLetter(nc, defaultStream, message(body), { ...note, reason: `reason ${i + 1}` }),
          String(i + 1),
          "the number that `show` takes"
        )
      const listed = yield* run("list")
      assert.deepStrictEqual(
        listed.lines,
        [1, 2, 3].map((number) =>
          Object.assign({ number, subject: "noetl.commands", reason: `reason ${number}` }, note)
        )
      )
      const [shown] = (yield* run("show 2")).lines
      assert.strictEqual((shown as { readonly body: string }).body, "two")

      const none = yield* run("show 9")
      assert.deepStrictEqual([none.code, none.stdout], [1, ""])
      assert.include(none.stderr, "there is no dead letter 9")

      // Without a stream that takes it, it stays where it is.
      assert.strictEqual((yield* run("retry 2")).code, 1)
      const jsm = yield* Effect.promise(() => jetstreamManager(nc))
      yield* Effect.promise(() => jsm.streams.add({ name: "NOETL_COMMANDS", subjects: ["noetl.commands"] }))
      assert.deepStrictEqual((yield* run("retry 2")).lines, [{ retried: 2, subject: "noetl.commands" }])
      const published = yield* Effect.promise(() => jsm.streams.getMessage("NOETL_COMMANDS", { seq: 1 }))
      assert.strictEqual(published?.string(), "two")
      assert.deepStrictEqual(
        (yield* list(nc, defaultStream, 10)).map(({ body }) => body),
        ["one", "three"]
      )
      assert.deepStrictEqual((yield* run("purge 1")).lines, [{ purged: 1 }])
      assert.deepStrictEqual((yield* run("purge")).lines, [{ purged: 1 }])
      assert.deepStrictEqual(yield* list(nc, defaultStream, 10), [])
      assert.strictEqual((yield* run("burn")).code, 2)
    }).pipe(Effect.provide(NatsServer.layer()), Effect.scoped)
  )

  it.live("never publishes where a letter's own words say, only to the subjects of commands", () =>
    Effect.gen(function* () {
      const { connect, url } = yield* NatsServer
      const nc = yield* connect
      const jsm = yield* Effect.promise(() => jetstreamManager(nc))
      yield* Effect.promise(() =>
        jsm.streams.add({ name: "NOETL_COMMANDS", subjects: ["noetl.commands", "noetl.commands.>"] })
      )
      const hostile = [
        "$JS.API.STREAM.DELETE.NOETL_COMMANDS",
        "$JS.API.STREAM.PURGE.NOETL_COMMANDS",
        "noetl.commandsx",
        "noetl.commands.*",
        "other.subject"
      ]
      for (const subject of [...hostile, "noetl.commands.shared"])
        yield* deadLetter(nc, defaultStream, { data: Buffer.from("{}"), subject }, { ...note, reason: "r" })
      const { lines, stderr } = yield* commandLine(url)("retry all")
      assert.deepStrictEqual(lines, [{ retried: 6, subject: "noetl.commands.shared" }])
      for (const subject of hostile)
        assert.include(stderr, `its subject ${subject} is not one of the commands' own`)
      assert.strictEqual((yield* list(nc, defaultStream, 10)).length, hostile.length)
      const { state } = yield* Effect.promise(() => jsm.streams.info("NOETL_COMMANDS"))
      assert.strictEqual(state.messages, 1)
    }).pipe(Effect.provide(NatsServer.layer()), Effect.scoped)
  )
})
