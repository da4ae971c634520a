/** The playbooks that deploy, with stand-ins for docker, kind, helm and kubectl that record what they were asked. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JsonObject } from "../../src/domain/Json.ts"
import { resultOf } from "../../src/playbook/engine/Engine.ts"
import { entered } from "../support/entered.ts"
import { runText, settings } from "../support/localRuns.ts"

const standIns = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "noetl-deploy-"))
    for (const name of ["docker", "kind", "helm", "kubectl"]) {
      const file = join(folder, name)
      writeFileSync(
        file,
        `#!/bin/sh\necho "${name} $*" >> ${folder}/asked\n[ -e ${folder}/${name}-fails ] && { echo "${name} is broken" >&2; exit 1; }\necho "${name} did it"\n`
      )
      chmodSync(file, 0o755)
    }
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const deploy = Effect.fnUntraced(function* (name: string, payload: JsonObject, broken?: string) {
  const folder = yield* standIns
  if (broken !== undefined) writeFileSync(join(folder, `${broken}-fails`), "")
  const file = `automation/deployment/${name}.yaml`
  const path = process.env["PATH"] ?? ""
  process.env["PATH"] = `${folder}:${path}`
  const { events, report } = yield* runText(readFileSync(file, "utf8"), {
    file,
    payload,
    values: settings({ PATH: `${folder}:${path}` })
  }).pipe(Effect.ensuring(Effect.sync(() => void (process.env["PATH"] = path))))
  const asked = existsSync(join(folder, "asked"))
    ? readFileSync(join(folder, "asked"), "utf8").trim().split("\n")
    : []
  return { report, asked, steps: entered(events) }
})

describe("The playbook of the worker pool", () => {
  it.live("prints its help and asks nothing where no action is given", () =>
    Effect.gen(function* () {
      const { asked, report, steps } = yield* deploy("worker-pool", {})
      assert.deepStrictEqual([asked, steps, report.ending], [[], ["start", "help"], "completed"])
      assert.include((resultOf(report.state, "help") as { stdout: string }).stdout, "--set action=ACTION")
    })
  )

  it.live("builds, loads into kind, installs with the values of this run, and shows the pool", () =>
    Effect.gen(function* () {
      const { asked, report } = yield* deploy("worker-pool", {
        action: "deploy",
        image: "local/app",
        tag: "9",
        replicas: 3,
        pool: "batch"
      })
      assert.strictEqual(report.ending, "completed", report.failures[0]?.error.message)
      assert.deepStrictEqual(asked.slice(0, 2), [
        "docker build --tag local/app:9 .",
        "kind load docker-image local/app:9 --name noetl"
      ])
      const helm = asked[2] ?? ""
      for (const part of [
        "upgrade --install noetl-worker k8s/helm/noetl-worker",
        "--kube-context kind-noetl",
        "workerPool.replicas=3",
        "workerPool.poolName=batch",
        "workerPool.image.tag=9",
        "config.workerPool.NATS_URL=nats://"
      ])
        assert.include(helm, part)
      assert.match(asked[3] ?? "", /^kubectl --context kind-noetl --namespace noetl get deployments,pods/)
    })
  )

  it.live("pushes the image where the cluster is no kind", () =>
    Effect.gen(function* () {
      const { asked } = yield* deploy("worker-pool", {
        action: "deploy",
        context: "prod",
        image: "registry/app",
        tag: "1"
      })
      assert.deepStrictEqual(asked.slice(0, 2), [
        "docker build --tag registry/app:1 .",
        "docker push registry/app:1"
      ])
      assert.include(asked[2] ?? "", "--kube-context prod")
    })
  )

  it.live("shows what the cluster says when the chart does not come up, and fails", () =>
    Effect.gen(function* () {
      const { asked, report, steps } = yield* deploy("worker-pool", { action: "deploy" }, "helm")
      assert.strictEqual(report.ending, "failed")
      assert.deepStrictEqual(steps.slice(-2), ["deploy", "diagnose"])
      assert.match(asked.at(-1) ?? "", /get events/)
    })
  )

  it.live.each([
    ["build", /^docker build/],
    ["status", /^kubectl .* get deployments,pods/],
    ["logs", /^kubectl .* logs .* --tail 50/],
    ["remove", /^helm uninstall noetl-worker/]
  ] as const)("does nothing more than %s when that is asked", ([action, expected]) =>
    Effect.gen(function* () {
      const { asked } = yield* deploy("worker-pool", { action })
      assert.strictEqual(asked.length, 1)
      assert.match(asked[0] ?? "", expected)
    })
  )
})

describe("The playbook of the whole stack", () => {
  it.live("installs NoETL's own chart with a file of values, and removes it", () =>
    Effect.gen(function* () {
      const { asked } = yield* deploy("noetl-stack", { action: "deploy", values: "mine.yaml" })
      assert.match(
        asked[0] ?? "",
        /^helm upgrade --install noetl noetl --repo https:.* --values mine.yaml --wait/
      )
      const removed = yield* deploy("noetl-stack", { action: "remove" })
      assert.match(removed.asked[0] ?? "", /^helm uninstall noetl --kube-context kind-noetl/)
      assert.deepStrictEqual((yield* deploy("noetl-stack", {})).steps, ["start", "help"])
    })
  )
})
