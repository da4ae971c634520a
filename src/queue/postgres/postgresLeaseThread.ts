/** The entry of the lease thread for PostgreSQL: extensions of one moment are one statement over a connection of its own. */
import { Client } from "pg"
import { shownUrl } from "../../domain/shownUrl.ts"
import { clientOptions } from "../../postgres/clientOptions.ts"
import { runLeaseThread } from "../leaseLoop.ts"
import { messageOf } from "../../domain/messageOf.ts"

export interface PostgresLeaseSettings {
  readonly url: string
  /** The connection's name at the server. */
  readonly name: string
}

interface Extension {
  readonly remote: { readonly id: string; readonly lease: string; readonly seconds: number }
  readonly done: (answer: void | "lost") => void
  readonly fail: (cause: unknown) => void
}

const statement = "SELECT o_position FROM worker_extend($1::bigint[], $2::uuid[], $3::double precision[])"

runLeaseThread((backend) => {
  // The worker of this process wrote it: `postgresLeases.ts` is the only place that starts this thread.
  const { name, url } = backend as PostgresLeaseSettings
  let client: Client | undefined
  let isClosed = false
  let waiting: Array<Extension> = []

  const connect = async (warn: (detail: string) => void): Promise<void> => {
    while (client === undefined && !isClosed) {
      const opened = new Client({
        ...clientOptions({ url, applicationName: name }),
        query_timeout: 15_000
      })
      // What runs on it gets the error by itself; a new one is opened in any case.
      const lost = () => {
        if (client !== opened) return
        client = undefined
        void connect(warn)
      }
      opened.on("error", lost)
      opened.on("end", lost)
      try {
        await opened.connect()
        client = opened
      } catch (cause) {
        warn(messageOf(cause))
        await new Promise((resume) => setTimeout(resume, 500))
      }
    }
  }

  const flush = async () => {
    const batch = waiting
    waiting = []
    try {
      if (client === undefined) throw new Error("the database is not connected")
      const { rows } = await client.query<{ o_position: string }>(statement, [
        batch.map(({ remote }) => remote.id),
        batch.map(({ remote }) => remote.lease),
        batch.map(({ remote }) => remote.seconds)
      ])
      const lost = new Set(rows.map((row) => Number(row.o_position) - 1))
      batch.forEach(({ done }, i) => done(lost.has(i) ? "lost" : undefined))
    } catch (cause) {
      for (const { fail } of batch) fail(cause)
      // A statement without an answer leaves the connection in a state that is not known.
      if (cause instanceof Error && cause.message === "Query read timeout")
        client?.end().catch(() => undefined)
    }
  }

  return {
    address: shownUrl(url),
    open: connect,
    extend: (remote) =>
      new Promise((done, fail) => {
        if (waiting.length === 0) setImmediate(() => void flush())
        waiting.push({ remote: remote as Extension["remote"], done, fail })
      }),
    close: async () => {
      isClosed = true
      await client?.end()
    }
  }
})
