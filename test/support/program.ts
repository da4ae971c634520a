/** The program that tests start as a process, and how patient they are with it. */

/** The bundle that the run has built. */
export const program = process.env["NOETL_TEST_PROGRAM"] ?? "src/main.ts"

/** How long a test waits for what has to come, in milliseconds: far longer than it takes, so that a busy machine is no failure. */
export const patienceMillis = 80_000
