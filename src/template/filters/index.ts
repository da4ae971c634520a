/** Every filter. A new one is a function and a line in one of the lists. */
import type { Filter } from "../Engine.ts"
import { convertFilters } from "./convert.ts"
import { listFilters } from "./lists.ts"
import { textFilters } from "./text.ts"

export type FilterTable = ReadonlyMap<string, Filter>

/** `map("upper")` looks a filter up by its name, hence the function around the table. */
export const filters: FilterTable = new Map([
  ...textFilters,
  ...convertFilters,
  ...listFilters(() => filters)
])
