/**
 * What each part of src may import besides itself: a folder means all of it, a file means that file. A part is named by its
 * folder, or by its file where a file is a door (`index.ts`). Every file belongs to the longest name that fits.
 */
const ports = [
  "control-plane/ControlPlane.ts",
  "journal/Journal.ts",
  "queue/Leases.ts",
  "queue/MessageQueue.ts",
  "telemetry/Metrics.ts",
  "telemetry/spans.ts",
  "telemetry/updater.ts",
  "WorkerConfig.ts"
]
const contract = ["tools/Coerced.ts", "tools/Rows.ts", "tools/Tool.ts"]
const basis = ["domain", "async"]

export const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  domain: [],
  async: ["domain"],
  nats: basis,
  google: basis,
  postgres: basis,
  kubernetes: basis,
  secrets: basis,
  template: basis,
  telemetry: [...basis, "secrets"],
  "WorkerConfig.ts": [],

  playbook: ["domain", "template"],
  "playbook/engine": ["domain", "template", "playbook"],

  "control-plane": basis,
  "control-plane/noetl": [...basis, "control-plane/ControlPlane.ts"],
  "control-plane/jobs": [
    ...basis,
    "control-plane/ControlPlane.ts",
    "queue/JobOutcomes.ts",
    "queue/MessageQueue.ts"
  ],
  "control-plane/local": [
    ...basis,
    "control-plane/ControlPlane.ts",
    "playbook",
    "playbook/engine",
    "results",
    "template"
  ],
  "control-plane/index.ts": ["control-plane"],
  queue: [...basis, "telemetry/Metrics.ts", "control-plane/ControlPlane.ts"],
  "queue/nats": [
    ...basis,
    "nats",
    "queue/MessageQueue.ts",
    "queue/Leases.ts",
    "queue/LeaseThread.ts",
    "queue/leaseLoop.ts"
  ],
  "queue/postgres": [
    ...basis,
    "postgres",
    "queue/JobOutcomes.ts",
    "queue/MessageQueue.ts",
    "queue/Leases.ts",
    "queue/LeaseThread.ts",
    "queue/leaseLoop.ts"
  ],
  "queue/index.ts": ["queue"],
  jobs: [
    ...basis,
    "postgres",
    "queue/postgres/crons.ts",
    "queue/JobOutcomes.ts",
    "queue/MessageQueue.ts",
    "tools/Tool.ts"
  ],
  journal: basis,
  results: [...basis, "nats"],
  credentials: [...basis, "google", "secrets", "control-plane/ControlPlane.ts"],

  tools: [...basis, "results", "control-plane/ControlPlane.ts", "telemetry/spans.ts", "tools"],
  "tools/breaker": basis,
  "tools/http": [...basis, ...contract, "tools/breaker"],
  "tools/process": [...basis, ...contract],
  "tools/python": [...basis, ...contract, "tools/http", "tools/process"],
  "tools/rhai": [...basis, ...contract],
  "tools/sql": [...basis, ...contract, "tools/breaker", "tools/python/ScriptSource.ts"],
  "tools/postgres": [
    ...basis,
    ...contract,
    "tools/credentialFields.ts",
    "tools/breaker",
    "tools/http/pem.ts",
    "tools/sql"
  ],
  "tools/duckdb": [...basis, ...contract, "tools/postgres/times.ts", "tools/sql"],
  "tools/snowflake": [...basis, ...contract, "tools/credentialFields.ts", "tools/breaker", "tools/sql"],
  "tools/script": [
    ...basis,
    ...contract,
    "control-plane/ControlPlane.ts",
    "google",
    "kubernetes",
    "tools/Slot.ts",
    "tools/StopReason.ts",
    "tools/http",
    "tools/process",
    "tools/python/ScriptSource.ts"
  ],
  "tools/transfer": [
    ...basis,
    ...contract,
    "tools/duckdb",
    "tools/http",
    "tools/postgres",
    "tools/snowflake",
    "tools/sql"
  ],

  job: [...basis, ...ports, "results", "secrets", "tools/Slot.ts", "tools/StopReason.ts", "job/pipeline"],
  "job/pipeline": [
    ...basis,
    ...ports,
    ...contract,
    "credentials",
    "results",
    "secrets",
    "template",
    "tools/Slot.ts",
    "tools/Toolbox.ts"
  ],
  worker: [...basis, ...ports, "job", "secrets/Redactor.ts", "tools/Toolbox.ts"],
  "worker/plugins": ["kubernetes", "worker"],
  http: ["domain", ...ports, "telemetry/processMetrics.ts", "telemetry/Version.ts", "worker"],

  local: [
    ...basis,
    ...ports,
    "config/settings.ts",
    "config/toolOptions.ts",
    "control-plane/local",
    "credentials",
    "google",
    "job/pipeline",
    "playbook",
    "playbook/engine",
    "queue",
    "results",
    "template",
    "tools",
    "worker"
  ],
  config: [
    ...basis,
    ...ports,
    "control-plane",
    "credentials",
    "google",
    "http",
    "job/pipeline",
    "jobs",
    "journal",
    "nats",
    "postgres",
    "queue",
    "results",
    "secrets",
    "tools",
    "worker"
  ],
  doctor: ["domain", "config"],
  testing: [
    ...basis,
    ...ports,
    "control-plane",
    "credentials",
    "job/pipeline",
    "jobs",
    "queue",
    "results",
    "secrets",
    "template",
    "tools",
    "worker"
  ],
  "testing/suites": [
    ...basis,
    ...ports,
    "jobs",
    "testing/aCommand.ts",
    "tools/Tool.ts",
    "tools/Toolbox.ts",
    "worker/Capacity.ts"
  ],
  "testing/index.ts": ["testing", "control-plane", "queue"],
  cli: [
    ...basis,
    "config",
    "control-plane",
    "doctor",
    "job/pipeline",
    "jobs",
    "local",
    "playbook",
    "journal",
    "nats",
    "postgres",
    "queue",
    "results",
    "secrets",
    "telemetry",
    "tools",
    "worker"
  ],
  embed: [
    ...basis,
    ...ports,
    "config",
    "http",
    "journal",
    "nats",
    "queue",
    "results",
    "secrets",
    "telemetry",
    "tools"
  ],
  "index.ts": [...basis, ...ports, "tools", "worker"],
  "main.ts": ["cli"],
  "noetl.ts": ["cli"],
  "nebula-worker.ts": ["cli"],
  "handover.ts": ["tools/process/Environment.ts"],
  "launch.ts": ["handover.ts"]
}

/** Why a test file is long: one world that takes a page to build, and all that is true in it. */
export const longTests: Readonly<Record<string, string>> = {
  "test/tools/TransferTool.test.ts": "every pair of ends over one set of databases that are started once",
  "test/tools/PostgresTool.test.ts": "one server that is started once",
  "test/tools/PythonTool.test.ts": "each sentence twice, with a process each and with warm ones",
  "test/tools/HttpTool.test.ts": "one stub server with all its routes",
  "test/tools/DuckdbTool.test.ts": "one world of databases and allowed folders",
  "test/tools/SnowflakeTool.test.ts": "one server of the wire protocol with its answers",
  "test/tools/duckdb/secrets.test.ts": "one object store with its checks",
  "test/tools/script/ScriptTool.test.ts": "one cluster with its clock",
  "test/control-plane/NoetlControlPlane.test.ts": "one server with its ways to fail",
  "test/worker/Worker.test.ts": "the worker's promises in the order of a command's life",
  "test/worker/outages.test.ts": "one world and every neighbour away",
  "test/template/Template.test.ts": "a table of templates with their values",
  "test/doctor/doctor.test.ts": "a table of faults with their cures",
  "test/credentials/Credentials.test.ts": "one control plane and every shape of auth",
  "test/job/pipelineRules.test.ts": "a table of rules",
  "test/rhai/work.test.ts": "a table of all natives and operators",
  "test/support/SnowflakeServer.ts": "a server of the wire protocol"
}
