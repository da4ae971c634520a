/** Whole workers, as processes, with a script between them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { aCommand } from "../../../src/testing/aCommand.ts"
import { KubernetesCluster } from "../../support/KubernetesCluster.ts"
import { KubernetesServer } from "../../support/KubernetesServer.ts"
import { NatsServer, noProgram } from "../../support/NatsServer.ts"
import { eventsOf, start, submit, world } from "../../support/WorkerProcess.ts"
import { inline, nothingLeft, oneJob, realClusters, running } from "./harness.ts"

const clusters = [
  ["on the double", KubernetesCluster.layerDouble.pipe(Layer.provide(KubernetesServer.layer()))] as const,
  ...realClusters
]

const options = { timeout: 240_000 }

describe.skipIf(noProgram).each(clusters)("a worker that is killed, %s,", options, (_, cluster) => {
  it.live.each(["SIGKILL", "SIGTERM"] as const)(
    "by %s while its script runs leaves the Job to the next one, who reports its result",
    (signal) =>
      Effect.gen(function* () {
        const nc = yield* (yield* NatsServer).connect
        const { kubeconfig } = yield* KubernetesCluster
        const env = {
          KUBECONFIG: kubeconfig,
          WORKER_ID: "w",
          NATS_ACK_WAIT_SECONDS: "2",
          WORKER_SHUTDOWN_TIMEOUT_SECONDS: "0.3"
        }
        const command = aCommand(1, {
          kind: "script",
          config: inline("import time", "time.sleep(4)", "print('done')")
        })
        const { executionId } = command
        const first = yield* start(env)
        yield* submit(nc, command)
        yield* running({ executionId })
        yield* first.signal(signal)
        yield* start(env)
        yield* eventsOf(command).pipe(
          Effect.repeat({
            until: (events) => events.includes("command.completed"),
            schedule: Schedule.spaced("100 millis")
          }),
          Effect.timeout("30 seconds")
        )
        const events = yield* eventsOf(command)
        assert.strictEqual(events.filter((name) => name === "call.done").length, 1)
        yield* oneJob({ executionId })
        yield* nothingLeft({ executionId })
      }).pipe(Effect.scoped, Effect.provide([world, cluster]))
  )
})
