/**
 * Databases of executions that were closed to make place for others. Their files stay as long as those of databases that
 * no command uses, so that the execution's next step finds its tables.
 */
import { Duration } from "effect"
import { rmSync } from "node:fs"
import { dirname } from "node:path"
import type { DuckdbSettings } from "./DuckdbOptions.ts"
import { isExecution, type Scratch } from "./openDatabase.ts"

export class Parked {
  private readonly settings: DuckdbSettings
  private readonly scratch: Scratch
  /** Until when a file is kept, the oldest first. */
  private readonly until = new Map<string, number>()

  constructor(settings: DuckdbSettings, scratch: Scratch) {
    this.settings = settings
    this.scratch = scratch
  }

  /** Told before the database is closed. */
  readonly add = (path: string): void => {
    if (isExecution(this.settings, this.scratch, path)) this.until.set(path, Infinity)
  }

  /** Told when it is open again. */
  readonly opened = (path: string): void => {
    this.until.delete(path)
  }

  /** Told when it was closed: its file goes now or later. */
  readonly closed = (path: string, now: number): void => {
    if (this.settings.dataDir !== undefined || !isExecution(this.settings, this.scratch, path)) return
    if (this.until.has(path)) this.until.set(path, now + Duration.toMillis(this.settings.keepExecutions))
    else remove(path)
    for (const [old, until] of this.until) {
      if (until > now) continue
      this.until.delete(old)
      remove(old)
    }
  }
}

const remove = (path: string): void => rmSync(dirname(path), { recursive: true, force: true })
