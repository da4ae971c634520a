import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import type { LookupAddress } from "node:dns"
import { HttpJson, type Settings } from "../../src/control-plane/noetl/HttpJson.ts"
import * as HttpStub from "../support/HttpStub.ts"

/** A worker whose configured server is elsewhere, and one server that messages may name; names lead where the test says. */
const settingsFor = (stranger: string, addresses: ReadonlyArray<string> = []): Settings => ({
  token: undefined,
  tls: undefined,
  origins: ["http://home.example:8082", stranger],
  timeoutMillis: 5_000,
  connections: 4,
  resolve: (_, callback) =>
    callback(
      null,
      addresses.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 }))
    )
})

const ask = (settings: Settings, url: string) =>
  Effect.gen(function* () {
    const http = yield* HttpJson
    const exit = yield* Effect.exit(http.send({ operation: "claim", method: "GET", url: `${url}/api/x` }))
    return { exit, away: yield* http.away }
  }).pipe(Effect.provide(HttpJson.layer(settings)))

describe("A server that only messages name", () => {
  it.live.each([
    ["the metadata service", ["169.254.169.254"]],
    ["a metadata service behind NAT64", ["64:ff9b::a9fe:a9fe"]],
    ["a link-local address", ["fe80::1"]],
    ["an IPv4 address in IPv6's clothes", ["::ffff:169.254.169.254"]],
    ["AWS's metadata service over IPv6", ["fd00:ec2::254"]],
    ["no address", ["0.0.0.0"]],
    ["a multicast address", ["224.0.0.1"]],
    ["several of them", ["169.254.169.254", "fe80::2"]]
  ] as const)("is not connected to when its name leads to %s", ([, addresses]) =>
    Effect.gen(function* () {
      const { away, exit } = yield* ask(
        settingsFor("http://other.example", addresses),
        "http://other.example"
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.include(JSON.stringify(exit), "NOETL_SERVER_ALLOW")
      assert.deepStrictEqual(
        away.map(({ address }) => address),
        ["http://other.example"]
      )
    })
  )

  it.live.each([
    "http://169.254.169.254",
    "http://0xa9fea9fe",
    "http://0251.0376.0251.0376",
    "http://2852039166",
    "http://169.254.43518",
    "http://[::ffff:a9fe:a9fe]",
    "http://[fd00:ec2::254]",
    "http://[64:ff9b::169.254.169.254]"
  ])("is not connected to under such an address itself, however it is written: %s", (written) =>
    Effect.gen(function* () {
      const { origin } = new URL(written)
      const { exit } = yield* ask(settingsFor(origin), origin)
      assert.isTrue(Exit.isFailure(exit))
      assert.include(JSON.stringify(exit), "NOETL_SERVER_ALLOW")
    })
  )

  it.live("is connected to at every other address, and the good one of several is taken", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((_, response) => HttpStub.json(response, { ok: true }))
      const name = `http://other.example:${stub.port}`
      const { away, exit } = yield* ask(settingsFor(name, ["169.254.169.254", "127.0.0.1"]), name)
      assert.deepStrictEqual(Exit.isSuccess(exit) ? exit.value.body : exit, { ok: true })
      assert.deepStrictEqual(away, [])
      assert.strictEqual(stub.asked.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("is away while it answers that it is busy, and not after a good answer", () =>
    Effect.gen(function* () {
      const statuses = [429, 200]
      const stub = yield* HttpStub.make((_, response) => HttpStub.json(response, {}, statuses.shift()))
      yield* Effect.gen(function* () {
        const http = yield* HttpJson
        const send = http.send({ operation: "claim", method: "GET", url: `${stub.url}/api/x` })
        yield* send
        assert.strictEqual((yield* http.away).length, 1)
        yield* send
        assert.deepStrictEqual(yield* http.away, [])
      }).pipe(Effect.provide(HttpJson.layer(settingsFor(stub.url))))
    }).pipe(Effect.scoped)
  )
})
