import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Result } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../../src/config/load.ts"
import { ownSecrets } from "../../src/config/ownSecrets.ts"
import { settings } from "../../src/config/settings.ts"
import * as CredentialSource from "../../src/credentials/CredentialSource.ts"
import { KnownSecrets } from "../../src/domain/OutputMask.ts"
import { Redactor } from "../../src/secrets/Redactor.ts"
import { nkey } from "../support/natsIdentity.ts"
import { connectionOptions, localNats } from "../../src/nats/connectionOptions.ts"

const secret = "Zq7-kP2w_Vn9tLx4RmB8"

const redactorOf = (env: Record<string, string>): Redactor["Service"] => {
  const { values } = Result.getOrThrow(load({ flags: new Map(), env, dotenv: undefined, file: undefined }))
  return Effect.runSync(
    Effect.map(Redactor, (redactor) => redactor).pipe(
      Effect.provide(Layer.merge(Redactor.layerWith({ own: ownSecrets(values, env) }), Logger.layer([])))
    )
  )
}

const withFolder = <A, E, R>(use: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "own-"))),
    use,
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

/** Every setting that is marked as a secret, by its first variable. */
const secretSettings = Object.values(settings).flatMap((one) =>
  one.secret && !("format" in one.type.schema) ? [one.env[0]] : []
)

describe("The worker's own secrets", () => {
  it("has settings to test", () => assert.isAtLeast(secretSettings.length, 4))

  it.each([
    ...secretSettings.map((name) => [name, secret] as const),
    ["NATS_URL", `nats://user:${secret}@broker:4222,nats://other:4222`],
    ["NATS_URL", `nats://first:4222,nats://${secret}@second:4222`],
    ["HTTPS_PROXY", `http://user:${secret}@proxy:3128`],
    ["NOETL_SECRET_SLACK", secret],
    ["NOETL_SECRET_PG", `{"user": "administrator", "password": "${secret}"}`],
    ["OTEL_EXPORTER_OTLP_HEADERS", `authorization=Bearer%20${secret},x=1`],
    ["OTEL_EXPORTER_OTLP_HEADERS", `x-team=a,x-honeycomb=${secret}`],
    ["AWS_SECRET_ACCESS_KEY", secret],
    ["PGPASSWORD", secret],
    ["DATABASE_URL", `postgres://u:${secret}@db/d`]
  ] as const)("are masked from the first log line on: %s", (name, value) => {
    const redactor = redactorOf({ [name]: value })
    assert.strictEqual(redactor.mask(`<${secret}>`), "<[REDACTED]>")
  })

  it("are no names, hosts and paths", () => {
    const redactor = redactorOf({
      PWD: "/home/worker/playbooks",
      NATS_URL: `nats://administrator:${secret}@broker.example.com:4222`,
      NOETL_SECRET_PG: `{"user": "administrator", "host": "db.example.com", "password": "${secret}"}`,
      NOETL_SERVER_TOKEN_FILE: "/run/secrets/token"
    })
    const text = "administrator broker.example.com:4222 db.example.com /run/secrets/token"
    assert.strictEqual(redactor.mask("in /home/worker/playbooks"), "in /home/worker/playbooks")
    assert.strictEqual(redactor.mask(text), text)
  })

  it.effect.each([
    "NOETL_SERVER_TOKEN_FILE",
    "NATS_NKEY_FILE",
    "NATS_CREDS_FILE",
    "NATS_KEY_FILE",
    "NOETL_TLS_CLIENT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS"
  ])("are masked when they stand in a file: %s", (name) =>
    withFolder((folder) =>
      Effect.sync(() => {
        const path = join(folder, "secret")
        writeFileSync(path, `${secret}\n`)
        assert.strictEqual(redactorOf({ [name]: path }).mask(`<${secret}>`), "<[REDACTED]>")
      })
    )
  )

  it.effect("in a rotated file are masked as soon as it is read, those of a credentials file too", () =>
    withFolder((folder) =>
      Effect.gen(function* () {
        const redactor = yield* Redactor
        const remember = yield* KnownSecrets
        const seed = join(folder, "seed")
        const [first, second] = [nkey().seed, nkey().seed]
        writeFileSync(seed, first)
        const options = connectionOptions({ ...localNats, nkeyFile: seed }, "test", remember)
        writeFileSync(seed, second)
        const [authenticator] = options.authenticator as ReadonlyArray<(nonce: string) => unknown>
        authenticator?.("nonce")
        assert.strictEqual(redactor.mask(`${first} ${second}`), "[REDACTED] [REDACTED]")
        yield* CredentialSource.parseFile(
          "file",
          `pg:\n  type: postgres\n  data: {user: administrator, password: "${secret}"}\n`
        )
        assert.strictEqual(redactor.mask(`administrator ${secret}`), "administrator [REDACTED]")
      })
    ).pipe(Effect.provide(Redactor.layer))
  )
})
