/** Ids of runs: the time, and chance behind it, as decimal text. */

const epoch = 1_700_000_000_000

/** `at` in milliseconds since 1970, `chance` from 0 to 1. */
export const newExecutionId = (at: number, chance: number): string =>
  String((BigInt(Math.max(0, at - epoch)) << 22n) | BigInt(Math.floor(chance * 0x3f_ffff)))
