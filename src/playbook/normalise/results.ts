/** `{{ step.result }}` of a shell step was its output: where no such key is, it is read as `{{ step.stdout }}`. */
import { isObject, type Json } from "../../domain/Json.ts"
import { type Rewriting } from "./Rewriting.ts"
import { listOf } from "../parts.ts"

export const shellResults = (steps: ReadonlyArray<Json>, rewriting: Rewriting): ReadonlyArray<Json> => {
  const names = steps.flatMap((step) =>
    isObject(step) && typeof step["step"] === "string" && isShell(step["tool"]) ? [step["step"]] : []
  )
  const known = names.filter((name) => /^\w+$/.test(name))
  if (known.length === 0) return steps
  const pattern = new RegExp(`\\b(${known.join("|")})\\.result\\b`, "g")
  return steps.map((step) => {
    if (!isObject(step)) return step
    const made = inTemplates(step, pattern, rewriting)
    if (made !== step)
      rewriting.report(
        "info",
        step,
        undefined,
        "the result of a shell step is read as its stdout",
        "write {{ STEP.stdout }}"
      )
    return made
  })
}

const isShell = (tool: Json | undefined): boolean => {
  if (isObject(tool)) return tool["kind"] === "shell"
  const tasks = listOf(tool)
  return tasks.length === 1 && isObject(tasks[0]) && tasks[0]["kind"] === "shell"
}

/** The same value, each template in it with the names of today. */
const inTemplates = (value: Json, pattern: RegExp, rewriting: Rewriting): Json => {
  if (typeof value === "string")
    return value.includes("{") || value.includes(".result") ? replacedIn(value, pattern) : value
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const items = (value as ReadonlyArray<Json>).map((item) => inTemplates(item, pattern, rewriting))
    return items.every((item, i) => item === (value as ReadonlyArray<Json>)[i])
      ? value
      : rewriting.derive(items, value)
  }
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(
    ([key, member]) =>
      [
        key,
        isBare(key, member)
          ? member.replaceAll(pattern, "$1.stdout")
          : inTemplates(member, pattern, rewriting)
      ] as const
  )
  return entries.every(([key, member]) => member === value[key])
    ? value
    : rewriting.derive(Object.fromEntries(entries), value)
}

/** A condition without braces is an expression as a whole. */
const isBare = (key: string, member: Json): member is string =>
  key === "when" && typeof member === "string" && !member.includes("{{")

const replacedIn = (text: string, pattern: RegExp): string =>
  text.replaceAll(/\{\{.*?\}\}|\{%.*?%\}/gs, (tag) => tag.replaceAll(pattern, "$1.stdout"))
