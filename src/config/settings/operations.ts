/** What operators see: endpoints, logs, telemetry. */
import { Duration } from "effect"
import { boolean, duration, integer, oneOf, optional, setting, text, url } from "../Setting.ts"

export const operations = {
  healthPort: setting(
    {
      key: "health.port",
      env: ["HEALTH_PORT"],
      flag: "health-port",
      alias: "h",
      doc: "Port of /health, /ready, /status and /metrics; 0 takes a free one."
    },
    integer(0, 65535),
    9090
  ),
  healthHost: setting(
    { key: "health.host", env: ["HEALTH_HOST"], doc: "Address that port is on." },
    text,
    "0.0.0.0"
  ),
  healthToken: optional(
    {
      key: "health.token",
      env: ["HEALTH_TOKEN"],
      doc: "Bearer token for ids, steps and names in /status. Without one, callers on this machine see them.",
      secret: true
    },
    text
  ),
  healthCheck: setting(
    {
      key: "health.check_interval_seconds",
      env: ["HEALTH_CHECK_INTERVAL_SECONDS"],
      doc: "How long an answer of the jobs' database counts; /ready asks again after that."
    },
    duration("seconds"),
    Duration.seconds(10)
  ),
  metrics: setting(
    { key: "health.metrics", env: ["ENABLE_METRICS"], doc: "Whether /metrics answers." },
    boolean,
    true
  ),
  disableMetrics: setting(
    {
      key: "health.disable_metrics",
      env: ["NOETL_DISABLE_METRICS"],
      doc: "The opposite of health.metrics, as NoETL's own workers name it; true wins."
    },
    boolean,
    false
  ),
  logLevel: setting(
    {
      key: "log.level",
      env: ["LOG_LEVEL", "NOETL_LOG_LEVEL", "RUST_LOG"],
      doc: "trace, debug, info, warn, error or none; info,consumer=debug,python=warn has levels of parts (children of the tree, kinds of tools).",
      shownDefault: "info"
    },
    text,
    "info"
  ),
  logFormat: setting(
    {
      key: "log.format",
      env: ["LOG_FORMAT", "NOETL_LOG_FORMAT"],
      doc: "How log lines look; auto is pretty on a terminal and json elsewhere."
    },
    oneOf("auto", "json", "pretty", "logfmt"),
    "auto"
  ),
  otlpEndpoint: optional(
    {
      key: "telemetry.otlp_endpoint",
      env: ["OTEL_EXPORTER_OTLP_ENDPOINT"],
      doc: "OpenTelemetry collector that takes traces, metrics and logs over HTTP: http://collector:4318.",
      shownDefault: "no telemetry leaves"
    },
    url(["http:", "https:"])
  ),
  otlpHeaders: optional(
    {
      key: "telemetry.otlp_headers",
      env: ["OTEL_EXPORTER_OTLP_HEADERS"],
      doc: "Headers for the collector: name=value,name=value, values URL-encoded.",
      secret: true
    },
    text
  ),
  otlpProtocol: setting(
    {
      key: "telemetry.otlp_protocol",
      env: ["OTEL_EXPORTER_OTLP_PROTOCOL"],
      doc: "How telemetry is written."
    },
    oneOf("http/protobuf", "http/json"),
    "http/protobuf"
  ),
  otlpService: setting(
    { key: "telemetry.service_name", env: ["OTEL_SERVICE_NAME"], doc: "service.name of the telemetry." },
    text,
    "noetl-worker"
  ),
  otlpAttributes: optional(
    {
      key: "telemetry.resource_attributes",
      env: ["OTEL_RESOURCE_ATTRIBUTES"],
      doc: "What else is said of this worker: deployment.environment=prod,team=data."
    },
    text
  )
} as const
