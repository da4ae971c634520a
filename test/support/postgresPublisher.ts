/** Publishes texts as jobs of PostgreSQL, whose payload they are. */
import { Effect, Layer } from "effect"
import type { Database } from "../../src/postgres/Database.ts"
import { Publisher } from "../../src/testing/suites/QueueSuite.ts"
import { rows } from "./PostgresJobs.ts"

export const postgresPublisher = Layer.effect(
  Publisher,
  Effect.map(Effect.context<Database>(), (context) => {
    const run = Effect.provideContext(context)
    return Publisher.of({
      publish: (body) =>
        run(rows("SELECT worker_enqueue('default', 'text', to_jsonb($1::text))", [body])).pipe(Effect.asVoid),
      read: (body) => String((JSON.parse(body) as { readonly payload: unknown }).payload),
      deadLetters: run(
        Effect.map(
          rows("SELECT payload #>> '{}' AS body, error FROM worker_jobs WHERE status = 'failed' ORDER BY id"),
          (letters) =>
            letters.map(({ body, error }) => {
              const note = error as { message: string; attempts: number; at: string; worker: string }
              return { ...note, reason: note.message, body: String(body) }
            })
        )
      )
    })
  })
)
