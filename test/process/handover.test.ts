import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { aCommand } from "../../src/testing/aCommand.ts"
import { FakeNoetl } from "../support/FakeNoetl.ts"
import { NatsServer, noProgram } from "../support/NatsServer.ts"
import { program } from "../support/program.ts"
import { start, submit, world } from "../support/WorkerProcess.ts"
import { until } from "../support/until.ts"

/** The executable, whose first file takes the secrets out. */
const launcher = join(dirname(program), "main.js")

const secret = "Zq7-kP2w_Vn9tLx4RmB8"
const environ = (pid: number | undefined): string => readFileSync(`/proc/${pid}/environ`, "latin1")

describe.skipIf(noProgram || process.platform !== "linux")(
  "The executable with secrets in its environment",
  () => {
    it.live(
      "has none there any more when it works, keeps its number and its settings, and no program sees them",
      () =>
        Effect.gen(function* () {
          const nc = yield* (yield* NatsServer).connect
          const env = {
            NOETL_SECRET_SLACK: secret,
            AWS_SECRET_ACCESS_KEY: `${secret}-2`,
            NOETL_SERVER_TOKEN: `${secret}-3`,
            DATABASE_URL: `postgres://u:${secret}-4@db/d`
          }
          const worker = yield* start(env, [launcher])
          const pid = worker.child.pid
          assert.notInclude(environ(pid), secret)
          assert.include(environ(pid), "PATH=")
          const command = aCommand(1, {
            kind: "shell",
            config: {
              auth: { type: "env", env: "SLACK" },
              env: { T: "{{ auth.value }}" },
              command: `cat /proc/${pid}/environ | tr '\\0' '\\n'; echo "length $\{#T}"`
            }
          })
          yield* submit(nc, command)
          const server = yield* FakeNoetl
          const events = yield* until(server.events, (all) =>
            all.some(({ name }) => /command\.(completed|failed)/.test(name))
          )
          const told = JSON.stringify(events)
          // The variable is there for a command whose author names it, and masked in what leaves.
          assert.include(told, `length ${secret.length}`)
          assert.notInclude(told, secret)
          assert.notInclude(told, "[REDACTED]")
          assert.strictEqual(worker.child.exitCode, null)
        }).pipe(Effect.scoped, Effect.provide(world))
    )
  }
)
