import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JsonObject } from "../../src/domain/Json.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import * as HttpStub from "../support/HttpStub.ts"
import { leaksOf, leaving, secretWorld } from "../support/secretWorld.ts"
import { until } from "../support/until.ts"

const secret = "Zq7-kP2w_Vn9tLx4RmB8sD3cHf6yJg1u"
const stored = (data: JsonObject, name = "one") => ({ name, type: "generic", data: Redacted.make(data) })

/** Nothing of the secrets leaves, and something was masked. */
const nothingLeaves = (texts: ReadonlyMap<string, string>, secrets: ReadonlyArray<string>, depth = 2) => {
  assert.deepStrictEqual(leaksOf(secrets, texts, depth), [])
  assert.include(texts.get("events"), "[REDACTED]")
}

describe("A secret of a command", () => {
  it.live("is masked until the command's outcome was published, however many others come meanwhile", () => {
    const world = secretWorld([stored({ value: secret })], { capacity: 20 })
    return Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "held-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const [begun, go] = [join(folder, "begun"), join(folder, "go")]
      const command = `touch ${begun}; while [ ! -e ${go} ]; do sleep 0.05; done; echo "$S"; echo "$S" >&2; true`
      yield* Effect.forkChild(
        Effect.gen(function* () {
          yield* until(
            Effect.sync(() => existsSync(begun)),
            (there) => there
          )
          const redactor = yield* Redactor
          for (let i = 0; i < 100; i++) yield* redactor.register("other", `another-secret-${i}`)
          writeFileSync(go, "")
        })
      )
      const { texts } = yield* leaving(world.log, [
        ["shell", { auth: "one", env: { S: "{{ auth.one.value }}" }, command }]
      ])
      nothingLeaves(texts, [secret])
    }).pipe(Effect.provide(world.layer), Effect.scoped)
  })

  it.live("of more secrets than are remembered is masked like the first", () => {
    const many = Array.from({ length: 60 }, (_, i) => `${secret.slice(i % 20)}${i}Q${i * 7}-list-member`)
    const world = secretWorld([stored({ list: many })], { capacity: 20 })
    return Effect.gen(function* () {
      const code = "result = auth['one']['list']"
      const { texts } = yield* leaving(world.log, [["python", { auth: "one", code }]])
      for (const one of many) assert.notInclude(texts.get("events"), one)
    }).pipe(Effect.provide(world.layer))
  })

  it.live("is masked before a text is cut: previews, answers of servers, errors, printed lines", () => {
    const world = secretWorld([stored({ value: secret })])
    return Effect.gen(function* () {
      const stub = yield* HttpStub.make((asked, response) => {
        response.statusCode = 500
        response.end("x".repeat(Number(asked.query.get("n"))) + secret)
      })
      const s = "{{ auth.one.value }}"
      const at = (n: number) => "y".repeat(n)
      // The limits are 120, 200, 300, 500, 1000, 4000 and 8192 characters: the secret lies across each.
      const cuts = [100, 119, 195, 295, 490, 990, 3990, 8180]
      const { texts } = yield* leaving(world.log, [
        ...cuts.map((n) => ["shell", { auth: "one", command: `: ${at(n)}${s}; echo ${at(n)}${s}` }] as const),
        ...cuts.map((n) => ["http", { auth: "one", url: `no-url-${at(n)}${s}` }] as const),
        ...cuts.map(
          (n) =>
            [
              "python",
              { auth: "one", script: { uri: `${stub.url}/?n=${n}`, source: { type: "http" } } }
            ] as const
        ),
        ...cuts.map((n) => ["duckdb", { auth: "one", query: `select '${at(n)}${s}', from` }] as const),
        ...cuts.map(
          (n) =>
            ["duckdb", { auth: "one", query: `select '${at(n)}${s}${at(n)}' as x, no_such_column` }] as const
        ),
        ...cuts.map(
          (n) =>
            ["python", { auth: "one", code: `raise ValueError("${at(n)}" + auth["one"]["value"])` }] as const
        )
      ])
      nothingLeaves(texts, [secret], 0)
    }).pipe(Effect.provide(world.layer), Effect.scoped)
  })

  it.live.each<readonly [string, JsonObject, JsonObject, ReadonlyArray<string>]>([
    ["a token beside a name", { user: "u" }, { credential: "one", token: secret }, [secret]],
    ["a field of any name beside a name", { user: "u" }, { credential: "one", x_tenant: secret }, [secret]],
    ["a password in an alias", { user: "u" }, { a: { credential: "one", password: secret } }, [secret]],
    ["a webhook", { webhook_url: `https://hooks.example.com/services/T0/B0/${secret}` }, {}, [secret]],
    [
      "a shared access signature",
      { container_url: `https://a.blob.example.com/c?sv=2024-01-01&sp=r&sig=${secret}%3D` },
      {},
      [secret]
    ],
    [
      "a signed address under url",
      { url: `https://bucket.example.com/o?X-Amz-Date=20260101&X-Amz-Signature=${secret}` },
      {},
      [secret]
    ],
    ["a password in a libpq string", { dsn: `host=db user=u password='${secret}' dbname=d` }, {}, [secret]],
    [
      "a quoted password in a libpq string",
      { dsn: `host=db password='it\\'s ${secret}' dbname=d` },
      {},
      [`it's ${secret}`]
    ],
    [
      "a password in an ADO string",
      { connection_string: `Server=db;User Id=u;Password=${secret};Database=d` },
      {},
      [secret]
    ],
    [
      "an account key",
      { connection: `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${secret}==;EndpointSuffix=x` },
      {},
      [secret]
    ],
    ["a password in a URL", { url: `postgres://u:${secret}@db/d` }, {}, [secret]],
    [
      "an encoded password in a URL",
      { uri: `postgres://u:it%27s${secret}@db/d` },
      {},
      [`it's${secret}`, `it%27s${secret}`]
    ],
    ["a token before a host", { repo_url: `https://${secret}@git.example.com/a.git` }, {}, [secret]],
    ["a header", { header_value: `Bearer ${secret}` }, {}, [secret]],
    [
      "a basic header",
      { authorization: `Basic ${Buffer.from(`u:${secret}`).toString("base64")}` },
      {},
      [secret]
    ],
    [
      "a key's file",
      { key_file: JSON.stringify({ type: "x", private_key: `-----BEGIN\n${secret}\n-----END` }) },
      {},
      [secret]
    ],
    [
      "a key's file as base64",
      {
        key_file: Buffer.from(JSON.stringify({ client_secret: secret, more: "words here" })).toString(
          "base64"
        )
      },
      {},
      [secret]
    ]
  ])("is known inside of what it came in: %s", ([, data, auth, secrets]) => {
    const world = secretWorld([stored(data)])
    return Effect.gen(function* () {
      // The program makes the text by itself: only what was registered is masked.
      const made = secrets.map((one) => Buffer.from(one).toString("hex").split("").toReversed().join(""))
      const code = `result = [bytes.fromhex(s[::-1]).decode() for s in ${JSON.stringify(made)}]; print(result)`
      const named = Object.keys(auth).length === 0 ? "one" : auth
      const { endings, texts } = yield* leaving(world.log, [["python", { auth: named, code }]])
      assert.strictEqual(endings[0]?.status, "completed")
      nothingLeaves(texts, secrets)
    }).pipe(Effect.provide(world.layer))
  })

  it.live.each<readonly [string, JsonObject]>([
    ["a password in a URL", { env: { WHERE: `postgres://u:${secret}@db/d` }, cut: "s/.*u:\\(.*\\)@.*/\\1/" }],
    ["a variable with a secret's name", { env: { WHERE: "x", API_TOKEN: secret }, cut: "s/.*/$API_TOKEN/" }]
  ])("is known where an author wrote it into a tool's settings: %s", ([, { cut, env }]) => {
    const world = secretWorld([])
    return Effect.gen(function* () {
      const command = `printf '%s\\n' "$WHERE" | sed "${String(cut)}"`
      const { endings, texts } = yield* leaving(world.log, [["shell", { env: env ?? {}, command }]])
      assert.strictEqual(endings[0]?.status, "completed")
      nothingLeaves(texts, [secret])
    }).pipe(Effect.provide(world.layer))
  })

  it.live("stays as it is where it is no secret: base addresses and names", () => {
    const world = secretWorld([
      stored({ base_url: "https://api.example.com/v1/customers", user: "administrator", password: secret })
    ])
    return Effect.gen(function* () {
      const code = "result = [auth['one']['base_url'] + '/7', auth['one']['user']]"
      const { endings } = yield* leaving(world.log, [["python", { auth: "one", code }]])
      assert.deepStrictEqual(endings[0], {
        status: "completed",
        value: ["https://api.example.com/v1/customers/7", "administrator"]
      })
    }).pipe(Effect.provide(world.layer))
  })
})
