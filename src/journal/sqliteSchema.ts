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
  CREATE TABLE IF NOT EXISTS starts (id TEXT PRIMARY KEY, running INTEGER NOT NULL, alone INTEGER NOT NULL, among_others INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS waiting (id TEXT PRIMARY KEY, body TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS unreadable (id TEXT PRIMARY KEY, command ANY, ending ANY, at INTEGER, reason TEXT NOT NULL) STRICT;
`

/** A command that waits for its turn to run alone, one that runs, and one that runs alone. */
const waits = 0
const runs = 1
const runsAlone = 2

/**
 * What ran when the process before died. One that ran alone is the cause, whatever waited meanwhile; so is the only one that ran.
 * Of several, any may be.
 */
const chargeDeath = `
  CREATE TEMP TABLE death AS SELECT
    (SELECT count(*) FROM starts WHERE running = ${runsAlone}) AS isolated,
    (SELECT count(*) FROM starts WHERE running = ${runs}) AS ordinary;
  UPDATE starts SET running = ${waits},
    alone = alone + (running = ${runsAlone} OR (SELECT isolated = 0 AND ordinary = 1 FROM death)),
    among_others = among_others + (SELECT isolated = 0 AND ordinary > 1 FROM death)
  WHERE running <> ${waits};
  DROP TABLE death;
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
  db.exec(chargeDeath)
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
    `INSERT INTO starts (id, running, alone, among_others, at) VALUES (?, ${runs}, 0, 0, ?)
      ON CONFLICT (id) DO UPDATE SET at = excluded.at,
        running = CASE WHEN alone + among_others = 0 THEN ${runs} ELSE ${waits} END
      RETURNING alone, among_others`
  ),
  startAlone: db.prepare(`UPDATE starts SET running = ${runsAlone} WHERE id = ?`),
  endStarts: db.prepare("DELETE FROM starts WHERE id = ?"),
  recordWaiting: db.prepare("INSERT OR REPLACE INTO waiting (id, body, at) VALUES (?, ?, ?)"),
  waiting: db.prepare("SELECT id, body FROM waiting ORDER BY at"),
  endWait: db.prepare("DELETE FROM waiting WHERE id = ?"),
  setAside: db.prepare(
    "INSERT OR REPLACE INTO unreadable (id, command, ending, at, reason) " +
      "SELECT id, command, ending, at, ?1 FROM outcomes WHERE id = ?2"
  ),
  remove: db.prepare("DELETE FROM outcomes WHERE id = ?")
})
