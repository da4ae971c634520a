import { assert, describe, it } from "@effect/vitest"
import type { V1Job, V1Pod } from "@kubernetes/client-node"
import { Environment } from "@marcbachmann/cel-js"
import { readFileSync } from "node:fs"
import { parseAllDocuments } from "yaml"
import { jobNameOf, jobOf } from "../../src/tools/script/JobManifest.ts"
import { anIdentity, specFor } from "../support/scriptJob.ts"

interface Policy {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly matchConditions: ReadonlyArray<{ readonly expression: string }>
    readonly variables: ReadonlyArray<{ readonly name: string; readonly expression: string }>
    readonly validations: ReadonlyArray<{ readonly expression: string; readonly message: string }>
  }
}

const policies = parseAllDocuments(readFileSync("k8s/base/admission.yaml", "utf8"))
  .map((document) => document.toJS() as Policy)
  .filter(({ kind }) => kind === "ValidatingAdmissionPolicy")

interface Asked {
  readonly operation: "CREATE" | "UPDATE" | "DELETE"
  readonly object?: unknown
  readonly oldObject?: unknown
  readonly user?: string
}

/** What a policy refuses, in its own words: empty where the request passes. */
const refusals = (name: string, { object, oldObject, operation, user }: Asked): ReadonlyArray<string> => {
  const policy = policies.find(({ metadata }) => metadata.name === name)
  if (policy === undefined) throw new Error(`there is no policy ${name}`)
  const cel = new Environment({ unlistedVariablesAreDyn: true })
  const username = user ?? "system:serviceaccount:noetl:noetl-worker"
  const variables: Record<string, unknown> = {}
  const world = {
    // As the API server has it: JSON without undefined members.
    object: plain(object),
    oldObject: plain(oldObject),
    request: { operation, userInfo: { username } },
    variables
  }
  const { matchConditions, validations, variables: named } = policy.spec
  if (!matchConditions.every(({ expression }) => cel.evaluate(expression, world) === true)) return []
  for (const { expression, name: key } of named) variables[key] = cel.evaluate(expression, world)
  return validations
    .filter(({ expression }) => cel.evaluate(expression, world) !== true)
    .map(({ message }) => message)
}

const plain = (value: unknown): unknown => (value === undefined ? null : JSON.parse(JSON.stringify(value)))

const script = (): V1Job =>
  jobOf(specFor({ job: { install_dependencies: ["six"], env: { KEY: "v" } } }), anIdentity)

type Pod = NonNullable<NonNullable<V1Job["spec"]>["template"]["spec"]>

const changed = (change: (pod: Pod, job: V1Job) => void): V1Job => {
  const job = structuredClone(script())
  const pod = job.spec?.template.spec
  if (pod === undefined) throw new Error("a Job without a pod")
  change(pod, job)
  return job
}

describe("The admission policy for scripts", () => {
  it("lets the worker make, patch and delete what the script tool makes", () => {
    assert.include(script().metadata?.name, jobNameOf(anIdentity))
    assert.deepStrictEqual(refusals("noetl-worker-scripts", { operation: "CREATE", object: script() }), [])
    const both = { object: script(), oldObject: script() }
    assert.deepStrictEqual(refusals("noetl-worker-scripts", { operation: "UPDATE", ...both }), [])
    assert.deepStrictEqual(refusals("noetl-worker-scripts", { operation: "DELETE", oldObject: script() }), [])
  })

  it("is not about other accounts", () => {
    const object = changed((pod) => (pod.hostNetwork = true))
    const user = "system:serviceaccount:kube-system:job-controller"
    assert.deepStrictEqual(refusals("noetl-worker-scripts", { operation: "CREATE", object, user }), [])
  })

  it.each<readonly [string, RegExp, (pod: Pod, job: V1Job) => void]>([
    [
      "mounts another Secret",
      /own ConfigMap/,
      (pod) => pod.volumes?.push({ name: "x", secret: { secretName: "db" } })
    ],
    [
      "mounts another Secret among projected ones",
      /own ConfigMap/,
      (pod) => pod.volumes?.push({ name: "x", projected: { sources: [{ secret: { name: "db" } }] } })
    ],
    [
      "mounts a token",
      /own ConfigMap/,
      (pod) =>
        pod.volumes?.push({ name: "x", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } })
    ],
    [
      "mounts a folder of the node",
      /own ConfigMap/,
      (pod) => pod.volumes?.push({ name: "x", hostPath: { path: "/" } })
    ],
    [
      "mounts another ConfigMap",
      /own ConfigMap/,
      (pod) => pod.volumes?.push({ name: "x", configMap: { name: "y" } })
    ],
    [
      "reads a variable from another Secret",
      /own Secret/,
      (pod) =>
        pod.containers[0]?.env?.push({ name: "X", valueFrom: { secretKeyRef: { name: "db", key: "k" } } })
    ],
    [
      "reads all variables of another Secret",
      /own Secret/,
      (pod) => Object.assign(pod.containers[0] ?? {}, { envFrom: [{ secretRef: { name: "db" } }] })
    ],
    [
      "reads a variable of another Secret before it starts",
      /own Secret/,
      (pod) =>
        pod.initContainers?.[0]?.env?.push({
          name: "X",
          valueFrom: { secretKeyRef: { name: "db", key: "k" } }
        })
    ],
    ["runs as another account", /noetl-script or default/, (pod) => (pod.serviceAccountName = "admin")],
    ["has a token", /no token/, (pod) => (pod.automountServiceAccountToken = true)],
    ["says nothing of a token", /no token/, (pod) => delete pod.automountServiceAccountToken],
    ["is in the node's network", /node's network/, (pod) => (pod.hostNetwork = true)],
    ["sees the node's processes", /node's network/, (pod) => (pod.hostPID = true)],
    ["has another name", /scripts only/, (_, job) => Object.assign(job.metadata ?? {}, { name: "backup" })],
    ["has no label", /scripts only/, (_, job) => delete job.metadata?.labels]
  ])("refuses a Job of the worker that %s", (_, message, change) => {
    const found = refusals("noetl-worker-scripts", { operation: "CREATE", object: changed(change) })
    assert.strictEqual(found.length, 1)
    assert.match(found[0] ?? "", message)
  })

  it("refuses to delete a Job of others", () => {
    const oldObject = changed((__, job) => Object.assign(job.metadata ?? {}, { name: "backup", labels: {} }))
    assert.match(
      refusals("noetl-worker-scripts", { operation: "DELETE", oldObject })[0] ?? "",
      /scripts only/
    )
  })
})

describe("The admission policy for pods", () => {
  const pod = (annotations: Record<string, string>, more: Partial<V1Pod> = {}): V1Pod => ({
    metadata: { name: "p", labels: { app: "x" }, annotations },
    spec: { containers: [{ name: "c", image: "i" }] },
    ...more
  })
  const cost = "controller.kubernetes.io/pod-deletion-cost"
  const update = (object: V1Pod, oldObject: V1Pod) =>
    refusals("noetl-worker-pods", { operation: "UPDATE", object, oldObject })

  it("lets the worker set, change and remove the cost of a deletion", () => {
    assert.deepStrictEqual(update(pod({ a: "1", [cost]: "7" }), pod({ a: "1" })), [])
    assert.deepStrictEqual(update(pod({ [cost]: "8" }), pod({ [cost]: "7" })), [])
    assert.deepStrictEqual(update(pod({}), pod({ [cost]: "7" })), [])
  })

  it.each<readonly [string, V1Pod]>([
    ["an image", pod({ a: "1" }, { spec: { containers: [{ name: "c", image: "evil" }] } })],
    ["another annotation", pod({ a: "2" })],
    ["a new annotation", pod({ a: "1", b: "1" })],
    ["the lack of an annotation", pod({})],
    ["a label", pod({ a: "1" }, { metadata: { name: "p", labels: { app: "y" }, annotations: { a: "1" } } })]
  ])("refuses %s", (_, object) => {
    assert.strictEqual(update(object, pod({ a: "1" })).length, 1)
  })
})
