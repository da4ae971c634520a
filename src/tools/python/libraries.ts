/** `libs` as imports that run before a program, without moving its line numbers. Pure. */
import { isObject, type Json } from "../../domain/Json.ts"

export interface Library {
  /** As an error names it. */
  readonly name: string
  /** Any of these makes it installed. */
  readonly modules: ReadonlyArray<string>
  /** The package's name, for lists that give no module. */
  readonly distribution?: string
  /** Absent: it must be there, and the program imports it itself. */
  readonly statement?: string
}

/** What is wrong, by its key. */
export interface LibraryProblem {
  readonly at: string
  readonly problem: string
}

/** A map of alias → module or {from, import}; a list of names is a wish that they are installed. */
export const librariesOf = (libs: Json | undefined): ReadonlyArray<Library | LibraryProblem> => {
  if (libs === undefined || libs === null) return []
  if (Array.isArray(libs)) return libs.map((item: Json, at) => listed(item, `libs.${at}`))
  if (isObject(libs))
    return Object.entries(libs).flatMap(([alias, value]) => imported(alias, value, `libs.${alias}`))
  return [{ at: "libs", problem: "Expected an object or a list" }]
}

export const isProblem = (item: Library | LibraryProblem): item is LibraryProblem => "problem" in item

// --- helpers ---

const dotted = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/
const simple = /^[A-Za-z_]\w*$/

const listed = (item: Json, at: string): Library | LibraryProblem => {
  const distribution = typeof item === "string" ? /^\s*([A-Za-z0-9._-]+)/.exec(item)?.[1] : undefined
  if (distribution === undefined) return { at, problem: "Expected the name of a package" }
  const module = distribution.replace(/-(binary|python)$/, "").replaceAll("-", "_")
  return { name: distribution, distribution, modules: dotted.test(module) ? [module] : [] }
}

const imported = (alias: string, value: Json, at: string): ReadonlyArray<Library | LibraryProblem> => {
  if (!dotted.test(alias)) return [{ at, problem: "not a Python name" }]
  if (value === null || typeof value === "string") {
    const module = value === null || value === "" ? alias : value
    if (!dotted.test(module)) return [{ at, problem: `not a Python module: ${module}` }]
    const as = alias === module ? "" : ` as ${alias}`
    if (as !== "" && !simple.test(alias)) return [{ at, problem: "not a Python name" }]
    return [{ name: module, modules: [module], statement: `import ${module}${as}` }]
  }
  const from = isObject(value) ? value["from"] : undefined
  const names = isObject(value) ? value["import"] : undefined
  if (typeof from !== "string" || !dotted.test(from))
    return [{ at, problem: "Expected {from: module, import: name}" }]
  const list = Array.isArray(names) ? names : [names]
  if (
    !list.every((name: Json | undefined): name is string => typeof name === "string" && simple.test(name))
  ) {
    return [{ at, problem: "Expected {from: module, import: name}" }]
  }
  // Several names keep their own; a single one gets the alias.
  const as = list.length === 1 && list[0] !== alias && simple.test(alias) ? ` as ${alias}` : ""
  return [{ name: from, modules: [from], statement: `from ${from} import ${list.join(", ")}${as}` }]
}
