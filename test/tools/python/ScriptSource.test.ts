import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Layer } from "effect"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Json } from "../../../src/domain/Json.ts"
import { ScriptSource, ScriptSourceOptions } from "../../../src/tools/python/ScriptSource.ts"
import { ToolError } from "../../../src/domain/ToolError.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import * as HttpStub from "../../support/HttpStub.ts"

/** A directory with scripts in it, one beside it, and links that lead out. */
const scripts = Effect.acquireRelease(
  Effect.sync(() => {
    const base = mkdtempSync(join(tmpdir(), "noetl-scripts-"))
    const root = join(base, "root")
    mkdirSync(join(root, "deep"), { recursive: true })
    mkdirSync(join(base, "root-of-another"))
    writeFileSync(join(root, "a.py"), "result = 'ü'\n")
    writeFileSync(join(root, "deep", "b.py"), "b")
    writeFileSync(join(root, "latin1.py"), Buffer.from([0x66, 0xfc]))
    writeFileSync(join(root, "large.py"), "x".repeat(2000))
    writeFileSync(join(base, "outside.py"), "secret")
    writeFileSync(join(base, "root-of-another", "c.py"), "secret")
    symlinkSync(join(base, "outside.py"), join(root, "link.py"))
    symlinkSync(base, join(root, "up"))
    symlinkSync(join(root, "a.py"), join(root, "good-link.py"))
    return { base, root }
  }),
  ({ base }) => Effect.sync(() => rmSync(base, { recursive: true }))
)

const load = (script: Json, root: string) =>
  Effect.flatMap(ScriptSource, (source) => source.load("python", script)).pipe(
    Effect.provide(
      ScriptSource.layer.pipe(
        Layer.provide(EgressOptions.layerDevelopment),
        Layer.provide(
          Layer.succeed(ScriptSourceOptions, { root, maxBytes: 1000, timeout: Duration.seconds(5) })
        )
      )
    )
  )

const errorOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof ToolError ? error.message : "no error"
}

describe("a script from a file", () => {
  it.live.each<readonly [string, Json, string]>([
    ["by its path", { uri: "a.py", source: { type: "file" } }, "result = 'ü'\n"],
    ["without saying that it is a file", { uri: "./deep/b.py" }, "b"],
    ["as a text alone", "deep/../deep/b.py", "b"],
    ["through a link that stays inside", { uri: "good-link.py" }, "result = 'ü'\n"],
    ["in another character set", { uri: "latin1.py", encoding: "latin1" }, "fü"]
  ])("is read %s", ([, script, text]) =>
    Effect.gen(function* () {
      const { root } = yield* scripts
      assert.strictEqual((yield* load(script, root)).text, text)
    }).pipe(Effect.scoped)
  )

  it.live.each<readonly [string, string, string]>([
    ["outside of its directory", "../outside.py", "lies outside the directory for scripts"],
    ["at an absolute path", "/etc/hostname", "lies outside the directory for scripts"],
    ["behind a link that leads out", "link.py", "lies outside the directory for scripts"],
    ["behind a directory that leads out", "up/outside.py", "lies outside the directory for scripts"],
    [
      "in a directory with the same beginning",
      "../root-of-another/c.py",
      "lies outside the directory for scripts"
    ],
    ["by a file URL that leads out", "file:///etc/hostname", "lies outside the directory for scripts"],
    ["that is not there", "nothing.py", "cannot be read"],
    ["that is a directory", "deep", "is not a file"],
    ["that is too large", "large.py", "is larger than 1000 bytes"],
    ["in a character set it is not in", "latin1.py", "the script is not utf-8"],
    ["without a name", "", "Missing"]
  ])("is refused %s", ([, uri, problem]) =>
    Effect.gen(function* () {
      const { root } = yield* scripts
      assert.include(errorOf(yield* Effect.exit(load({ uri, source: { type: "file" } }, root))), problem)
    }).pipe(Effect.scoped)
  )
})

describe("a script from elsewhere", () => {
  it.live("comes by HTTP, with its headers", () =>
    Effect.gen(function* () {
      const stub = yield* HttpStub.make(({ headers, path }, response) => {
        if (path === "/missing") return void response.writeHead(404).end("no such script")
        if (path === "/large") return void response.end("x".repeat(2000))
        response.end(`# ${String(headers["x-key"])}`)
      })
      const headers = { "X-Key": "k" }
      const byUri = yield* load({ uri: `${stub.url}/a.py`, source: { type: "http", headers } }, "/")
      assert.deepStrictEqual(byUri, { text: "# k", name: `${stub.url}/a.py` })
      assert.strictEqual(
        (yield* load({ source: { endpoint: `${stub.url}/b.py`, headers } }, "/")).text,
        "# k"
      )
      assert.include(
        errorOf(yield* Effect.exit(load({ uri: `${stub.url}/missing` }, "/"))),
        "HTTP 404 response: no such script"
      )
      assert.include(
        errorOf(yield* Effect.exit(load({ uri: `${stub.url}/large` }, "/"))),
        "larger than 1000 bytes"
      )
      assert.include(errorOf(yield* Effect.exit(load({ uri: "http://169.254.169.254/x" }, "/"))), "metadata")
    }).pipe(Effect.scoped)
  )

  it.live("may stand in the configuration itself", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load({ source: { type: "inline", code: "x" } }, "/")).text, "x")
      assert.strictEqual((yield* load({ source: { code: "y" } }, "/")).text, "y")
    })
  )

  it.live.each<readonly [string, string]>([
    ["gs://bucket/a.py", "scripts from gcs are not available on this worker"],
    ["s3://bucket/a.py", "scripts from s3 are not available on this worker"]
  ])("says that %s cannot be had", ([uri, problem]) =>
    Effect.gen(function* () {
      assert.include(errorOf(yield* Effect.exit(load({ uri }, "/"))), problem)
    })
  )
})
