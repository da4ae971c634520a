/** Every string of a step that is a template can be read. */
import { isObject, type Json, type JsonObject } from "../../domain/Json.ts"
import { Fault, positionOf } from "../../template/Fault.ts"
import { isTemplate } from "../../template/lexer.ts"
import { parseBare, parseTemplate } from "../../template/parseTemplate.ts"
import type { Checking } from "./Check.ts"

export const checkTemplates = (value: JsonObject, checking: Checking): void => {
  for (const [key, member] of Object.entries(value)) check(member, value, key, checking)
}

const check = (value: Json, holder: object, member: string | number, checking: Checking): void => {
  if (typeof value === "string") checkText(value, holder, member, checking)
  else if (Array.isArray(value))
    (value as ReadonlyArray<Json>).forEach((item, index) => check(item, value, index, checking))
  else if (isObject(value)) checkTemplates(value, checking)
}

const checkText = (text: string, holder: object, member: string | number, { report }: Checking): void => {
  const bare = member === "when" && !isTemplate(text)
  if (!bare && !isTemplate(text)) return
  try {
    if (bare) parseBare(text)
    else parseTemplate(text)
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    const { column, line } = positionOf(text, cause.offset ?? 0)
    report(
      "error",
      holder,
      member,
      `the template cannot be read: ${cause.message} (line ${line}, column ${column} of it)`,
      "text with braces of another program goes between {% raw %} and {% endraw %}"
    )
  }
}
