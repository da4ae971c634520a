/**
 * Renders and validates k8s/, compose.yaml, the Dockerfile and flake.nix without a cluster. Its last line is the result:
 * `N passed, N failed`. `--write` writes the dashboard first.
 */
import * as Library from "@kubernetes/client-node"
import { deepStrictEqual } from "node:assert"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { parse as parseYaml, stringify } from "yaml"
import { dashboardText, metricNames, queries } from "../test/k8s/dashboard.ts"
import { breaches } from "../test/k8s/breaches.ts"
import { rules } from "../test/k8s/policies.ts"
import {
  chart,
  comparable,
  helm,
  kustomizations,
  kustomize,
  type Manifest,
  parse,
  template
} from "../test/k8s/render.ts"
import { installed, tools } from "../test/k8s/tools.ts"
import { flakeProblems } from "../test/nix/evaluate.ts"
import { unknownFieldsOf } from "../test/support/KubernetesFields.ts"

let passed = 0
let failed = 0

/** One named check; what it throws or answers is what is wrong. */
const check = async (
  name: string,
  f: () => void | ReadonlyArray<string> | Promise<void | ReadonlyArray<string>>
): Promise<void> => {
  const problems = await Promise.resolve()
    .then(f)
    .then((found) => found ?? [])
    .catch((cause: unknown) => [cause instanceof Error ? cause.message : String(cause)])
  if (problems.length === 0) passed++
  else failed++
  console.log(
    `${problems.length === 0 ? "ok  " : "FAIL"} ${name}${problems.map((one) => `\n     ${one.replaceAll("\n", "\n     ")}`).join("")}`
  )
}

process.chdir(join(import.meta.dirname, ".."))
const monitoring = "k8s/components/monitoring"
if (process.argv.includes("--write")) writeFileSync(join(monitoring, "dashboard.json"), dashboardText)

const found = (() => {
  try {
    return tools()
  } catch (cause) {
    console.error(`check:manifests cannot run: ${cause instanceof Error ? cause.message : String(cause)}`)
    console.log("0 passed, 1 failed")
    process.exit(1)
  }
})()

// --- every set of manifests ---

const chartValues: Readonly<Record<string, ReadonlyArray<string>>> = {
  chart: ["--set", "createNamespace=true"],
  "chart, as the NoETL document sets it": ["-f", `${chart}/ci/gke-values.yaml`],
  "chart, as the ITL document sets it": ["-f", `${chart}/ci/itl-values.yaml`],
  "chart with users for programs": ["--set", "createNamespace=true,workerPool.isolatedTools=true"],
  "chart with jobs from PostgreSQL": ["-f", `${chart}/ci/jobs-values.yaml`],
  "chart with all that it has": ["-f", `${chart}/ci/everything-values.yaml`]
}

const sets: Array<readonly [string, () => ReadonlyArray<Manifest>]> = [
  ...kustomizations.map((folder) => [folder, () => kustomize(found, folder)] as const),
  ...Object.entries(chartValues).map(([name, args]) => [name, () => template(found, ...args)] as const)
]

for (const [name, render] of sets) {
  let manifests: ReadonlyArray<Manifest> = []
  await check(`${name}: renders`, () => {
    manifests = render()
  })
  if (manifests.length === 0) continue
  await check(`${name}: ${manifests.length} objects have the shape that Kubernetes wants`, async () =>
    (await Promise.all(manifests.map((one) => problemsOf(one)))).flat()
  )
  for (const [rule, problems] of Object.entries(rules))
    await check(`${name}: ${rule}`, () => problems(manifests))
}

/** Required fields, types and enums by the schemas; misspelt fields, which schemas let through, by the client's models. */
async function problemsOf(manifest: Manifest): Promise<ReadonlyArray<string>> {
  const { apiVersion, kind, metadata } = manifest
  // Google's own kind has no published schema; the policies look at its selector.
  if (apiVersion.startsWith("monitoring.googleapis.com/")) return []
  const custom = /keda|coreos/.test(apiVersion)
  const packageName = apiVersion.startsWith("keda.sh")
    ? "@kubernetes-models/keda"
    : custom
      ? "@kubernetes-models/prometheus-operator"
      : "kubernetes-models"
  const file = join(found.libraries, "node_modules", packageName, apiVersion, `${kind}.js`)
  const models = (await import(pathToFileURL(file).href)) as Record<
    string,
    new (object: object) => { validate: () => void }
  >
  const at = `${kind} ${metadata.name}`
  const unknown = custom ? [] : unknownFieldsOf(manifest, Library)
  try {
    const Model = models[kind]
    if (Model === undefined) return [`${at}: no schema`]
    new Model(manifest).validate()
  } catch (cause) {
    return [`${at}: ${cause instanceof Error ? cause.message : String(cause)}`, ...unknown]
  }
  return unknown.map((field) => `${at}: unknown field ${field}`)
}

// --- the chart ---

await check("the chart with its defaults is the base", () => {
  deepStrictEqual(
    comparable(template(found)),
    comparable(kustomize(found, "base").filter(({ kind }) => kind !== "Namespace"))
  )
})
await check("the chart passes helm lint --strict", () => {
  const run = helm(found, "lint", "--strict", chart)
  return run.status === 0 ? [] : [run.stdout + run.stderr]
})
for (const [name, args] of [
  ["a misspelt value", ["--set", "workerPool.replica=3"]],
  ["a value of the wrong kind", ["--set", "workerPool.replicas=many"]],
  ["a variable that is none", ["--set", "config.workerPool.log-level=info"]],
  ["two scalers", ["--set", "workerPool.keda.enabled=true,workerPool.autoscaling.enabled=true"]],
  [
    "two scalers of which one is inherited",
    ["--set", "workerPool.keda.enabled=true,workerPools.b.autoscaling.enabled=true"]
  ],
  ["an endpoint with a scheme", ["--set", "workerPool.keda.natsServerMonitoringEndpoint=http://nats:8222"]]
] as const) {
  await check(`the chart refuses ${name}`, () =>
    helm(found, "template", "noetl", chart, ...args).status === 0 ? ["it renders"] : []
  )
}
await check("the schemas find a misspelt field, a wrong type and a missing one", async () => {
  const deployment = kustomize(found, "base").find(({ kind }) => kind === "Deployment")
  const broken = (change: (spec: Record<string, unknown>) => void) => {
    const copy = structuredClone(deployment) as Manifest & { spec: Record<string, unknown> }
    change(copy.spec)
    return problemsOf(copy)
  }
  const seen = await Promise.all([
    broken((spec) => (spec["replica"] = 3)),
    broken((spec) => (spec["replicas"] = "3")),
    broken((spec) => delete spec["selector"])
  ])
  return seen.flatMap((problems, i) => (problems.length === 0 ? [`case ${i} passes`] : []))
})

await check("every policy finds its breach", () => breaches(found))

// --- monitoring ---

const prometheusRule = parse(readFileSync(join(monitoring, "rules.yaml"), "utf8"))[0]
await check("alerts do what their tests say", () => {
  const folder = mkdtempSync(join(tmpdir(), "promtool-"))
  try {
    writeFileSync(join(folder, "groups.yaml"), stringify(prometheusRule?.spec))
    writeFileSync(join(folder, "test.yaml"), readFileSync(join(monitoring, "rules.test.yaml")))
    return [
      ["check", "rules", "groups.yaml"],
      ["test", "rules", "test.yaml"]
    ].flatMap((args) => {
      const run = spawnSync(found.promtool, args, { cwd: folder, encoding: "utf8" })
      return run.status === 0 ? [] : [run.stdout + run.stderr]
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
const groups = (prometheusRule?.spec?.["groups"] ?? []) as ReadonlyArray<{
  rules: ReadonlyArray<{ alert: string; expr: string }>
}>
const alerts = groups.flatMap((group) => group.rules)
await check("every alert has a test", () => {
  const test = readFileSync(join(monitoring, "rules.test.yaml"), "utf8")
  return alerts.filter(({ alert }) => !test.includes(alert)).map(({ alert }) => alert)
})
await check("alerts and panels name metrics that a worker has", () =>
  [...alerts.map(({ expr }) => expr), ...queries]
    .flatMap((expression) => expression.match(/\b(?:noetl_)?worker_[a-z_]+/g) ?? [])
    .filter((name) => !metricNames.has(name))
)
await check("the dashboard is the one that its source makes (else: --write)", () =>
  readFileSync(join(monitoring, "dashboard.json"), "utf8") === dashboardText ? [] : ["it is not"]
)

// --- beside the cluster ---

await check("compose.yaml is valid", () => {
  const run = spawnSync(
    process.execPath,
    [
      join(found.libraries, "node_modules/dclint/bin/dclint.cjs"),
      "compose.yaml",
      "--quiet",
      "--disable-rule",
      "no-build-and-image",
      "service-image-require-explicit-tag"
    ],
    { encoding: "utf8" }
  )
  return run.status === 0 ? [] : [run.stdout + run.stderr]
})
await check("the Dockerfile is valid", async () => {
  const path = join(found.libraries, "node_modules/dockerfile-utils/lib/main.js")
  const { validate } = (
    (await import(pathToFileURL(path).href)) as {
      default: { validate: (text: string) => ReadonlyArray<{ message: string }> }
    }
  ).default
  return validate(readFileSync("Dockerfile", "utf8")).map(({ message }) => message)
})
await check("the kind cluster forwards the ports of the NoETL document", () => {
  const cluster = parseYaml(readFileSync("k8s/kind/cluster.yaml", "utf8")) as {
    nodes: ReadonlyArray<{ extraPortMappings?: ReadonlyArray<{ hostPort: number }> }>
  }
  deepStrictEqual(cluster.nodes.length, 3)
  deepStrictEqual(
    cluster.nodes[0]?.extraPortMappings?.map(({ hostPort }) => hostPort),
    [80, 443, 8082, 4222, 8222]
  )
})

await check("flake.nix evaluates, and so does its NixOS module", () =>
  flakeProblems(installed("nix", "nix-bin"))
)

console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
