/** Every test: what may stand after `is`. */
import { numberOf } from "../domain/Json.ts"
import { argument, type Predicate } from "./Engine.ts"
import { evaluation } from "./Fault.ts"
import {
  contains,
  equals,
  isFloat,
  isList,
  isMapping,
  isNumber,
  order,
  truthy,
  type Value
} from "./values.ts"

const isText = (value: Value): boolean => typeof value === "string"

const whole = (value: Value): bigint => {
  if (typeof value === "bigint") return value
  const double = numberOf(value)
  if (double !== undefined && Number.isSafeInteger(double)) return BigInt(double)
  throw evaluation("the test wants an integer")
}

const equal: Predicate = (engine, value, args) => equals(engine.budget, value, argument(args, 0, "other"))

const compared =
  (holds: (order: number) => boolean): Predicate =>
  (engine, value, args) => {
    const one = order(engine.budget, value, argument(args, 0, "other"))
    return one !== undefined && holds(one)
  }

const less = compared((one) => one < 0)
const lessOrEqual = compared((one) => one <= 0)
const more = compared((one) => one > 0)
const moreOrEqual = compared((one) => one >= 0)
const unequal: Predicate = (engine, value, args) => !equal(engine, value, args)

export const predicates: ReadonlyMap<string, Predicate> = new Map<string, Predicate>([
  ["defined", (_engine, value) => value !== undefined],
  ["undefined", (_engine, value) => value === undefined],
  ["none", (_engine, value) => value === null],
  ["null", (_engine, value) => value === null],
  ["string", (_engine, value) => isText(value)],
  ["number", (_engine, value) => isNumber(value)],
  ["integer", (_engine, value) => isNumber(value) && !isFloat(value)],
  ["float", (_engine, value) => isFloat(value)],
  ["boolean", (_engine, value) => typeof value === "boolean"],
  ["true", (_engine, value) => value === true],
  ["false", (_engine, value) => value === false],
  ["truthy", (_engine, value) => truthy(value)],
  ["sequence", (_engine, value) => isList(value) || isText(value)],
  ["mapping", (_engine, value) => isMapping(value)],
  ["iterable", (_engine, value) => isList(value) || isMapping(value) || isText(value)],
  ["in", (engine, value, args) => contains(engine.budget, argument(args, 0, "seq"), value)],
  ["odd", (_engine, value) => whole(value) % 2n !== 0n],
  ["even", (_engine, value) => whole(value) % 2n === 0n],
  ["divisibleby", (_engine, value, args) => divides(whole(value), whole(argument(args, 0, "num")))],
  ["lower", (_engine, value) => typeof value === "string" && value === value.toLowerCase()],
  ["upper", (_engine, value) => typeof value === "string" && value === value.toUpperCase()],
  ["startingwith", (_engine, value, args) => affix(value, argument(args, 0, "other"), "startsWith")],
  ["endingwith", (_engine, value, args) => affix(value, argument(args, 0, "other"), "endsWith")],
  ...(["eq", "equalto", "==", "sameas"] as const).map((name) => [name, equal] as const),
  ...(["ne", "!="] as const).map((name) => [name, unequal] as const),
  ...(["lt", "lessthan", "<"] as const).map((name) => [name, less] as const),
  ...(["le", "<="] as const).map((name) => [name, lessOrEqual] as const),
  ...(["gt", "greaterthan", ">"] as const).map((name) => [name, more] as const),
  ...(["ge", ">="] as const).map((name) => [name, moreOrEqual] as const)
])

const divides = (value: bigint, by: bigint): boolean => {
  if (by === 0n) throw evaluation("division by zero")
  return value % by === 0n
}

const affix = (value: Value, other: Value, how: "startsWith" | "endsWith"): boolean =>
  typeof value === "string" && typeof other === "string" && value[how](other)
