/** The trace that a statement belongs to, as a comment at its end (sqlcommenter): an operator finds it among the running queries. */
import { tokenAt } from "./tokens.ts"

/** The statement as it is where there is no trace, where the trace is none, and where a comment would not stay one. */
export const traced = (text: string, traceparent: string | undefined): string => {
  if (traceparent === undefined || !w3c.test(traceparent)) return text
  const { end, start } = lastOf(text)
  const isLine = text.startsWith("--", start) || text.startsWith("//", start)
  const said = `${text.slice(0, end)}${isLine ? "\n" : " "}/*traceparent='${traceparent}'*/`
  // A string or comment that is not closed would take it in.
  return tokenAt(said, start).end > end ? text : said + text.slice(end)
}

// --- helpers ---

const w3c = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The last token but for spaces and semicolons: what comes after a block's last semicolon would be a statement. */
const lastOf = (text: string): { readonly start: number; readonly end: number } => {
  let last = { start: 0, end: 0 }
  for (let at = 0; at < text.length;) {
    const { end, kind } = tokenAt(text, at)
    if (text.startsWith("//", at)) {
      // A line comment of Snowflake's.
      last = { start: at, end: lineEnd(text, at) }
    } else if (kind !== "space" && text[at] !== ";") last = { start: at, end }
    at = Math.max(end, last.end)
  }
  return last
}

const lineEnd = (text: string, start: number): number => {
  const end = text.indexOf("\n", start)
  return end === -1 ? text.length : end
}
