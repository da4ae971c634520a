import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as HttpStub from "../support/HttpStub.ts"
import { PostgresServer } from "../support/PostgresServer.ts"
import { leaksOf, leaving, secretWorld } from "../support/secretWorld.ts"

/** Every ASCII character and three beyond, in an order that no alphabet has. */
const all = Array.from({ length: 128 }, (_, i) => String.fromCharCode((i * 53 + 17) % 128)).join("")
const secret = `${all}é€😀`
/** No variable of a program and no text of PostgreSQL has a NUL. */
const plain = secret.replaceAll("\0", "")
const secrets = [secret, plain]

const credential = {
  name: "all",
  type: "secret",
  data: Redacted.make({ value: secret, plain })
}

const auth = "all"
const env = { S: "{{ auth.all.plain }}", PYTHONIOENCODING: "utf-8" }

const python = `
import base64, binascii, html, json, shlex, urllib.parse
s = auth["all"]["value"]
p = auth["all"]["plain"]
b = s.encode()
print(s); print(repr(s)); print(ascii(s)); print(repr(b)); print(repr(p)); print(ascii(p)); print(repr(p.encode()))
print(shlex.quote(s)); print(html.escape(s)); print(html.escape(s, quote=False)); print(urllib.parse.quote(s)); print(urllib.parse.quote_plus(s))
print(base64.encodebytes(b).decode()); print(base64.b64encode(b"user:" + b)); print(base64.urlsafe_b64encode(b))
print(b.hex()); print(b.hex(" ")); print(b.hex(":")); print(binascii.hexlify(b, "-", 2).decode())
print("\\n".join(b.hex()[i:i + 60] for i in range(0, 2 * len(b), 60)))
print("\\n".join(base64.b64encode(b).decode()[i:i + 20] for i in range(0, 400, 20)))
once = json.dumps({"s": s})
result = [s, b, once, json.dumps(once), json.dumps(json.dumps(once)), json.dumps({"s": s}, ensure_ascii=False),
  {"body": json.dumps({"text": json.dumps(p)})}, repr([s]), repr({"b": b}), s.encode("unicode_escape").decode()]
`

const shell = `
printf '%s\\n' "$S"; echo "$S"; echo $S; set -x; : "$S"; set +x; export -p; env
printf '%s' "$S" | base64; printf '%s' "$S" | base64 -w 7; printf '%s' "$S" | od -An -tx1; printf '%s' "$S" | od -An -tx1 -w5
bash -c 'printf "%q\\n" "$S"; echo "\${S@Q}"; declare -p S; LC_ALL=C printf "%q\\n" "$S"'
printf '%s' "$S" | python3 -c 'import sys; sys.stdout.write(sys.stdin.read())' >&2
`

describe("A secret of every ASCII character and more", () => {
  const world = secretWorld([credential])
  it.live("leaves no tool in any shape, in the events, the log, the dead letters and the status", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make((asked, response) => {
        response.setHeader("content-type", "application/json")
        response.end(
          JSON.stringify({
            path: asked.path,
            query: asked.query.toString(),
            headers: asked.headers,
            body: asked.body.toString("utf8"),
            bytes: asked.body.toString("base64")
          })
        )
      })
      const server = yield* PostgresServer
      const url = `${stub.url}/x`
      const s = "{{ auth.all.value }}"
      const k = "{{ keychain.all.value }}"
      const p = "{{ auth.all.plain }}"
      const { endings, texts } = yield* leaving(world.log, [
        ["python", { auth, code: python }],
        ["python", { auth, code: `raise ValueError("no: " + auth["all"]["value"])` }],
        ["shell", { auth, env, command: shell }],
        ["shell", { auth, env, command: `exec "$S"` }],
        ["http", { auth, url, params: { q: s }, headers: { "x-a": "1" } }],
        ["http", { auth, url: `${url}/${p}?q=${p}` }],
        ["http", { auth, url, method: "POST", json: { s, inner: "{{ auth.all | tojson }}" } }],
        ["http", { auth, url, method: "POST", form: { s } }],
        ["http", { auth, url: `http://127.0.0.1:1/${p}` }],
        ["http", { auth, url: `no-url-${p}` }],
        [
          "rhai",
          {
            args: { s: k },
            code: `print(s); debug(s); print(to_json(#{s: s})); [s, to_json([to_json([s])]), "" + #{a: s}]`
          }
        ],
        ["rhai", { args: { s: k }, code: "throw s" }],
        [
          "duckdb",
          {
            auth,
            params: [p],
            query:
              "select $1 as a, encode($1) as b, [$1]::varchar as c, {'x': $1}::varchar as d, to_base64(encode($1)) as e, hex($1) as f, url_encode($1) as g, to_json($1) as h, $1::int as i"
          }
        ],
        [
          "duckdb",
          {
            auth,
            params: [p],
            query:
              "select $1 as a, encode($1)::varchar as b, [$1]::varchar as c, {'x': $1}::varchar as d, to_base64(encode($1)) as e, hex($1) as f, url_encode($1) as g, to_json($1) as h"
          }
        ],
        [
          "postgres",
          {
            ...server.settings,
            auth: { x: { credential: "all" }, y: { credential: "all" } },
            params: ["{{ auth.x.plain }}"],
            query:
              "select $1::text as a, quote_literal($1) as b, quote_ident($1) as c, array[$1] as d, array[$1]::text as e, to_json($1::text)::text as f, convert_to($1, 'UTF8')::text as g, encode(convert_to($1, 'UTF8'), 'escape') as h, encode(convert_to($1, 'UTF8'), 'base64') as i, row($1)::text as j, format('%L', $1) as k"
          }
        ],
        [
          "postgres",
          {
            ...server.settings,
            auth: { x: { credential: "all" }, y: { credential: "all" } },
            query: "do $$ begin raise exception '%', $q${{ auth.x.plain }}$q$; end $$"
          }
        ],
        ["noop", { auth, anything: s }]
      ])
      for (const [i, ending] of endings.entries()) assert.isDefined(ending, `command ${i}`)
      assert.deepStrictEqual(leaksOf(secrets, texts), [])
      for (const [source, text] of texts)
        if (source !== "dead letters" && source !== "status") assert.include(text, "[REDACTED]")
    }).pipe(Effect.provide(world.layer), Effect.provide(PostgresServer.layer), Effect.scoped)
  )
})
