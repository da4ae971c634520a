/** What every rendered set of manifests has to keep to. Each rule answers with what is wrong. */
import { isDeepStrictEqual } from "node:util"
import { settings } from "../../src/config/settings.ts"
import type { Manifest } from "./render.ts"

interface Container {
  readonly name: string
  readonly image: string
  readonly livenessProbe?: object
  readonly readinessProbe?: object
  readonly startupProbe?: object
  readonly lifecycle?: object
  readonly resources?: {
    readonly requests?: Record<string, string>
    readonly limits?: Record<string, string>
  }
  readonly securityContext?: Record<string, unknown>
  readonly envFrom?: ReadonlyArray<{ readonly configMapRef?: { readonly name: string } }>
}

interface Pod {
  readonly serviceAccountName: string
  readonly terminationGracePeriodSeconds: number
  readonly securityContext?: Record<string, unknown>
  readonly enableServiceLinks?: boolean
  readonly containers: ReadonlyArray<Container>
  readonly affinity?: {
    readonly podAntiAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: ReadonlyArray<{
        readonly labelSelector?: object
      }>
    }
  }
}

interface Deployment extends Manifest {
  readonly spec: {
    readonly replicas?: number
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: Pod }
  }
}

export type Rule = (manifests: ReadonlyArray<Manifest>) => ReadonlyArray<string>

export const rules: Readonly<Record<string, Rule>> = {
  "pods keep to the restricted security standard": (all) =>
    each(all, (one) => {
      const { spec } = one
      const pod = spec.template.spec
      const isolates = spec.template.metadata.labels["noetl.io/isolated-tools"] === "true"
      const capabilities = isolates ? { add: ["SETUID", "SETGID", "KILL"], drop: ["ALL"] } : { drop: ["ALL"] }
      return [
        ...unless(
          isolates
            ? pod.securityContext?.["runAsUser"] === 0 && envOf(one, all)["WORKER_TOOL_USERS"] !== undefined
            : pod.securityContext?.["runAsNonRoot"] === true,
          isolates ? "users without root, or root without users" : "runAsNonRoot"
        ),
        ...unless(
          JSON.stringify(pod.securityContext?.["seccompProfile"]) === '{"type":"RuntimeDefault"}',
          "seccomp"
        ),
        ...pod.containers.flatMap(({ name, securityContext = {} }) => [
          ...unless(securityContext["allowPrivilegeEscalation"] === false, `${name}: privilege escalation`),
          ...unless(securityContext["readOnlyRootFilesystem"] === true, `${name}: writable root`),
          ...unless(isDeepStrictEqual(securityContext["capabilities"], capabilities), `${name}: capabilities`)
        ])
      ]
    }),

  "pods that stay apart say from whom": (all) =>
    each(all, ({ spec }) => {
      const apart = spec.template.spec.affinity?.podAntiAffinity
      const terms = apart?.requiredDuringSchedulingIgnoredDuringExecution ?? []
      return terms.flatMap(({ labelSelector }) => unless(labelSelector !== undefined, "no labelSelector"))
    }),

  "containers have probes, requests, limits and a pinned image": (all) =>
    each(all, ({ spec }) =>
      spec.template.spec.containers.flatMap((one) => [
        ...unless(
          one.livenessProbe !== undefined &&
            one.readinessProbe !== undefined &&
            one.startupProbe !== undefined,
          "probes"
        ),
        ...["cpu", "memory", "ephemeral-storage"].flatMap((kind) =>
          unless(
            one.resources?.requests?.[kind] !== undefined && one.resources.limits?.[kind] !== undefined,
            kind
          )
        ),
        ...unless(/:[^/:]+$|@sha256:/.test(one.image) && !one.image.endsWith(":latest"), `image ${one.image}`)
      ])
    ),

  "a pod outlives its worker's drain and grace, and no hook eats into it": (all) =>
    each(all, (deployment) => {
      const env = envOf(deployment, all)
      const drain = Number(env["WORKER_SHUTDOWN_TIMEOUT_SECONDS"])
      const grace = Number(env["WORKER_GRACE_SECONDS"])
      const pod = deployment.spec.template.spec
      return [
        ...unless(drain + 8 <= grace, `drain ${drain} s, grace ${grace} s: too little to hand back in`),
        ...unless(
          grace < pod.terminationGracePeriodSeconds,
          `grace ${grace} s of ${pod.terminationGracePeriodSeconds} s`
        ),
        ...unless(
          pod.containers.every(({ lifecycle }) => lifecycle === undefined),
          "a hook"
        ),
        ...unless(pod.enableServiceLinks === false, "variables of Services")
      ]
    }),

  "selectors find their pods": (all) => [
    ...each(all, ({ spec }) => [
      ...unless(fits(spec.selector.matchLabels, spec.template.metadata.labels), "its own selector")
    ]),
    ...all
      .filter(({ kind }) => ["Service", "PodDisruptionBudget", "PodMonitor", "PodMonitoring"].includes(kind))
      .filter(
        (one) => !deployments(all).some(({ spec }) => fits(selectorOf(one), spec.template.metadata.labels))
      )
      .map(({ kind, metadata }) => `${kind} ${metadata.name} selects nothing`)
  ],

  "what is referred to is there": (all) => {
    const names = new Set(all.map(({ kind, metadata }) => `${kind}/${metadata.name}`))
    const missing = (reference: string, from: string) =>
      names.has(reference) ? [] : [`${from}: ${reference}`]
    return [
      ...deployments(all).flatMap((one) => [
        ...missing(`ServiceAccount/${one.spec.template.spec.serviceAccountName}`, one.metadata.name),
        ...one.spec.template.spec.containers
          .flatMap(({ envFrom }) => envFrom ?? [])
          .flatMap(({ configMapRef }) =>
            configMapRef === undefined ? [] : missing(`ConfigMap/${configMapRef.name}`, one.metadata.name)
          ),
        ...(envOf(one, all)["WORKER_SCRIPT_SERVICE_ACCOUNT"] === undefined
          ? []
          : missing(`ServiceAccount/${envOf(one, all)["WORKER_SCRIPT_SERVICE_ACCOUNT"]}`, one.metadata.name))
      ]),
      ...all.flatMap(({ kind, metadata, spec }) => {
        const target = (spec?.["scaleTargetRef"] as { readonly name: string } | undefined)?.name
        return target === undefined ? [] : missing(`Deployment/${target}`, `${kind} ${metadata.name}`)
      })
    ]
  },

  "one scaler at most moves a Deployment, and no manifest beside it": (all) =>
    each(all, ({ metadata, spec }) => {
      const scalers = all.filter(
        (one) =>
          (one.spec?.["scaleTargetRef"] as { readonly name: string } | undefined)?.name === metadata.name
      )
      return [
        ...unless(scalers.length <= 1, "two scalers"),
        ...unless(scalers.length === 0 || spec.replicas === undefined, "replicas beside a scaler")
      ]
    }),

  "KEDA counts messages in hand, so its threshold is the concurrency": (all) =>
    all
      .filter(({ kind }) => kind === "ScaledObject")
      .flatMap(({ metadata, spec }) => {
        const given = spec?.["triggers"] as ReadonlyArray<{
          readonly type: string
          readonly metadata: Record<string, string>
        }>
        const triggers = given.filter(({ type }) => type === "nats-jetstream")
        const databases = given.filter(({ type }) => type === "postgresql")
        const env = deployments(all).map((one) => envOf(one, all))[0] ?? {}
        const databaseProblems = databases.flatMap(({ metadata: trigger }) => [
          ...unless(trigger["connectionFromEnv"] === "DATABASE_URL", `${metadata.name}: connectionFromEnv`),
          ...unless(
            trigger["query"]?.includes(`queue = '${/^[^,=]*/.exec(env["WORKER_QUEUES"] ?? "")?.[0]}'`) ===
              true,
            `${metadata.name}: the query names another queue`
          ),
          ...unless(
            env["WORKER_QUEUE"] === "postgres",
            `${metadata.name}: the workers take no jobs of a database`
          )
        ])
        const natsProblems = triggers.flatMap(({ metadata: trigger }) => [
          ...unless(
            trigger["lagThreshold"] === env["WORKER_MAX_CONCURRENT"],
            `${metadata.name}: lagThreshold`
          ),
          ...unless(trigger["consumer"] === env["NATS_CONSUMER"], `${metadata.name}: consumer`),
          ...unless(trigger["stream"] === env["NATS_STREAM"], `${metadata.name}: stream`),
          ...unless(!trigger["natsServerMonitoringEndpoint"]?.includes("://"), `${metadata.name}: a scheme`)
        ])
        return [...databaseProblems, ...natsProblems]
      }),

  "workers are told nothing that they do not understand": (all) =>
    all
      .filter(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith("noetl-worker-config"))
      .flatMap(({ data }) => Object.keys(data ?? {}))
      .filter((name) => !variables.has(name))
      .map((name) => `${name} is no setting`)
}

/** Variables of the table, and those that the script tool reads itself. */
const variables: ReadonlySet<string> = new Set([
  ...Object.values(settings).flatMap(({ env }) => env),
  "WORKER_SCRIPT_NAMESPACE",
  "WORKER_SCRIPT_IMAGE",
  "WORKER_SCRIPT_SERVICE_ACCOUNT"
])

const deployments = (all: ReadonlyArray<Manifest>): ReadonlyArray<Deployment> =>
  all.filter((one): one is Deployment => one.kind === "Deployment")

const each = (
  all: ReadonlyArray<Manifest>,
  rule: (one: Deployment) => ReadonlyArray<string>
): ReadonlyArray<string> =>
  deployments(all).flatMap((one) => rule(one).map((problem) => `${one.metadata.name}: ${problem}`))

const unless = (holds: boolean, problem: string): ReadonlyArray<string> => (holds ? [] : [problem])

const envOf = ({ spec }: Deployment, all: ReadonlyArray<Manifest>): Record<string, string> =>
  Object.assign(
    {},
    ...spec.template.spec.containers
      .flatMap(({ envFrom }) => envFrom ?? [])
      .map(
        ({ configMapRef }) =>
          all.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === configMapRef?.name)?.data
      )
  ) as Record<string, string>

const fits = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value)

const selectorOf = ({ spec }: Manifest): Record<string, string> => {
  const selector = (spec?.["selector"] ?? {}) as Record<string, string> & {
    matchLabels?: Record<string, string>
  }
  return selector.matchLabels ?? selector
}
