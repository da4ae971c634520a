/** Seconds that a server asks to wait: a number, or a date seen against the server's own clock. Pure. */
export const retryAfterOf = (
  header: string | ReadonlyArray<string> | undefined,
  date: string | ReadonlyArray<string> | undefined
): number | undefined => {
  if (typeof header !== "string") return undefined
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Number(header)
  const at = Date.parse(header)
  // Without the server's clock the difference would be a guess.
  const now = typeof date === "string" ? Date.parse(date) : Number.NaN
  return Number.isFinite(at - now) ? Math.max(0, (at - now) / 1000) : undefined
}
