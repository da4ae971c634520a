/**
 * The Grafana dashboard, made from the metric handles: a panel that names a metric that is not there does not compile.
 * `npm run check:manifests -- --write` writes it to k8s/components/monitoring/dashboard.json.
 */
import type { Metric } from "effect"
import * as Metrics from "../../src/telemetry/Metrics.ts"
import * as Process from "../../src/telemetry/processMetrics.ts"
import { calls, transitions } from "../../src/tools/breaker/metrics.ts"

type Handle =
  | Metric.Metric<never, unknown>
  | { readonly id: string; readonly description?: string | undefined }

/** A metric under its name; `of` reads as the query does. */
const of = (metric: Handle): string => (metric as { readonly id: string }).id

interface Panel {
  readonly title: string
  readonly unit?: string
  readonly queries: ReadonlyArray<readonly [expression: string, legend: string]>
}

const pool = `{pod=~"$pod"}`
const rate = (metric: Handle, by = "") =>
  `sum${by === "" ? "" : ` by (${by})`} (rate(${of(metric)}${pool}[$__rate_interval]))`
const sum = (metric: Handle) => `sum(${of(metric)}${pool})`
const quantile = (q: number) =>
  `histogram_quantile(${q}, sum by (le) (rate(${of(Metrics.jobSeconds)}_bucket${pool}[$__rate_interval])))`

const slow = (metric: Handle) =>
  `histogram_quantile(0.95, sum by (le) (rate(${of(metric)}_bucket${pool}[$__rate_interval])))`

const panels: ReadonlyArray<Panel> = [
  { title: "Commands that wait", queries: [[`max(${of(Metrics.queueDepth)}${pool})`, "in the stream"]] },
  {
    title: "Messages that workers hold",
    queries: [
      [`max(${of(Metrics.messagesHeld)}${pool})`, "held"],
      [`max(${of(Metrics.messagesHeldLimit)}${pool})`, "limit"]
    ]
  },
  {
    title: "Age of the oldest command that waits",
    unit: "s",
    queries: [[`max(${of(Metrics.oldestWaiting)}${pool})`, "oldest"]]
  },
  {
    title: "Slots",
    queries: [
      [sum(Metrics.slots), "slots"],
      [sum(Metrics.slotsBusy), "taken"],
      [sum(Metrics.activeJobs), "commands in flight"]
    ]
  },
  {
    title: "Outcomes",
    unit: "ops",
    queries: [[rate(Metrics.ended("").Succeeded, "outcome"), "{{outcome}}"]]
  },
  {
    title: "Failed commands by kind",
    unit: "ops",
    queries: [
      [
        `sum by (kind) (rate(${of(Metrics.ended("").Failed)}{pod=~"$pod",outcome!="succeeded"}[$__rate_interval]))`,
        "{{kind}}"
      ]
    ]
  },
  {
    title: "95 % of the commands of a kind take less than",
    unit: "s",
    queries: [
      [
        `histogram_quantile(0.95, sum by (le, kind) (rate(${of(Metrics.jobSeconds)}_bucket${pool}[$__rate_interval])))`,
        "{{kind}}"
      ]
    ]
  },
  {
    title: "95 % of the claims and reports take less than",
    unit: "s",
    queries: [
      [slow(Metrics.claimSeconds), "claim"],
      [slow(Metrics.reportSeconds), "report"]
    ]
  },
  {
    title: "Workers with broker and registration",
    queries: [
      [sum(Metrics.brokerConnected), "connected"],
      [sum(Metrics.registered), "registered"],
      [`count by (version) (${of(Metrics.buildInfo("", ""))}${pool})`, "{{version}}"]
    ]
  },
  {
    title: "CPU of the worker itself",
    unit: "short",
    queries: [[rate(Process.handles.cpu, "pod"), "{{pod}}"]]
  },
  {
    title: "Memory of the worker itself",
    unit: "bytes",
    queries: [[`max by (pod) (${of(Process.handles.resident)}${pool})`, "{{pod}}"]]
  },
  {
    title: "How long commands take",
    unit: "s",
    queries: [
      [quantile(0.5), "half"],
      [quantile(0.95), "95 %"],
      [quantile(0.99), "99 %"]
    ]
  },
  {
    title: "Failed",
    unit: "percentunit",
    queries: [[`${rate(Metrics.jobsFailed)} / ${rate(Metrics.jobsProcessed)}`, "of all commands"]]
  },
  {
    title: "Messages and claims",
    unit: "ops",
    queries: [
      [rate(Metrics.deliveries), "messages"],
      [rate(Metrics.undecodable), "thrown away"],
      [rate(Metrics.claimAnswers.Claimed, "answer"), "{{answer}}"]
    ]
  },
  {
    title: "What the queue was told",
    unit: "ops",
    queries: [[rate(Metrics.settled.Ack, "settlement"), "{{settlement}}"]]
  },
  {
    title: "Reports",
    unit: "ops",
    queries: [
      [rate(Metrics.reports), "accepted"],
      [rate(Metrics.reportFailures), "not accepted in time"]
    ]
  },
  { title: "Leases that lapsed", unit: "ops", queries: [[rate(Metrics.leasesExpired, "pod"), "{{pod}}"]] },
  {
    title: "Event loop, 99th percentile late",
    unit: "s",
    queries: [[`max by (pod) (${of(Metrics.eventLoopLag)}${pool})`, "{{pod}}"]]
  },
  {
    title: "Workers that take nothing because they are late",
    queries: [[`sum(${of(Metrics.pullPaused)}${pool})`, "workers"]]
  },
  {
    title: "What tools ask",
    unit: "ops",
    queries: [[rate(calls.success, "verdict"), "{{verdict}}"]]
  },
  {
    title: "Targets left alone, and back",
    queries: [[`sum by (to) (increase(${of(transitions.opened)}${pool}[1h]))`, "{{to}}"]]
  },
  {
    title: "Restarts inside the worker",
    queries: [[`sum by (child) (increase(${of(Metrics.childRestarts("", ""))}${pool}[1h]))`, "{{child}}"]]
  }
]

/** Names of all metrics that a worker has, as they are scraped. */
export const metricNames: ReadonlySet<string> = new Set(
  [
    ...Object.values(Metrics).map((value: object) =>
      typeof value === "function" ? (value as (...labels: ReadonlyArray<string>) => object)("", "") : value
    ),
    calls,
    transitions,
    Process.handles
  ]
    .flatMap((value): ReadonlyArray<unknown> => ("id" in value ? [value] : Object.values(value)))
    .flatMap((metric) => {
      const { id, type } = metric as { readonly id: string; readonly type: string }
      return type === "Histogram" ? [`${id}_bucket`, `${id}_sum`, `${id}_count`] : [id]
    })
)

/** Every query of the dashboard. */
export const queries: ReadonlyArray<string> = panels.flatMap((panel) =>
  panel.queries.map(([expression]) => expression)
)

const source = { type: "prometheus", uid: "${source}" }

export const dashboard = {
  uid: "noetl-worker",
  title: "NoETL workers",
  tags: ["noetl"],
  schemaVersion: 39,
  editable: false,
  refresh: "30s",
  time: { from: "now-6h", to: "now" },
  templating: {
    list: [
      { name: "source", type: "datasource", query: "prometheus", current: {} },
      {
        name: "pod",
        type: "query",
        datasource: source,
        query: { query: `label_values(${of(Metrics.slots)}, pod)`, refId: "pod" },
        multi: true,
        includeAll: true,
        allValue: ".*",
        refresh: 2,
        current: { text: "All", value: "$__all" }
      }
    ]
  },
  panels: panels.map(({ queries: asked, title, unit }, i) => ({
    id: i + 1,
    type: "timeseries",
    title,
    datasource: source,
    gridPos: { x: (i % 3) * 8, y: Math.floor(i / 3) * 8, w: 8, h: 8 },
    fieldConfig: { defaults: { unit: unit ?? "short", min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
    targets: asked.map(([expr, legendFormat], n) => ({
      refId: String.fromCharCode(65 + n),
      datasource: source,
      expr,
      legendFormat
    }))
  }))
}

export const dashboardText = `${JSON.stringify(dashboard, undefined, 2)}\n`
