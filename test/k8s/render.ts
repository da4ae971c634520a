/** Manifests as objects: from Kustomize, from the chart, and in a form in which the two can be compared. */
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseAllDocuments } from "yaml"
import type { Tools } from "./tools.ts"

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  readonly spec?: Record<string, unknown>
  readonly data?: Record<string, string>
}

/** Every overlay, and what stands for itself. */
export const kustomizations = [
  "base",
  "overlays/kind",
  "overlays/gke",
  "overlays/production",
  "overlays/isolated-tools",
  "overlays/jobs",
  "pools/batch"
]

export const chart = "k8s/helm/noetl-worker"

export const parse = (yaml: string): ReadonlyArray<Manifest> =>
  parseAllDocuments(yaml)
    .map((document) => {
      if (document.errors.length > 0) throw document.errors[0] ?? new Error("no YAML")
      return document.toJS() as Manifest | null
    })
    .filter((one): one is Manifest => one !== null)

export const kustomize = ({ kubectl }: Tools, folder: string): ReadonlyArray<Manifest> =>
  parse(execFileSync(kubectl, ["kustomize", `k8s/${folder}`], { encoding: "utf8" }))

const home = mkdtempSync(join(tmpdir(), "helm-"))
const environment = { ...process.env, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }

export const helm = ({ helm: program }: Tools, ...args: ReadonlyArray<string>) =>
  spawnSync(program, args, { encoding: "utf8", env: environment })

export const template = (tools: Tools, ...args: ReadonlyArray<string>): ReadonlyArray<Manifest> => {
  const run = helm(tools, "template", "noetl", chart, ...args)
  if (run.status !== 0) throw new Error(run.stderr)
  return parse(run.stdout)
}

/** By kind and name, without what only one of the two writes: helm's labels and checksum, Kustomize's hash. */
export const comparable = (manifests: ReadonlyArray<Manifest>): Record<string, unknown> => {
  const hashed = manifests.filter(({ kind }) => kind === "ConfigMap").map(({ metadata }) => metadata.name)
  const text = hashed.reduce(
    (all, name) => all.replaceAll(`"${name}"`, `"${name.replace(/-[a-z0-9]{10}$/, "")}"`),
    JSON.stringify(manifests, (key, value: unknown) => (helmsOwn.has(key) ? undefined : sorted(value)))
  )
  const objects = (JSON.parse(text) as ReadonlyArray<Manifest>).map(withoutStrayNamespace)
  return Object.fromEntries(objects.map((one) => [`${one.kind}/${one.metadata.name}`, pruned(one)]))
}

/** Kustomize takes policies for namespaced; the API server drops the namespace of what is cluster-wide. */
const withoutStrayNamespace = (manifest: Manifest): Manifest => {
  if (!manifest.kind.startsWith("ValidatingAdmission")) return manifest
  const { namespace: _, ...metadata } = manifest.metadata as Manifest["metadata"] & {
    readonly namespace?: string
  }
  return { ...manifest, metadata }
}

const helmsOwn = new Set([
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/instance",
  "helm.sh/chart",
  "checksum/config"
])

const sorted = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

/** An empty mapping is no mapping. */
const pruned = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => pruned(item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, one]) => [key, pruned(one)] as const)
      .filter(([, one]) => !(typeof one === "object" && one !== null && Object.keys(one).length === 0))
  )
}
