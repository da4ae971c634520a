/** The production overlay, broken in one place at a time: the policy that is about it has to say so. */
import { rules } from "./policies.ts"
import { kustomize, type Manifest } from "./render.ts"
import type { Tools } from "./tools.ts"

type Broken = readonly [rule: string, find: string, replace: string]

/** Texts of the rendered JSON, each there. */
const changes: ReadonlyArray<Broken> = [
  [
    "pods keep to the restricted security standard",
    '"readOnlyRootFilesystem":true',
    '"readOnlyRootFilesystem":false'
  ],
  ["pods keep to the restricted security standard", '"runAsNonRoot":true', '"runAsNonRoot":false'],
  ["pods keep to the restricted security standard", '"drop":["ALL"]', '"drop":[]'],
  [
    "pods that stay apart say from whom",
    '"enableServiceLinks":false',
    '"enableServiceLinks":false,"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{}]}}'
  ],
  ["containers have probes, requests, limits and a pinned image", '"livenessProbe"', '"deadProbe"'],
  [
    "containers have probes, requests, limits and a pinned image",
    "noetl-worker:0.1.0",
    "noetl-worker:latest"
  ],
  ["containers have probes, requests, limits and a pinned image", '"memory":"2Gi"', '"x":"2Gi"'],
  [
    "a pod outlives its worker's drain and grace, and no hook eats into it",
    '"terminationGracePeriodSeconds":120',
    '"terminationGracePeriodSeconds":30'
  ],
  [
    "a pod outlives its worker's drain and grace, and no hook eats into it",
    '"WORKER_SHUTDOWN_TIMEOUT_SECONDS":"90"',
    '"WORKER_SHUTDOWN_TIMEOUT_SECONDS":"109"'
  ],
  [
    "a pod outlives its worker's drain and grace, and no hook eats into it",
    '"livenessProbe"',
    '"lifecycle":{},"livenessProbe"'
  ],
  ["selectors find their pods", '"selector":{"app":"noetl-worker-pool"}', '"selector":{"app":"other"}'],
  ["what is referred to is there", '"serviceAccountName":"noetl-worker"', '"serviceAccountName":"nobody"'],
  [
    "what is referred to is there",
    '"scaleTargetRef":{"name":"noetl-worker-pool"}',
    '"scaleTargetRef":{"name":"other"}'
  ],
  [
    "one scaler at most moves a Deployment, and no manifest beside it",
    '"revisionHistoryLimit":5',
    '"replicas":2'
  ],
  [
    "KEDA counts messages in hand, so its threshold is the concurrency",
    '"lagThreshold":"8"',
    '"lagThreshold":"4"'
  ],
  [
    "KEDA counts messages in hand, so its threshold is the concurrency",
    '"natsServerMonitoringEndpoint":"',
    '"natsServerMonitoringEndpoint":"http://'
  ],
  ["workers are told nothing that they do not understand", '"WORKER_POOL_NAME"', '"WORKER_POOL"']
]

export const breaches = (tools: Tools): ReadonlyArray<string> => {
  const text = JSON.stringify(kustomize(tools, "overlays/production"))
  return changes.flatMap(([rule, find, replace]) => {
    if (!text.includes(find)) return [`${find} is not there to be broken`]
    const broken = JSON.parse(text.replace(find, replace)) as ReadonlyArray<Manifest>
    return (rules[rule]?.(broken) ?? []).length > 0 ? [] : [`${rule}: nothing said about ${replace}`]
  })
}
