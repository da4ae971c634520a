/** The few methods of Python's values that playbooks call. They are names known here; nothing is looked up on a value. */
import { argument, type Args, type Engine, given, numberArgument } from "./Engine.ts"
import { evaluation } from "./Fault.ts"
import { filters } from "./filters/index.ts"
import { splitOf, stripOf } from "./filters/text.ts"
import { isMapping, kindOf, textOf, type Value } from "./values.ts"

export const methods = (engine: Engine, target: Value, name: string, args: Args): Value => {
  // Chainable: a method of nothing is nothing.
  if (target === undefined) return undefined
  const method =
    typeof target === "string"
      ? textMethods.get(name)
      : isMapping(target)
        ? mappingMethods.get(name)
        : undefined
  if (method !== undefined) return method(engine, target, args)
  throw evaluation(`${kindOf(target)} has no method '${name}'`)
}

type Method = (engine: Engine, target: Value, args: Args) => Value

const asFilter =
  (name: string): Method =>
  (engine, target, args) => {
    const filter = filters.get(name)
    if (filter === undefined) throw evaluation(`unknown filter '${name}'`)
    return filter(engine, target, args)
  }

const strip =
  (left: boolean, right: boolean): Method =>
  (engine, target, args) => {
    const text = textOf(engine.budget, target)
    engine.budget.text(text.length)
    const characters = argument(args, 0, "chars")
    if (typeof characters === "string") return stripOf(text, characters, left, right)
    return left && right ? text.trim() : left ? text.trimStart() : text.trimEnd()
  }

const affix =
  (how: "startsWith" | "endsWith"): Method =>
  (engine, target, args) => {
    const other = argument(args, 0, "prefix")
    const options = Array.isArray(other) ? other : [other]
    return options.some((one) => typeof one === "string" && textOf(engine.budget, target)[how](one))
  }

const split: Method = (engine, target, args) => {
  const text = textOf(engine.budget, target)
  engine.budget.items(text.length)
  const separator = argument(args, 0, "sep")
  const most = numberArgument(args, 1, "maxsplit", -1)
  return splitOf(text, typeof separator === "string" ? separator : undefined, most)
}

const find: Method = (engine, target, args) => {
  const text = textOf(engine.budget, target)
  engine.budget.characters(text.length)
  const other = argument(args, 0, "sub")
  return typeof other === "string" ? text.indexOf(other) : -1
}

/** `", ".join(list)`: the receiver is the separator. */
const join: Method = (engine, target, args) =>
  asFilter("join")(engine, argument(args, 0, "iterable"), { positional: [target], named: new Map() })

const matches =
  (pattern: RegExp): Method =>
  (engine, target) => {
    const text = textOf(engine.budget, target)
    engine.budget.characters(text.length)
    return pattern.test(text)
  }

const textMethods: ReadonlyMap<string, Method> = new Map([
  ...["upper", "lower", "capitalize", "title", "replace"].map((name) => [name, asFilter(name)] as const),
  ["strip", strip(true, true)],
  ["lstrip", strip(true, false)],
  ["rstrip", strip(false, true)],
  ["startswith", affix("startsWith")],
  ["endswith", affix("endsWith")],
  ["split", split],
  ["join", join],
  ["find", find],
  ["isdigit", matches(/^\d+$/)],
  ["isalpha", matches(/^\p{L}+$/u)],
  ["isalnum", matches(/^[\p{L}\p{N}]+$/u)]
])

const get: Method = (engine, target, args) => {
  const found = asFilter("get")(engine, target, { positional: args.positional.slice(0, 1), named: new Map() })
  if (found !== undefined) return found
  return given(args, 1, "default") ? argument(args, 1, "default") : null
}

const mappingMethods: ReadonlyMap<string, Method> = new Map([
  ["get", get],
  ["keys", asFilter("keys")],
  ["values", asFilter("values")],
  ["items", asFilter("items")]
])
