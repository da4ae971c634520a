/** Works out expressions over plain data. It has no way to the host: names, own members and the engine's functions are all there is. */
import { type Json, type JsonObject, numberOf, plainTextOf } from "../domain/Json.ts"
import type { Arguments, Comparison, Expression } from "./ast.ts"
import { arithmetic, negative } from "./arithmetic.ts"
import type { Args, Engine } from "./Engine.ts"
import { evaluation, Fault } from "./Fault.ts"
import { filters } from "./filters/index.ts"
import { functions } from "./functions.ts"
import { methods } from "./methods.ts"
import { predicates } from "./predicates.ts"
import { contains, equals, isList, isMapping, kindOf, memberOf, order, truthy, type Value } from "./values.ts"
import { childOf, type Frame, localOf, plainNames, variableOf } from "./Variables.ts"

/** A path whose text has more than one spelling: comparing it with any of them is true when one of them holds. */
export interface Synonyms {
  readonly path: readonly [string, string]
  readonly spellings: ReadonlyArray<string>
}

export interface Setting {
  readonly engine: Engine
  readonly layers: ReadonlyArray<JsonObject>
  readonly synonyms: ReadonlyArray<Synonyms>
  /** Reserved names whose `.data` is nevertheless the value itself where it has no such member. */
  readonly views: ReadonlySet<string>
}

export const evaluate = (setting: Setting, frame: Frame, expression: Expression): Value => {
  setting.engine.budget.step()
  try {
    return valueOf(setting, frame, expression)
  } catch (error) {
    throw error instanceof Fault ? error.at(expression.at) : error
  }
}

export const rootFrame = (): Frame => childOf(undefined)

const valueOf = (setting: Setting, frame: Frame, node: Expression): Value => {
  const { engine } = setting
  const at = (child: Expression): Value => evaluate(setting, frame, child)
  switch (node.type) {
    case "Literal":
      return node.value
    case "Name":
      return nameOf(setting, frame, node.name)
    case "Attribute":
      return attributeOf(setting, frame, node)
    case "Item":
      return itemOf(engine, at(node.target), at(node.index))
    case "Slice":
      return sliceOf(
        engine,
        at(node.target),
        node.start && at(node.start),
        node.stop && at(node.stop),
        node.step && at(node.step)
      )
    case "List":
      return node.items.map((item) => at(item) ?? null)
    case "Dict":
      return Object.fromEntries(node.entries.map(([key, value]) => [keyOf(at(key)), at(value) ?? null]))
    case "Not":
      return !truthy(at(node.operand))
    case "Negative":
      return negative(at(node.operand))
    case "Logic": {
      const left = at(node.left)
      return truthy(left) === (node.op === "or") ? left : at(node.right)
    }
    case "Arithmetic":
      return arithmetic(engine.budget, node.op, at(node.left), at(node.right), engine.literals)
    case "Compare":
      return compareOf(setting, frame, node.left, node.rest)
    case "Conditional":
      if (truthy(at(node.test))) return at(node.then)
      return node.otherwise === undefined ? undefined : at(node.otherwise)
    case "Filter":
      return filterOf(node.name)(engine, at(node.target), argsOf(setting, frame, node.args))
    case "Test":
      return testOf(setting, frame, node) !== node.negated
    case "Call":
      return functionOf(node.name)(engine, argsOf(setting, frame, node.args))
    case "Method":
      return methods(engine, at(node.target), node.name, argsOf(setting, frame, node.args))
  }
}

// The parser refuses unknown names, so a miss here is a bug of ours.
const found = <A>(table: ReadonlyMap<string, A>, name: string): A => {
  const entry = table.get(name)
  if (entry === undefined) throw evaluation(`unknown name '${name}'`)
  return entry
}
const filterOf = (name: string) => found(filters, name)
const functionOf = (name: string) => found(functions, name)

const argsOf = (setting: Setting, frame: Frame, args: Arguments): Args => ({
  positional: args.positional.map((argument) => evaluate(setting, frame, argument)),
  named: new Map(args.named.map(([name, argument]) => [name, evaluate(setting, frame, argument)]))
})

const keyOf = (value: Value): string => {
  const text = plainTextOf(value)
  if (text === undefined) throw evaluation(`${kindOf(value)} is no key of a mapping`)
  return text
}

// --- names and members ---

const nameOf = (setting: Setting, frame: Frame, name: string): Value => {
  const local = localOf(frame, name)
  return local === undefined ? variableOf(setting.layers, name) : local.values.get(name)
}

const attributeOf = (
  setting: Setting,
  frame: Frame,
  node: Extract<Expression, { type: "Attribute" }>
): Value => {
  if (isKeychain(setting, frame, node.target)) {
    return setting.engine.demand({ type: "keychain", name: node.name })
  }
  const target = evaluate(setting, frame, node.target)
  const member = fieldOf(setting.engine, target, node.name)
  if (member !== undefined || !isSelf(setting, frame, node)) return member
  if (!isMapping(target) || Object.hasOwn(target, node.name)) return undefined
  return isReference(target) ? setting.engine.demand({ type: "reference", holder: target }) : target
}

/** `keychain.x` is fetched when it is read, unless the server sent a keychain along. */
const isKeychain = (setting: Setting, frame: Frame, node: Expression): boolean =>
  node.type === "Name" && node.name === "keychain" && nameOf(setting, frame, "keychain") === undefined

/** Whether `x.data` or `x.result` may stand for `x`: only right behind the name of a step's value. */
const isSelf = (
  setting: Setting,
  frame: Frame,
  node: Extract<Expression, { type: "Attribute" }>
): boolean => {
  if (node.name !== "data" && node.name !== "result") return false
  const target = node.target
  if (target.type === "Name")
    return (
      (setting.views.has(target.name) || !plainNames.has(target.name)) &&
      localOf(frame, target.name) === undefined
    )
  return (
    target.type === "Attribute" &&
    isSelf(setting, frame, target) &&
    evaluate(setting, frame, target) === evaluate(setting, frame, target.target)
  )
}

/** A member, from where the value is kept when this is only a reference to it. */
const fieldOf = (engine: Engine, target: Value, name: string): Value => {
  if (!isMapping(target)) return undefined
  const member = memberOf(target, name)
  if (isMapping(member) && isPart(member)) return engine.demand({ type: "reference", holder: member })
  if (member !== undefined || !isReference(target)) return member
  const stored = engine.demand({ type: "reference", holder: target })
  return isMapping(stored) ? memberOf(stored, name) : undefined
}

/** What stands for a value that is kept elsewhere. */
export const isReference = (value: JsonObject): boolean => {
  const reference = memberOf(value, "_ref")
  return (
    typeof reference === "string" || (isMapping(reference) && typeof memberOf(reference, "ref") === "string")
  )
}

/** A few members of a large value, for servers, which cannot fetch the rest. */
const isPart = (value: JsonObject): boolean => isList(memberOf(value, "_path")) && isReference(value)

const itemOf = (engine: Engine, target: Value, index: Value): Value => {
  if (isMapping(target)) return isAbsent(index) ? undefined : fieldOf(engine, target, keyOf(index))
  const position = numberOf(index)
  if (position === undefined || !Number.isInteger(position)) return undefined
  if (isList(target)) return target.at(position)
  if (typeof target !== "string") return undefined
  engine.budget.characters(target.length)
  return /[\ud800-\udfff]/.test(target) ? Array.from(target).at(position) : target.at(position)
}

const isAbsent = (value: Value): boolean => plainTextOf(value) === undefined

const sliceOf = (engine: Engine, target: Value, start: Value, stop: Value, step: Value): Value => {
  if (target === undefined || target === null) return undefined
  if (typeof target !== "string" && !isList(target)) throw evaluation(`${kindOf(target)} has no slices`)
  const items: ReadonlyArray<Json> = typeof target === "string" ? Array.from(target) : target
  engine.budget.items(items.length)
  const by = bound(step) ?? 1
  if (by === 0) throw evaluation("a slice wants a step other than 0")
  const sliced =
    by === 1 ? items.slice(bound(start), bound(stop)) : everyNth(items, bound(start), bound(stop), by)
  return typeof target === "string" ? sliced.map(String).join("") : sliced
}

const bound = (value: Value): number | undefined => {
  if (value === undefined || value === null) return undefined
  const position = numberOf(value)
  if (position === undefined || !Number.isSafeInteger(position)) throw evaluation("a slice wants integers")
  return position
}

const everyNth = (
  items: ReadonlyArray<Json>,
  start: number | undefined,
  stop: number | undefined,
  step: number
): ReadonlyArray<Json> => {
  const length = items.length
  const clamp = (index: number | undefined, otherwise: number): number => {
    if (index === undefined) return otherwise
    const from = index < 0 ? index + length : index
    return step > 0 ? Math.min(Math.max(from, 0), length) : Math.min(Math.max(from, -1), length - 1)
  }
  const first = clamp(start, step > 0 ? 0 : length - 1)
  const last = clamp(stop, step > 0 ? length : -1)
  const picked: Array<Json> = []
  for (let i = first; step > 0 ? i < last : i > last; i += step) picked.push(items[i] as Json)
  return picked
}

// --- comparisons and tests ---

const compareOf = (
  setting: Setting,
  frame: Frame,
  first: Expression,
  rest: ReadonlyArray<Comparison>
): boolean => {
  let leftNode = first
  let left = evaluate(setting, frame, first)
  for (const { op, right: rightNode } of rest) {
    const right = evaluate(setting, frame, rightNode)
    const lefts = spellingsOf(setting, leftNode, left)
    const rights = spellingsOf(setting, rightNode, right)
    if (!holdsForAny(setting.engine, op, lefts, rights)) return false
    leftNode = rightNode
    left = right
  }
  return true
}

/** A negation holds when no spelling makes the plain comparison true. */
const holdsForAny = (
  engine: Engine,
  op: Comparison["op"],
  lefts: ReadonlyArray<Value>,
  rights: ReadonlyArray<Value>
): boolean => {
  if (op === "!=") return !holdsForAny(engine, "==", lefts, rights)
  if (op === "not in") return !holdsForAny(engine, "in", lefts, rights)
  return lefts.some((left) => rights.some((right) => holds(engine, op, left, right)))
}

const holds = (engine: Engine, op: Comparison["op"], left: Value, right: Value): boolean => {
  if (op === "==") return equals(engine.budget, left, right)
  if (op === "in") return contains(engine.budget, right, left)
  const one = order(engine.budget, left, right)
  if (one === undefined) return false
  return op === "<" ? one < 0 : op === "<=" ? one <= 0 : op === ">" ? one > 0 : one >= 0
}

const spellingsOf = (setting: Setting, node: Expression, value: Value): ReadonlyArray<Value> => {
  if (node.type !== "Attribute" || node.target.type !== "Name" || typeof value !== "string") return [value]
  const root = node.target.name
  const same = setting.synonyms.find(({ path }) => path[0] === root && path[1] === node.name)
  return same?.spellings.includes(value) === true ? same.spellings : [value]
}

const testOf = (setting: Setting, frame: Frame, node: Extract<Expression, { type: "Test" }>): boolean =>
  found(predicates, node.name)(
    setting.engine,
    evaluate(setting, frame, node.target),
    argsOf(setting, frame, node.args)
  )
