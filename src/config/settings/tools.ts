/** What tools may do, and with what. */
import { Duration } from "effect"
import {
  boolean,
  duration,
  integer,
  list,
  oneOf,
  optional,
  paths,
  places,
  setting,
  text,
  userRange
} from "../Setting.ts"

export const tools = {
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
  toolUsers: optional(
    {
      key: "tools.users",
      env: ["WORKER_TOOL_USERS"],
      doc: "Users that programs run as, one for each program at a time; the worker needs SETUID, SETGID and KILL for it.",
      shownDefault: "the worker's own user"
    },
    userRange
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
  postgresPoolSize: setting(
    {
      key: "postgres.pool_max_size",
      env: ["WORKER_POSTGRES_POOL_MAX_SIZE", "NOETL_POSTGRES_POOL_MAX_SIZE"],
      doc: "Connections of one pool: one server, database and user. A playbook can ask for less or more, up to 64."
    },
    integer(1, 64),
    6
  ),
  postgresMaxWaiting: setting(
    {
      key: "postgres.pool_max_waiting",
      env: ["WORKER_POSTGRES_POOL_MAX_WAITING", "NOETL_POSTGRES_POOL_MAX_WAITING"],
      doc: "Commands that may wait for a connection of one pool."
    },
    integer(1, 100_000),
    256
  ),
  postgresConnectTimeout: setting(
    {
      key: "postgres.pool_timeout_seconds",
      env: ["WORKER_POSTGRES_POOL_TIMEOUT_SECONDS", "NOETL_POSTGRES_POOL_TIMEOUT_SECONDS"],
      doc: "How long a command waits for a connection, free or new."
    },
    duration("seconds"),
    Duration.seconds(10)
  ),
  postgresIdle: setting(
    {
      key: "postgres.pool_max_idle_seconds",
      env: ["WORKER_POSTGRES_POOL_MAX_IDLE_SECONDS", "NOETL_POSTGRES_POOL_MAX_IDLE_SECONDS"],
      doc: "How long an idle connection is kept."
    },
    duration("seconds"),
    Duration.seconds(30)
  ),
  postgresLifetime: setting(
    {
      key: "postgres.pool_max_lifetime_seconds",
      env: ["WORKER_POSTGRES_POOL_MAX_LIFETIME_SECONDS", "NOETL_POSTGRES_POOL_MAX_LIFETIME_SECONDS"],
      doc: "How long a connection is used."
    },
    duration("seconds"),
    Duration.minutes(30)
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
  ),
  duckdbMemory: optional(
    {
      key: "duckdb.memory_mb",
      env: ["NOETL_DUCKDB_MEMORY_MB"],
      doc: "Memory of one DuckDB database in MB; two of them work at a time.",
      shownDefault: "a share of the container's memory, which the first log lines print"
    },
    integer(16, 16_777_216)
  )
} as const
