/** Words, times and widths of what is shown. */
import type { NodeStatus } from "./Model.ts"

export interface Look {
  readonly columns: number
  readonly rows: number
  /** Colours and emoji. */
  readonly rich: boolean
}

export const elapsed = (millis: number): string => {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  const minutes = Math.floor(millis / 60_000)
  const seconds = Math.floor((millis % 60_000) / 1000)
  return minutes < 60 ? `${minutes} min ${seconds} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A mark that says the state without colour too. */
export const markOf: Readonly<Record<NodeStatus | "cancelled", string>> = {
  running: "▶",
  completed: "✓",
  failed: "✗",
  skipped: "–",
  cancelled: "■"
}

const colours: Readonly<Record<NodeStatus | "cancelled", number>> = {
  running: 36,
  completed: 32,
  failed: 31,
  skipped: 90,
  cancelled: 33
}

export const coloured = (look: Look, status: NodeStatus | "cancelled", text: string): string =>
  look.rich ? `\u001b[${colours[status]}m${text}\u001b[0m` : text

export const dim = (look: Look, text: string): string => (look.rich ? `\u001b[2m${text}\u001b[0m` : text)

/** Columns that a text takes on a terminal: wide characters take two, marks none. */
export const widthOf = (text: string): number => {
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += widthOfCluster(segment)
  return width
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" })
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

const widthOfCluster = (cluster: string): number =>
  /^\p{M}+$/u.test(cluster) ? 0 : wide.test(cluster) ? 2 : 1

/** The text in so many columns, with an ellipsis where it is cut. Control characters become spaces. */
export const fitted = (text: string, columns: number): string => {
  const line = text.replaceAll(/\p{Cc}+/gu, " ")
  if (columns <= 0) return ""
  if (line.length < columns && widthOf(line) <= columns) return line
  let width = 0
  let kept = ""
  for (const { segment } of segmenter.segment(line)) {
    const more = widthOfCluster(segment)
    if (width + more > columns - 1) return widthOf(line) <= columns ? line : `${kept}…`
    width += more
    kept += segment
  }
  return line
}
