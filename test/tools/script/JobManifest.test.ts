import { assert, describe, it } from "@effect/vitest"
import * as Library from "@kubernetes/client-node"
import { Effect } from "effect"
import type { JsonObject } from "../../../src/domain/Json.ts"
import { configMapOf, jobNameOf, jobOf, secretOf } from "../../../src/tools/script/JobManifest.ts"
import { unknownFieldsOf } from "../../support/KubernetesFields.ts"
import { anIdentity as identity, specFor } from "../../support/scriptJob.ts"

const everything: JsonObject = {
  args: { a: "$(HOME)" },
  job: {
    image: "registry.example/py:3.12",
    namespace: "batch",
    ttlSecondsAfterFinished: 100,
    backoffLimit: 2,
    timeout: "5m",
    install_dependencies: ["requests==2.32.3", "rich"],
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "1Gi" } },
    env: { TOKEN: "secret", PYTHONUNBUFFERED: "" },
    imagePullPolicy: "Always",
    serviceAccountName: "loader",
    imagePullSecrets: [{ name: "registry" }],
    nodeSelector: { pool: "batch" },
    tolerations: [{ key: "spot", operator: "Exists", effect: "NoSchedule" }],
    labels: { team: "data" },
    annotations: { note: "a b" }
  }
}

describe("a script's Job", () => {
  const job = jobOf(specFor(everything), identity)
  const pod = job.spec?.template.spec
  const [container] = pod?.containers ?? []

  it("has only fields that the API knows", () => {
    const made = structuredClone(job)
    Object.assign(made.metadata ?? {}, { uid: "u" })
    for (const object of [job, configMapOf(made, "x"), secretOf(made, { A: "b" })]) {
      assert.deepStrictEqual(unknownFieldsOf(JSON.parse(JSON.stringify(object)) as object, Library), [])
    }
  })

  it("has the same name for every delivery of a command, and another for every task and try", () => {
    assert.match(jobNameOf(identity), /^noetl-script-613000000000000001-[0-9a-f]{12}$/)
    assert.strictEqual(jobNameOf({ ...identity, holder: "b", nonce: "c" }), jobNameOf(identity))
    const others = [
      { commandId: "x" },
      { task: "save" },
      { taskAttempt: 2 },
      { executionId: "613000000000000002" }
    ]
    const names = [{}, ...others].map((other) => jobNameOf({ ...identity, ...other }))
    assert.strictEqual(new Set(names).size, names.length)
    assert.isTrue(names.every((name) => name.length <= 63))
  })

  it("takes every key of `job`, in either spelling", () => {
    assert.strictEqual(job.metadata?.namespace, "batch")
    assert.deepStrictEqual(
      [job.spec?.ttlSecondsAfterFinished, job.spec?.backoffLimit, pod?.activeDeadlineSeconds],
      [100, 2, 300]
    )
    assert.deepStrictEqual(
      [
        container?.image,
        container?.imagePullPolicy,
        pod?.serviceAccountName,
        pod?.imagePullSecrets,
        pod?.nodeSelector
      ],
      ["registry.example/py:3.12", "Always", "loader", [{ name: "registry" }], { pool: "batch" }]
    )
    assert.deepStrictEqual(container?.resources, {
      requests: { cpu: "100m", memory: "64Mi" },
      limits: { memory: "1Gi" }
    })
    assert.deepInclude(job.metadata?.labels, { team: "data", "noetl.tool-kind": "script" })
    assert.strictEqual(job.metadata?.annotations?.["note"], "a b")
  })

  it("keeps the underscore spelling where both are written", () => {
    const { backoffLimit } = specFor({ job: { backoff_limit: 1, backoffLimit: 9 } })
    assert.strictEqual(backoffLimit, 1)
  })

  it("installs dependencies in a container of its own, without a shell", () => {
    const [installer] = pod?.initContainers ?? []
    assert.deepStrictEqual(installer?.args, ["--target", "/dependencies", "requests==2.32.3", "rich"])
    assert.isTrue(
      container?.env?.some(({ name, value }) => name === "PYTHONPATH" && value === "/dependencies")
    )
    assert.isUndefined(jobOf(specFor({}), identity).spec?.template.spec?.initContainers)
  })

  it("passes its arguments as they are, and values of variables only by reference", () => {
    assert.deepStrictEqual(container?.command, ["python", "/scripts/script.py"])
    assert.deepStrictEqual(container?.args, ['{"a":"$$(HOME)"}'])
    assert.notInclude(JSON.stringify(job), '"secret"')
    assert.deepStrictEqual(
      container?.env?.filter(({ name }) => name === "PYTHONUNBUFFERED").map(({ value }) => value),
      [undefined],
      "the author's variable takes the place of ours"
    )
  })

  it("fits a namespace that enforces the restricted pod security standard", () => {
    for (const one of [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]) {
      assert.deepStrictEqual(one.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] }
      })
    }
    assert.deepInclude(pod?.securityContext, {
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" }
    })
    assert.isFalse(pod?.automountServiceAccountToken)
    const open = jobOf(specFor({ job: { pod_security: "none" } }), identity).spec?.template.spec
    assert.isUndefined(open?.securityContext)
  })

  it("has labels that are labels, whatever the step is called", () => {
    assert.strictEqual(job.metadata?.labels?.["noetl.step-name"], "load-data---berweisung-1")
  })

  it("has a deadline of its own after that of its pods", () => {
    const { activeDeadlineSeconds = 0 } = job.spec ?? {}
    assert.isAbove(activeDeadlineSeconds, 3 * 300)
  })

  it.effect.each<readonly [string, JsonObject, number]>([
    ["its own", { job: { timeout: 5 }, timeout: 9 }, 5],
    ["that of the step", { timeout: "90s" }, 90],
    ["ten minutes", {}, 600],
    ["ten minutes when it says none", { job: { timeout: 0 } }, 600]
  ])("runs for at most %s", ([, config, seconds]) =>
    Effect.sync(() => assert.strictEqual(specFor(config).timeoutSeconds, seconds))
  )
})
