/** Durations as authors write them. */
import { isObject, type Json } from "../domain/Json.ts"

const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** `30`, `"30"`, `"30s"`, `"5m"`, `"1h30m"`, `{total: 30}` in seconds; undefined for anything else. */
export const secondsOf = (written: Json | undefined): number | undefined => {
  if (typeof written === "number") return written > 0 ? written : undefined
  if (isObject(written)) return secondsOf(written["total"])
  if (typeof written !== "string") return undefined
  const text = written.trim().toLowerCase()
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) > 0 ? Number(text) : undefined
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)[a-z]*\s*/g)]
  if (parts.map(([whole]) => whole).join("") !== text || parts.length === 0) return undefined
  return parts.reduce((sum, [, amount = "0", unit = "s"]) => sum + Number(amount) * (units[unit] ?? 1), 0)
}
