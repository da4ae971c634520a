/** The journal's tables and statements. `outcomes` has the column names of earlier releases, so that their files open. */
import { chmodSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS outcomes (id TEXT PRIMARY KEY, command TEXT, ending TEXT, at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS outcomes_unreported ON outcomes (at) WHERE ending IS NOT NULL;
  CREATE TABLE IF NOT EXISTS begun (id TEXT PRIMARY KEY, times INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS waiting (id TEXT PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS unreadable (id TEXT PRIMARY KEY, command ANY, ending ANY, at INTEGER, reason TEXT NOT NULL) STRICT;
`

/** Results may be confidential: the folder and its files are readable by the worker's user alone. */
export const open = async (folder: string): Promise<DatabaseSync> => {
  const { DatabaseSync } = await import("node:sqlite")
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, "journal.sqlite")
  const db = new DatabaseSync(file)
  // The write-ahead log and its index take the mode of the database file when SQLite makes them.
  chmodSync(file, 0o600)
  db.exec(schema)
  for (const sibling of [`${file}-wal`, `${file}-shm`]) if (existsSync(sibling)) chmodSync(sibling, 0o600)
  return db
}

export const statementsOf = (db: DatabaseSync) => ({
  find: db.prepare(
    "SELECT id, command, ending, NULL AS unreadable FROM outcomes WHERE id = ?1 " +
      "UNION ALL SELECT id, NULL, NULL, reason FROM unreadable WHERE id = ?1 LIMIT 1"
  ),
  insert: db.prepare("INSERT OR REPLACE INTO outcomes (id, command, ending, at) VALUES (?, ?, ?, ?)"),
  forget: db.prepare("UPDATE outcomes SET command = NULL, ending = NULL WHERE id = ? AND ending IS NOT NULL"),
  unreported: db.prepare("SELECT id, command, ending FROM outcomes WHERE ending IS NOT NULL ORDER BY at, id"),
  unreportedIds: db.prepare("SELECT id FROM outcomes WHERE ending IS NOT NULL"),
  trim: db.prepare(
    "DELETE FROM outcomes WHERE ending IS NULL AND id NOT IN " +
      "(SELECT id FROM outcomes WHERE ending IS NULL ORDER BY at DESC LIMIT ?)"
  ),
  countStart: db.prepare(
    "INSERT INTO begun (id, times, at) VALUES (?, 1, ?) ON CONFLICT (id) DO UPDATE SET times = times + 1 RETURNING times"
  ),
  endStarts: db.prepare("DELETE FROM begun WHERE id = ?"),
  recordWaiting: db.prepare("INSERT OR REPLACE INTO waiting (id, body, at) VALUES (?, ?, ?)"),
  waiting: db.prepare("SELECT id, body FROM waiting ORDER BY at"),
  endWait: db.prepare("DELETE FROM waiting WHERE id = ?"),
  setAside: db.prepare(
    "INSERT OR REPLACE INTO unreadable (id, command, ending, at, reason) " +
      "SELECT id, command, ending, at, ?1 FROM outcomes WHERE id = ?2"
  ),
  remove: db.prepare("DELETE FROM outcomes WHERE id = ?")
})
