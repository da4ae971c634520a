/** When a condition holds: Jinja's truth, and text that says no is false. */
import { truthy, type Value } from "./values.ts"

const falseTexts: ReadonlySet<string> = new Set(["", "false", "0", "no", "none", "null", "off", "{}", "[]"])

export const holdsAsCondition = (value: Value): boolean =>
  typeof value === "string" ? !falseTexts.has(value.trim().toLowerCase()) : truthy(value)
