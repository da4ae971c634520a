import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { globSync, readFileSync } from "node:fs"
import { load, type Sources } from "../../src/config/load.ts"
import { settings } from "../../src/config/settings.ts"

const from = (sources: Partial<Sources>) =>
  load({ flags: new Map(), env: {}, dotenv: undefined, file: undefined, ...sources })
const values = (sources: Partial<Sources>) => Result.getOrThrow(from(sources)).values
const problems = (sources: Partial<Sources>) => {
  const loaded = from(sources)
  return Result.isFailure(loaded) ? loaded.failure.problems : []
}

/** Names and defaults that the source documents give. */
const documented: ReadonlyArray<readonly [string, keyof typeof settings, unknown]> = [
  ["WORKER_POOL_NAME", "pool", "default"],
  ["NOETL_SERVER_URL", "serverUrl", "http://localhost:8082"],
  ["NATS_URL", "natsUrl", "nats://localhost:4222"],
  ["WORKER_HEARTBEAT_INTERVAL", "heartbeat", Duration.seconds(15)],
  ["WORKER_MAX_CONCURRENT", "concurrency", 4],
  ["WORKER_CONCURRENCY", "concurrency", 4],
  ["WORKER_SHUTDOWN_TIMEOUT_SECONDS", "drain", Duration.seconds(30)],
  ["HEALTH_PORT", "healthPort", 9090],
  ["ENABLE_METRICS", "metrics", true],
  ["NATS_CONSUMER", "natsConsumer", undefined],
  ["WORKER_ID", "workerId", undefined]
]

describe("Configuration", () => {
  it.each(documented)("%s is a name of a setting with the documented default", (name, key, expected) => {
    assert.include(settings[key].env as ReadonlyArray<string>, name)
    assert.deepStrictEqual(values({})[key], expected)
  })

  it("flags win over the environment, the environment over .env, .env over the file, the file over defaults", () => {
    const flags = new Map([["concurrency", "1"]])
    const env = { WORKER_MAX_CONCURRENT: "2" }
    const dotenv = { path: ".env", text: "WORKER_MAX_CONCURRENT=3" }
    const file = { path: "worker.toml", text: "[worker]\nconcurrency = 5" }
    assert.strictEqual(values({ flags, env, dotenv, file }).concurrency, 1)
    assert.strictEqual(values({ env, dotenv, file }).concurrency, 2)
    assert.strictEqual(values({ dotenv, file }).concurrency, 3)
    assert.strictEqual(values({ file }).concurrency, 5)
    assert.strictEqual(values({}).concurrency, 4)
  })

  it("says all that is wrong at once, each with its place and what it should be", () => {
    const said = problems({
      env: { HEALTH_PORT: "99999", WORKER_QUEUE: "kafka", NATS_URL: "not a url" },
      file: { path: "worker.toml", text: '# mine\n[worker]\nname = "x"\nheartbeat_interval_seconds = "soon"' }
    })
    assert.strictEqual(said.length, 4)
    for (const part of [
      'HEALTH_PORT: "99999" is not in this range; expected an integer from 0 to 65535',
      'WORKER_QUEUE: "kafka" is none of these; expected nats | postgres | memory',
      "NATS_URL:",
      'worker.toml:4: worker.heartbeat_interval_seconds: "soon" is no time'
    ]) {
      assert.include(said.join("\n"), part)
    }
  })

  it("points at the line where a file does not read", () => {
    assert.match(problems({ file: { path: "w.toml", text: "[worker\nx" } })[0] ?? "", /^w\.toml: /)
  })

  it("suggests what an unknown name of ours may have meant, and leaves Kubernetes' names alone", () => {
    const { warnings } = Result.getOrThrow(
      from({
        env: {
          WORKER_MAX_CONCURENT: "3",
          NATS_PORT: "tcp://10.0.0.1:4222",
          NATS_SERVICE_HOST: "10.0.0.1",
          NATS_PORT_4222_TCP: "x"
        }
      })
    )
    assert.deepStrictEqual(warnings, [
      "the variable WORKER_MAX_CONCURENT is not known; did you mean WORKER_MAX_CONCURRENT?"
    ])
  })

  it.each([
    ["15", Duration.seconds(15)],
    ["500ms", Duration.millis(500)],
    ["2m", Duration.minutes(2)],
    ["1.5", Duration.millis(1500)]
  ])("reads %s as a time", (text, expected) => {
    assert.deepStrictEqual(values({ env: { WORKER_HEARTBEAT_INTERVAL: text } }).heartbeat, expected)
  })

  it("never shows a secret, right or wrong", () => {
    const said = JSON.stringify(from({ env: { NATS_PASSWORD: "hunter2hunter2", HEALTH_PORT: "x" } }))
    assert.notInclude(said, "hunter2hunter2")
  })

  it("every setting has a canonical name of its own, and no name means two", () => {
    const names = Object.values(settings).flatMap(({ env }) => env as ReadonlyArray<string>)
    assert.strictEqual(new Set(names).size, names.length)
  })

  it("every setting has a reader", () => {
    const readers = globSync("src/{config,cli,doctor}/*.ts")
      .filter((file) => !file.endsWith("settings.ts"))
      .map((file) => readFileSync(file, "utf8"))
      .join("\n")
    const unread = Object.keys(settings).filter(
      (name) => !new RegExp(`\\bvalues\\.${name}\\b|\\{[^{}]*\\b${name}\\b[^{}]*\\}: Values\\b`).test(readers)
    )
    assert.deepStrictEqual(unread, [])
  })

  it("takes the environment of NoETL's Python workers without a warning, and says in one line what means nothing", () => {
    const {
      notes,
      values: read,
      warnings
    } = Result.getOrThrow(
      from({
        env: {
          NOETL_WORKER_MAX_INFLIGHT_COMMANDS: "8",
          NOETL_WORKER_MAX_INFLIGHT_DB_COMMANDS: "3",
          NOETL_LOG_FORMAT: "json",
          NOETL_LOG_LEVEL: "debug",
          NOETL_WORKER_NATS_FETCH_TIMEOUT_SECONDS: "10",
          NOETL_WORKER_NATS_MAX_ACK_PENDING: "128",
          NOETL_WORKER_NATS_MAX_DELIVER: "50",
          NOETL_POSTGRES_POOL_MAX_SIZE: "9",
          NOETL_POSTGRES_POOL_TIMEOUT_SECONDS: "4",
          NOETL_DISABLE_METRICS: "true",
          NOETL_PREVIEW_MAX_BYTES: "2048",
          NOETL_WORKER_POOL_RUNTIME: "cpu",
          NOETL_WORKER_METRICS_INTERVAL: "60",
          NOETL_USER: "noetl",
          NOETL_SCHEMA: "noetl"
        }
      })
    )
    assert.deepStrictEqual(warnings, [])
    assert.deepStrictEqual(notes, [
      "4 variables of NoETL's own servers and workers have no meaning here: " +
        "NOETL_SCHEMA, NOETL_USER, NOETL_WORKER_METRICS_INTERVAL, NOETL_WORKER_POOL_RUNTIME"
    ])
    assert.deepStrictEqual(
      [
        read.concurrency,
        read.databaseLimit,
        read.logFormat,
        read.logLevel,
        read.natsMaxAckPending,
        read.natsMaxDeliver
      ],
      [8, 3, "json", "debug", 128, 50]
    )
    assert.deepStrictEqual(
      [
        read.natsPullExpires,
        read.postgresPoolSize,
        read.postgresConnectTimeout,
        read.disableMetrics,
        read.resultPreview
      ],
      [Duration.seconds(10), 9, Duration.seconds(4), true, 2048]
    )
  })

  it("N3: reads the file of nebula-worker, with its queues", () => {
    const text = `[worker]
concurrency = 8
poll_interval_ms = 100
heartbeat_interval_seconds = 30
shutdown_timeout_seconds = 30

[queue]
batch_size = 12
visibility_timeout_seconds = 200
max_retries = 5

[database]
url = "postgres://localhost/nebula"
max_connections = 21

[health]
port = 9091
check_interval_seconds = 11

[[queues]]
name = "mail"
concurrency = 2
weight = 3

[[queues]]
name = "reports"
`
    const loaded = Result.getOrThrow(
      load({
        flags: new Map(),
        env: { WORKER_CONCURRENCY: "9" },
        dotenv: undefined,
        file: { path: "worker.toml", text }
      })
    )
    assert.deepStrictEqual(loaded.warnings, [])
    const { values } = loaded
    assert.deepStrictEqual(
      [
        values.concurrency,
        values.batchSize,
        values.maxRetries,
        values.databaseUrl,
        values.databaseConnections
      ],
      [9, 12, 5, "postgres://localhost/nebula", 21]
    )
    assert.deepStrictEqual(
      [values.pollInterval, values.visibilityTimeout, values.healthCheck].map((one) =>
        Duration.toMillis(one)
      ),
      [100, 200_000, 11_000]
    )
    assert.deepStrictEqual(values.queues, [
      { name: "mail", concurrency: 2, weight: 3 },
      { name: "reports", concurrency: undefined, weight: 1 }
    ])
  })
})
