/**
 * Every setting of the worker. Environment names are those of the systems it replaces; one is canonical, the others
 * are accepted. Help, documentation and the checks all come from this table.
 */
import { Duration } from "effect"
import { controlPlaneNames, queueNames } from "./backendNames.ts"
import {
  boolean,
  duration,
  integer,
  limits,
  list,
  oneOf,
  optional,
  paths,
  places,
  setting,
  text,
  url
} from "./Setting.ts"

export const settings = {
  workerId: optional(
    {
      key: "worker.id",
      env: ["WORKER_ID", "NOETL_WORKER_ID"],
      flag: "worker-id",
      alias: "w",
      doc: "Name of this worker. On the wire a Python server sees it with a suffix for each start.",
      shownDefault: "a random UUID"
    },
    text
  ),
  pool: setting(
    {
      key: "worker.pool",
      env: ["WORKER_POOL_NAME", "NOETL_WORKER_POOL_NAME"],
      doc: "Pool this worker belongs to."
    },
    text,
    "default"
  ),
  concurrency: setting(
    {
      key: "worker.concurrency",
      env: ["WORKER_MAX_CONCURRENT", "WORKER_CONCURRENCY", "NOETL_WORKER_MAX_INFLIGHT_COMMANDS"],
      flag: "concurrency",
      alias: "c",
      doc: "Commands that run at once."
    },
    integer(1, 4096),
    4
  ),
  prefetch: optional(
    {
      key: "worker.prefetch",
      env: ["WORKER_PREFETCH"],
      doc: "Messages fetched beyond the free slots.",
      shownDefault: "a quarter of the concurrency, at least 1"
    },
    integer(0, 4096)
  ),
  kindLimits: setting(
    {
      key: "worker.kind_limits",
      env: ["WORKER_KIND_LIMITS"],
      doc: "Commands of one kind that run at once: python=2,duckdb=1."
    },
    limits,
    new Map<string, number>()
  ),
  heartbeat: setting(
    {
      key: "worker.heartbeat_interval_seconds",
      env: ["WORKER_HEARTBEAT_INTERVAL", "NOETL_WORKER_HEARTBEAT_INTERVAL"],
      doc: "How often the control plane hears that we live."
    },
    duration("seconds"),
    Duration.seconds(15)
  ),
  drain: setting(
    {
      key: "worker.shutdown_timeout_seconds",
      env: ["WORKER_SHUTDOWN_TIMEOUT_SECONDS"],
      doc: "How long running commands may go on after SIGTERM; what outlives it is handed back."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  podDeletionCost: setting(
    {
      key: "worker.pod_deletion_cost",
      env: ["WORKER_POD_DELETION_COST"],
      doc: "Keeps the pod's deletion cost, so that a scale-in takes idle pods first. It needs POD_NAME and the right to patch pods."
    },
    boolean,
    false
  ),
  podName: optional(
    { key: "worker.pod_name", env: ["POD_NAME"], doc: "Name of the pod that the worker is in." },
    text
  ),
  grace: optional(
    {
      key: "worker.grace_seconds",
      env: ["WORKER_GRACE_SECONDS"],
      doc: "When the process ends whatever happens (exit 124). Keep a Pod's terminationGracePeriodSeconds above it.",
      shownDefault: "the shutdown timeout and 20 s"
    },
    duration("seconds")
  ),
  commandTimeout: setting(
    {
      key: "worker.command_timeout_seconds",
      env: ["WORKER_COMMAND_TIMEOUT_SECONDS", "NOETL_WORKER_COMMAND_TIMEOUT_SECONDS"],
      doc: "Deadline of a tool that names none."
    },
    duration("seconds"),
    Duration.minutes(30)
  ),
  reportWithin: setting(
    {
      key: "worker.report_timeout_seconds",
      env: ["WORKER_REPORT_TIMEOUT_SECONDS"],
      doc: "How long an outcome is offered to the control plane before its message goes back; it is offered again later."
    },
    duration("seconds"),
    Duration.minutes(5)
  ),
  cancellationEvery: setting(
    {
      key: "worker.cancellation_interval_seconds",
      env: ["WORKER_CANCELLATION_INTERVAL"],
      doc: "How often a running command's execution is asked about."
    },
    duration("seconds"),
    Duration.seconds(15)
  ),
  hungAfter: setting(
    {
      key: "worker.hung_after_seconds",
      env: ["WORKER_HUNG_AFTER_SECONDS"],
      doc: "A main thread that stands still for so long loses its leases to other workers."
    },
    duration("seconds"),
    Duration.seconds(120)
  ),
  maxLag: setting(
    {
      key: "worker.max_event_loop_lag_ms",
      env: ["WORKER_MAX_EVENT_LOOP_LAG_MS"],
      doc: "How late the event loop may be before no more messages are taken; 0 asks it nothing."
    },
    duration("millis"),
    Duration.millis(500)
  ),
  deadLetterAfter: setting(
    {
      key: "worker.dead_letter_after",
      env: ["WORKER_DEAD_LETTER_AFTER"],
      doc: "Failures of ours with one message before it is parked as a dead letter. A server that is away does not count."
    },
    integer(1, 1000),
    100
  ),
  stateDir: optional(
    {
      key: "worker.state_dir",
      env: ["WORKER_STATE_DIR"],
      doc: "Folder of the journal of ended commands, so that it survives the process.",
      shownDefault: "none: kept in memory"
    },
    text
  ),
  queue: setting(
    { key: "queue.backend", env: ["WORKER_QUEUE"], doc: "Where messages come from." },
    oneOf(...queueNames),
    "nats"
  ),
  controlPlane: setting(
    { key: "server.backend", env: ["WORKER_CONTROL_PLANE"], doc: "Who the worker works for." },
    oneOf(...controlPlaneNames),
    "noetl"
  ),
  serverUrl: setting(
    { key: "server.url", env: ["NOETL_SERVER_URL"], doc: "The NoETL server." },
    url(["http:", "https:"]),
    "http://localhost:8082"
  ),
  serverToken: optional(
    {
      key: "server.token",
      env: ["NOETL_SERVER_TOKEN"],
      doc: "Bearer token for the NoETL server.",
      secret: true
    },
    text
  ),
  serverTokenFile: optional(
    {
      key: "server.token_file",
      env: ["NOETL_SERVER_TOKEN_FILE"],
      doc: "File with the bearer token for the NoETL server; it is read for every request, so it may rotate."
    },
    text
  ),
  serverCa: optional(
    {
      key: "server.ca_file",
      env: ["NOETL_TLS_CA"],
      doc: "PEM file of the authority that signed the NoETL server's certificate."
    },
    text
  ),
  serverCert: optional(
    {
      key: "server.cert_file",
      env: ["NOETL_TLS_CLIENT_CERT"],
      doc: "PEM file of our certificate for the NoETL server; it goes to that server only."
    },
    text
  ),
  serverKey: optional(
    {
      key: "server.key_file",
      env: ["NOETL_TLS_CLIENT_KEY"],
      doc: "PEM file of our key for the NoETL server."
    },
    text
  ),
  ignoreMessageUrl: setting(
    {
      key: "server.ignore_message_url",
      env: ["NOETL_IGNORE_MESSAGE_URL"],
      doc: "Talk to NOETL_SERVER_URL only, whatever server a message names."
    },
    boolean,
    false
  ),
  serverTimeout: setting(
    {
      key: "server.timeout_seconds",
      env: ["NOETL_SERVER_TIMEOUT_SECONDS"],
      doc: "For one answer of the server."
    },
    duration("seconds"),
    Duration.seconds(60)
  ),
  protocol: setting(
    {
      key: "server.protocol",
      env: ["NOETL_PROTOCOL"],
      doc: "Generation of the NoETL server. python2 is 2.8 to 2.10."
    },
    oneOf("auto", "python2"),
    "auto"
  ),
  natsUrl: setting(
    { key: "nats.url", env: ["NATS_URL"], doc: "One or more NATS servers, separated by commas." },
    url(["nats:", "tls:", "ws:", "wss:"]),
    "nats://localhost:4222"
  ),
  natsUser: optional({ key: "nats.user", env: ["NATS_USER"], doc: "User for NATS." }, text),
  natsPassword: optional(
    { key: "nats.password", env: ["NATS_PASSWORD"], doc: "Password for NATS.", secret: true },
    text
  ),
  natsToken: optional({ key: "nats.token", env: ["NATS_TOKEN"], doc: "Token for NATS.", secret: true }, text),
  natsNkey: optional(
    { key: "nats.nkey_file", env: ["NATS_NKEY_FILE"], doc: "File with the seed of our nkey for NATS." },
    text
  ),
  natsCreds: optional(
    {
      key: "nats.creds_file",
      env: ["NATS_CREDS_FILE"],
      doc: "File with our JWT for NATS and its seed, as nsc writes it."
    },
    text
  ),
  natsCa: optional(
    {
      key: "nats.ca_file",
      env: ["NATS_CA_FILE"],
      doc: "PEM file of the authority that signed NATS's certificate."
    },
    text
  ),
  natsCert: optional(
    { key: "nats.cert_file", env: ["NATS_CERT_FILE"], doc: "PEM file of our certificate for NATS." },
    text
  ),
  natsKey: optional(
    { key: "nats.key_file", env: ["NATS_KEY_FILE"], doc: "PEM file of our key for NATS." },
    text
  ),
  natsStream: setting(
    {
      key: "nats.stream",
      env: ["NATS_STREAM"],
      doc: "Stream to make when none has the subject; one that has it is used, whatever its name. A Python server accepts NOETL_COMMANDS only."
    },
    text,
    "NOETL_COMMANDS"
  ),
  natsConsumer: optional(
    {
      key: "nats.consumer",
      env: ["NATS_CONSUMER"],
      doc: "Durable consumer. One that exists is used as it is.",
      shownDefault: "noetl_worker_pool if it exists, else worker-pool"
    },
    text
  ),
  natsSubject: setting(
    { key: "nats.subject", env: ["NATS_SUBJECT"], doc: "Subject of the commands." },
    text,
    "noetl.commands"
  ),
  natsFilter: optional(
    {
      key: "nats.filter_subject",
      env: ["NATS_FILTER_SUBJECT", "NOETL_FEED_FILTER_SUBJECT"],
      doc: "What a consumer of ours takes of the stream: noetl.commands.shared.> for one pool.",
      shownDefault: "everything"
    },
    text
  ),
  deadLetterStream: setting(
    {
      key: "nats.dead_letter_stream",
      env: ["NATS_DEAD_LETTER_STREAM"],
      doc: "Stream of the messages that were given up; it is made with the first one."
    },
    text,
    "NOETL_DEAD_LETTERS"
  ),
  deadLetterSubject: setting(
    {
      key: "nats.dead_letter_subject",
      env: ["NATS_DEAD_LETTER_SUBJECT"],
      doc: "Subject of that stream."
    },
    text,
    "noetl.dead_letters"
  ),
  natsConsumerUpdate: setting(
    {
      key: "nats.consumer_update",
      env: ["NATS_CONSUMER_UPDATE"],
      doc: "Change an existing consumer to our settings. Other workers that share it see the change."
    },
    boolean,
    false
  ),
  natsAckWait: setting(
    {
      key: "nats.ack_wait_seconds",
      env: ["NATS_ACK_WAIT_SECONDS"],
      doc: "ack_wait of a consumer that we make."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  resultInline: setting(
    {
      key: "results.inline_max_bytes",
      env: ["NOETL_INLINE_MAX_BYTES"],
      doc: "Bytes of a result that go into an event; a larger one goes by reference."
    },
    integer(1024, 1024 * 1024),
    64 * 1024
  ),
  credentialsFile: optional(
    {
      key: "credentials.file",
      env: ["NOETL_CREDENTIALS_FILE"],
      doc: "YAML or JSON file with credentials; they win over the server's. NOETL_SECRET_<NAME> is one credential."
    },
    text
  ),
  googleFile: optional(
    {
      key: "credentials.google_file",
      env: ["GOOGLE_APPLICATION_CREDENTIALS"],
      doc: "Key file of the Google identity that gcp_adc lends to playbooks."
    },
    text
  ),
  googleMetadata: optional(
    {
      key: "credentials.google_metadata_host",
      env: ["GCE_METADATA_HOST"],
      doc: "Metadata server whose identity gcp_adc lends to playbooks, without a key file: metadata.google.internal."
    },
    text
  ),
  googleTokenUrl: setting(
    {
      key: "credentials.google_token_url",
      env: ["NOETL_GOOGLE_TOKEN_URL"],
      doc: "Where Google's keys are exchanged for tokens; the token_uri of a key is not followed."
    },
    url(["http:", "https:"]),
    "https://oauth2.googleapis.com/token"
  ),
  statusInData: setting(
    {
      key: "compat.status_in_data",
      env: ["NOETL_COMPAT_STATUS_IN_DATA"],
      doc: "A status of error or failed in a tool's own data fails the task, as with the Python worker."
    },
    boolean,
    false
  ),
  lenientStatus: setting(
    {
      key: "compat.lenient_tool_status",
      env: ["NOETL_COMPAT_LENIENT_TOOL_STATUS"],
      doc: "A failure that a tool answers ends the step well, as with the Rust worker."
    },
    boolean,
    false
  ),
  retypeStrings: setting(
    {
      key: "compat.retype_strings",
      env: ["NOETL_COMPAT_RETYPE_STRINGS"],
      doc: "Text that a template made is read as JSON where it is JSON, as with the Rust worker."
    },
    boolean,
    false
  ),
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
  metrics: setting(
    { key: "health.metrics", env: ["ENABLE_METRICS"], doc: "Whether /metrics answers." },
    boolean,
    true
  ),
  egress: setting(
    {
      key: "http.egress",
      env: ["WORKER_EGRESS"],
      doc: "Where requests of playbooks may go: development adds private networks and this machine to public addresses. Metadata services and the worker's own port are refused in any case."
    },
    oneOf("development", "production"),
    "development"
  ),
  egressAllow: setting(
    {
      key: "http.egress_allow",
      env: ["WORKER_EGRESS_ALLOW"],
      doc: "What is allowed beyond that."
    },
    places,
    []
  ),
  egressDeny: setting(
    { key: "http.egress_deny", env: ["WORKER_EGRESS_DENY"], doc: "What is refused in any case." },
    places,
    []
  ),
  httpProxy: optional(
    {
      key: "http.proxy",
      env: ["HTTP_PROXY", "http_proxy"],
      doc: "Proxy for the http:// requests of playbooks.",
      secret: true
    },
    text
  ),
  httpsProxy: optional(
    {
      key: "http.https_proxy",
      env: ["HTTPS_PROXY", "https_proxy"],
      doc: "Proxy for the https:// requests of playbooks.",
      secret: true
    },
    text
  ),
  noProxy: optional(
    {
      key: "http.no_proxy",
      env: ["NO_PROXY", "no_proxy"],
      doc: "Hosts that are reached without a proxy."
    },
    text
  ),
  http2: setting(
    {
      key: "http.http2",
      env: ["WORKER_HTTP2"],
      doc: "Whether HTTP/2 is offered to servers that speak TLS."
    },
    boolean,
    true
  ),
  filesRoot: optional(
    {
      key: "tools.files_root",
      env: ["WORKER_FILES_ROOT"],
      doc: "Folder below which certificates and keys lie that playbooks name as files.",
      shownDefault: "none: no files"
    },
    text
  ),
  passEnv: setting(
    {
      key: "tools.pass_env",
      env: ["WORKER_PASS_ENV"],
      doc: "Variables that programs get from the worker's environment, secret or not; AWS_* is all that begin so."
    },
    list,
    []
  ),
  childMemory: optional(
    {
      key: "tools.memory_limit_mb",
      env: ["WORKER_CHILD_MEMORY_MB"],
      doc: "Address space of a program that a tool starts; a playbook can ask for less."
    },
    integer(16, 16_777_216)
  ),
  childCpu: optional(
    {
      key: "tools.cpu_limit_seconds",
      env: ["WORKER_CHILD_CPU_SECONDS"],
      doc: "CPU time of such a program."
    },
    integer(1, 31_536_000)
  ),
  childFile: optional(
    {
      key: "tools.file_limit_mb",
      env: ["WORKER_CHILD_FILE_MB"],
      doc: "The largest file that such a program may write."
    },
    integer(1, 16_777_216)
  ),
  breakerFailures: setting(
    {
      key: "tools.breaker_failures",
      env: ["WORKER_BREAKER_FAILURES"],
      doc: "Failures in a row after which an HTTP origin or a database server is left alone; 0 never does."
    },
    integer(0, 10_000),
    10
  ),
  breakerOpen: setting(
    {
      key: "tools.breaker_open_seconds",
      env: ["WORKER_BREAKER_OPEN_SECONDS"],
      doc: "How long it is left alone at first; twice as long after each look that fails."
    },
    duration("seconds"),
    Duration.seconds(5)
  ),
  breakerLongest: setting(
    {
      key: "tools.breaker_longest_seconds",
      env: ["WORKER_BREAKER_LONGEST_SECONDS"],
      doc: "How long it is left alone at most."
    },
    duration("seconds"),
    Duration.seconds(60)
  ),
  pythonPath: optional(
    { key: "python.path", env: ["PYTHON_PATH"], doc: "Python interpreter.", shownDefault: "python3 on PATH" },
    text
  ),
  pythonWarm: setting(
    {
      key: "python.warm",
      env: ["WORKER_PYTHON_WARM"],
      doc: "Whether Python commands are forked from a warm process."
    },
    boolean,
    true
  ),
  logLevel: setting(
    {
      key: "log.level",
      env: ["LOG_LEVEL", "RUST_LOG"],
      doc: "trace, debug, info, warn, error or none; info,consumer=debug,python=warn has levels of parts (children of the tree, kinds of tools).",
      shownDefault: "info"
    },
    text,
    "info"
  ),
  logFormat: setting(
    {
      key: "log.format",
      env: ["LOG_FORMAT"],
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
  ),
  dataDir: optional(
    {
      key: "duckdb.data_dir",
      env: ["NOETL_DATA_DIR"],
      doc: "Folder of the DuckDB databases of executions, so that they survive the process.",
      shownDefault: "none: a folder of the process"
    },
    text
  ),
  duckdbAllow: optional(
    {
      key: "duckdb.allow",
      env: ["NOETL_DUCKDB_ALLOW"],
      doc: "Directories and URL prefixes that DuckDB's SQL may read and write, separated by commas: data,s3://bucket/.",
      shownDefault: "data"
    },
    paths
  ),
  duckdbExtensions: optional(
    {
      key: "duckdb.extensions",
      env: ["NOETL_DUCKDB_EXTENSIONS"],
      doc: "DuckDB extensions of this machine that are loaded, by name or file, separated by commas: httpfs,postgres_scanner.",
      shownDefault: "none"
    },
    paths
  ),
  duckdbExternalAccess: setting(
    {
      key: "duckdb.external_access",
      env: ["NOETL_DUCKDB_EXTERNAL_ACCESS"],
      doc: "Let DuckDB's SQL reach every file and server that the worker can; ATTACH of a server needs it."
    },
    boolean,
    false
  )
} as const

export type Settings = typeof settings
export type Values = { readonly [K in keyof Settings]: Settings[K]["fallback"] }
