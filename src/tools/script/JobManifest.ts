/** A script as Kubernetes objects. Pure; the same command and task give the same name, so that a Job is found again. */
import type {
  V1ConfigMap,
  V1Container,
  V1Job,
  V1PodSpec,
  V1Secret,
  V1SecurityContext
} from "@kubernetes/client-node"
import { createHash } from "node:crypto"
import { stringify } from "../../domain/Json.ts"
import { type JobSpec, scriptPath } from "./ScriptConfig.ts"

/** Who runs what. */
export interface Identity {
  readonly executionId: string
  readonly commandId: string
  readonly step: string
  /** The label of the task and how often it was tried in this run of the pipeline. */
  readonly task: string
  readonly taskAttempt: number
  /** The server that the command is from, as its message wrote it. */
  readonly serverUrl: string | undefined
  /** The worker that waits for the Job now. Only it deletes the Job. */
  readonly holder: string
  /** Ends the names of this Job's ConfigMap and Secret: those of a deleted Job of the same name linger for seconds. */
  readonly nonce: string
}

export const holderKey = "noetl.io/holder"
export const executionKey = "noetl.io/execution"
export const serverKey = "noetl.io/server"
export const containerName = "script"
export const installerName = "dependencies"
/** Of every Job that a worker makes, and of nothing else. */
export const ownLabels = {
  "app.kubernetes.io/component": "script-job",
  "app.kubernetes.io/managed-by": "noetl-worker"
} as const

/**
 * Neither the delivery's number nor the settings are part of it: a redelivered command has another of the one, and
 * may render another of the other.
 */
export const jobNameOf = (identity: Identity): string => {
  const { commandId, executionId, task, taskAttempt } = identity
  const hash = createHash("sha256")
    .update(JSON.stringify([executionId, commandId, task, taskAttempt]))
    .digest("hex")
  return `noetl-script-${executionId
    .replace(/[^a-z0-9]/gi, "")
    .toLowerCase()
    .slice(-24)}-${hash.slice(0, 12)}`
}

export const jobOf = (spec: JobSpec, identity: Identity): V1Job => {
  const name = jobNameOf(identity)
  const labels = labelsOf(spec, identity)
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: spec.namespace,
      labels,
      annotations: {
        ...spec.annotations,
        [holderKey]: identity.holder,
        [executionKey]: identity.executionId,
        ...(identity.serverUrl === undefined ? {} : { [serverKey]: identity.serverUrl })
      }
    },
    spec: {
      backoffLimit: spec.backoffLimit,
      completions: 1,
      parallelism: 1,
      ttlSecondsAfterFinished: spec.ttlSeconds,
      // The pod's own deadline keeps the pod and its log. This one deletes them and is only for pods without a node.
      activeDeadlineSeconds: (spec.timeoutSeconds + 60) * (spec.backoffLimit + 1) + 540,
      // A pod that was evicted or preempted did not fail.
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }]
      },
      template: {
        metadata: { labels, annotations: { ...spec.annotations } },
        spec: podOf(spec, `${name}-${identity.nonce}`)
      }
    }
  }
}

/** Its name comes from the Job: an adopted one has its own. */
export const configMapOf = (job: V1Job, script: string): V1ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { ...ownedBy(job), name: configMapNameOf(job) ?? "" },
  data: { "script.py": script }
})

export const secretOf = (job: V1Job, env: Readonly<Record<string, string>>): V1Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  type: "Opaque",
  metadata: { ...ownedBy(job), name: secretNameOf(job) ?? "" },
  stringData: { ...env }
})

export const configMapNameOf = (job: V1Job): string | undefined =>
  job.spec?.template.spec?.volumes?.find(({ name }) => name === "script")?.configMap?.name

/** Undefined when the Job takes no variables from a Secret. */
export const secretNameOf = (job: V1Job): string | undefined =>
  job.spec?.template.spec?.containers
    .flatMap(({ env }) => env ?? [])
    .map(({ valueFrom }) => valueFrom?.secretKeyRef?.name)
    .find((name) => name !== undefined)

export const holderOf = (job: V1Job): string | undefined => job.metadata?.annotations?.[holderKey]

// --- parts ---

/** The garbage collector removes them with the Job. */
const ownedBy = (job: V1Job) => ({
  namespace: job.metadata?.namespace ?? "",
  labels: { ...job.metadata?.labels },
  ownerReferences: [
    {
      apiVersion: "batch/v1",
      kind: "Job",
      name: job.metadata?.name ?? "",
      uid: job.metadata?.uid ?? "",
      controller: true,
      // Otherwise the API server asks for the right to update finalizers of Jobs.
      blockOwnerDeletion: false
    }
  ]
})

const labelsOf = (spec: JobSpec, { executionId, step }: Identity): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(spec.labels).map(([key, value]) => [key, labelOf(value)])),
  "app.kubernetes.io/name": "noetl-script",
  ...ownLabels,
  "noetl.execution-id": labelOf(executionId),
  "noetl.step-name": labelOf(step),
  "noetl.tool-kind": "script"
})

/** At most 63 characters, a letter or digit at both ends. */
const labelOf = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "")

const podOf = (spec: JobSpec, objects: string): V1PodSpec => {
  const installs = spec.dependencies.length > 0
  const mounts = [
    { name: "tmp", mountPath: "/tmp" },
    ...(installs ? [{ name: "dependencies", mountPath: "/dependencies", readOnly: true }] : [])
  ]
  const container: Partial<V1Container> = {
    image: spec.image,
    imagePullPolicy: spec.imagePullPolicy,
    resources: spec.resources,
    ...(spec.restricted ? { securityContext: restricted } : {})
  }
  return {
    restartPolicy: "Never",
    activeDeadlineSeconds: spec.timeoutSeconds,
    terminationGracePeriodSeconds: 10,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(spec.serviceAccount === undefined ? {} : { serviceAccountName: spec.serviceAccount }),
    ...(spec.imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: spec.imagePullSecrets.map((name) => ({ name })) }),
    ...(Object.keys(spec.nodeSelector).length === 0 ? {} : { nodeSelector: { ...spec.nodeSelector } }),
    ...(spec.tolerations.length === 0 ? {} : { tolerations: [...spec.tolerations] }),
    ...(spec.restricted ? { securityContext: restrictedPod } : {}),
    ...(installs
      ? {
          initContainers: [
            {
              ...container,
              name: installerName,
              command: ["python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check"],
              args: ["--target", "/dependencies", ...spec.dependencies.map(literal)],
              env: [{ name: "HOME", value: "/tmp" }],
              terminationMessagePolicy: "FallbackToLogsOnError",
              volumeMounts: [
                { name: "tmp", mountPath: "/tmp" },
                { name: "dependencies", mountPath: "/dependencies" }
              ]
            }
          ]
        }
      : {}),
    containers: [
      {
        ...container,
        name: containerName,
        // Never through a shell: the arguments are data.
        command: [...spec.command],
        args: [literal(stringify(spec.args))],
        env: [
          // On a read-only root there is nowhere else to write.
          { name: "HOME", value: "/tmp" },
          // Lines are progress only when they come while the script runs.
          { name: "PYTHONUNBUFFERED", value: "1" },
          ...(installs ? [{ name: "PYTHONPATH", value: "/dependencies" }] : []),
          ...Object.keys(spec.env).map((name) => ({
            name,
            valueFrom: { secretKeyRef: { name: `${objects}-env`, key: name } }
          }))
        ].filter(({ name }, i, all) => all.findLastIndex((other) => other.name === name) === i),
        terminationMessagePolicy: "FallbackToLogsOnError",
        volumeMounts: [
          { name: "script", mountPath: scriptPath.replace(/\/[^/]*$/, ""), readOnly: true },
          ...mounts
        ]
      }
    ],
    volumes: [
      { name: "script", configMap: { name: `${objects}-script` } },
      { name: "tmp", emptyDir: {} },
      ...(installs ? [{ name: "dependencies", emptyDir: {} }] : [])
    ]
  }
}

/** Kubernetes replaces `$(NAME)` in arguments, and `$$` by `$`. */
const literal = (text: string): string => text.replaceAll("$", "$$$$")

const restricted: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] }
}

const restrictedPod = {
  runAsNonRoot: true,
  // A number, because the kubelet cannot tell whether an image's user name is root.
  runAsUser: 10001,
  runAsGroup: 10001,
  fsGroup: 10001,
  seccompProfile: { type: "RuntimeDefault" }
}
