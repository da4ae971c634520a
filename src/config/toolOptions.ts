/** Values of the configuration → the options of the tools. */
import { Layer } from "effect"
import { resolve } from "node:path"
import { BreakerOptions, defaults as breakerDefaults } from "../tools/breaker/BreakerOptions.ts"
import * as Duckdb from "../tools/duckdb/DuckdbOptions.ts"
import { defaults as httpDefaults, SafeHttpOptions } from "../tools/http/SafeHttpOptions.ts"
import { development, EgressOptions, production } from "../tools/http/Egress.ts"
import { defaults as postgresDefaults, PostgresOptions } from "../tools/postgres/PostgresOptions.ts"
import { defaults as processDefaults, ProcessOptions } from "../tools/process/ProcessOptions.ts"
import { defaults as pythonDefaults, PythonOptions } from "../tools/python/PythonOptions.ts"
import type { SafetyOptions } from "../tools/SafetyOptions.ts"
import type { Values } from "./settings.ts"

const duckdbOptions = (values: Values) => {
  const known = Duckdb.defaults()
  return Layer.succeed(Duckdb.DuckdbOptions, {
    ...known,
    dataDir: values.dataDir === undefined ? undefined : resolve(values.dataDir),
    allowedDirectories:
      values.duckdbAllow?.map((one) => (one.includes("://") ? one : resolve(one))) ??
      known.allowedDirectories,
    extensions: values.duckdbExtensions ?? known.extensions,
    externalAccess: values.duckdbExternalAccess,
    ...(values.duckdbMemory === undefined ? {} : { memoryBytes: values.duckdbMemory * 1024 * 1024 })
  })
}

export const toolOptions = (values: Values): Layer.Layer<SafetyOptions> =>
  Layer.mergeAll(
    Layer.succeed(EgressOptions, {
      ...(values.egress === "production" ? production([]) : development),
      allow: [...(values.egress === "production" ? [] : development.allow), ...values.egressAllow],
      deny: values.egressDeny,
      ownPorts: values.healthPort === 0 ? [] : [values.healthPort]
    }),
    Layer.succeed(SafeHttpOptions, {
      ...httpDefaults,
      proxy: { http: values.httpProxy, https: values.httpsProxy, no: values.noProxy },
      http2: values.http2,
      filesRoot: values.filesRoot
    }),
    duckdbOptions(values),
    Layer.succeed(PostgresOptions, {
      ...postgresDefaults,
      poolSize: values.postgresPoolSize,
      maxWaiting: values.postgresMaxWaiting,
      connectTimeout: values.postgresConnectTimeout,
      idle: values.postgresIdle,
      lifetime: values.postgresLifetime,
      filesRoot: values.filesRoot
    }),
    Layer.succeed(ProcessOptions, {
      ...processDefaults,
      environment: process.env,
      passEnv: values.passEnv,
      users: values.toolUsers,
      limits: {
        memoryBytes: bytesOf(values.childMemory),
        cpuSeconds: values.childCpu,
        fileBytes: bytesOf(values.childFile)
      }
    }),
    Layer.succeed(PythonOptions, {
      ...pythonDefaults,
      interpreter: values.pythonPath,
      warm: values.pythonWarm
    }),
    Layer.succeed(BreakerOptions, {
      ...breakerDefaults,
      failures: values.breakerFailures,
      open: values.breakerOpen,
      longest: values.breakerLongest
    })
  )

const bytesOf = (megabytes: number | undefined): number | undefined =>
  megabytes === undefined ? undefined : megabytes * 1024 * 1024
