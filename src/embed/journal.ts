/** The journals: in memory, and in a folder that outlives the process. */
export { type Entry, Journal, JournalError } from "../journal/Journal.ts"
export * as SqliteJournal from "../journal/SqliteJournal.ts"
