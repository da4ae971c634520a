/** Effect's SQL client over one connection of `pg`: enough of a driver for transactions. */
import { Effect, Layer, Semaphore, Stream } from "effect"
import { SqlClient, SqlConnection, SqlError, Statement } from "effect/sql"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { Client } from "pg"
import { Database } from "../../src/postgres/Database.ts"

export const pgSql = Layer.effect(
  SqlClient.SqlClient,
  Effect.gen(function* () {
    const client = yield* Effect.flatMap(Database, ({ connection }) => Effect.orDie(connection))
    const one = yield* Semaphore.make(1)
    const connection = connectionOf(client)
    const acquirer = Effect.as(
      Effect.acquireRelease(one.take(1), () => one.release(1)),
      connection
    )
    return yield* SqlClient.make({
      acquirer,
      compiler: Statement.makeCompiler({
        dialect: "pg",
        placeholder: (index: number) => `$${index}`,
        onIdentifier: (name: string) => `"${name}"`,
        onCustom: () => ["", []],
        onRecordUpdate: () => ["", []]
      } as never),
      driver: "test",
      spanAttributes: []
    })
  })
).pipe(Layer.provide(Reactivity.layer))

const connectionOf = (client: Client): SqlConnection.Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>) =>
    Effect.tryPromise({
      try: async () => (await client.query(sql, [...params])).rows as unknown as ReadonlyArray<never>,
      catch: (cause) =>
        new SqlError.SqlError({
          reason: new SqlError.UnknownError({ cause, message: String(cause) })
        })
    })
  return {
    execute: run,
    executeRaw: run,
    executeUnprepared: run,
    executeValues: run,
    executeValuesUnprepared: run,
    executeStream: () => Stream.die(new Error("no test streams"))
  }
}
