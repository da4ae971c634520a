/** What the database refused, as the queue's error: what it is, and what an operator can do. */
import type { DatabaseError } from "../../postgres/Database.ts"
import { Disconnected, QueueError, SettleFailed, StreamMissing } from "../MessageQueue.ts"

export const queueError = (error: DatabaseError): QueueError => {
  const { code, message } = error
  if (code === "NW001") return new QueueError({ reason: new StreamMissing({ detail: error.detail }) })
  const cure = code === undefined ? undefined : cures[code]
  const detail = cure === undefined ? message : `${message}; ${cure}`
  return new QueueError({
    reason: error.isRetryable
      ? new Disconnected({ detail })
      : cure === undefined
        ? new SettleFailed({ detail })
        : new StreamMissing({ detail })
  })
}

const cures: Readonly<Record<string, string>> = {
  "42P01": "the tables of jobs are not there: run noetl-worker queue migrate",
  "42883": "the functions of jobs are not there: run noetl-worker queue migrate",
  "42501": "the role lacks a right that docs/postgres-permissions.md lists",
  "25006": "the server is a replica that only reads: point DATABASE_URL at the primary",
  "53100": "the disk of the server is full: jobs wait until there is space",
  "53300": "the server has no connection left: lower database.max_connections or raise its max_connections",
  "28P01": "correct the user and the password in DATABASE_URL",
  "3D000": "correct the database in DATABASE_URL"
}
