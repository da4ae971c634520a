/** PostgreSQL's text form of arrays, both ways: `{1,NULL,"a b"}`, nested, with or without bounds. */
import * as Json from "../../domain/Json.ts"

/** A reader of arrays whose elements `element` reads. */
export const arrayOf =
  (element: (text: string) => Json.Json, delimiter: string) =>
  (text: string): Json.Json => {
    // `[0:2]={…}`: bounds other than from 1 stand before the values.
    const start = text.startsWith("[") ? text.indexOf("=") + 1 : 0
    return new Reader(text, start, delimiter, element).array()
  }

/** A list as an array literal; its members are text to the server, which knows the element's type. */
export const literalOf = (list: ReadonlyArray<Json.Json>): string => `{${list.map(memberOf).join(",")}}`

// --- helpers ---

const memberOf = (value: Json.Json): string => {
  if (value === null) return "NULL"
  if (Array.isArray(value)) return literalOf(value as ReadonlyArray<Json.Json>)
  const text = typeof value === "object" ? Json.stringify(value) : String(value)
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
}

class Reader {
  private readonly text: string
  private at: number
  private readonly delimiter: string
  private readonly element: (text: string) => Json.Json

  constructor(text: string, at: number, delimiter: string, element: (text: string) => Json.Json) {
    this.text = text
    this.at = at
    this.delimiter = delimiter
    this.element = element
  }

  array(): ReadonlyArray<Json.Json> {
    const members: Array<Json.Json> = []
    this.at++
    while (this.at < this.text.length && this.text[this.at] !== "}") {
      members.push(this.member())
      if (this.text[this.at] === this.delimiter) this.at++
    }
    this.at++
    return members
  }

  private member(): Json.Json {
    const c = this.text[this.at]
    if (c === "{") return this.array()
    if (c === '"') return this.element(this.quoted())
    const start = this.at
    while (this.at < this.text.length && !this.isEnd(this.text[this.at])) this.at++
    const text = this.text.slice(start, this.at)
    return text === "NULL" ? null : this.element(text)
  }

  private isEnd(c: string | undefined): boolean {
    return c === this.delimiter || c === "}"
  }

  private quoted(): string {
    let value = ""
    for (this.at++; this.at < this.text.length && this.text[this.at] !== '"'; this.at++) {
      if (this.text[this.at] === "\\") this.at++
      value += this.text[this.at]
    }
    this.at++
    return value
  }
}
