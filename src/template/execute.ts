/** Runs a template: a lone expression to its value, anything else to text. */
import type { Json, JsonObject } from "../domain/Json.ts"
import type { SetTarget, Statement, Template } from "./ast.ts"
import { evaluation, Fault } from "./Fault.ts"
import { evaluate, rootFrame, type Setting } from "./Interpreter.ts"
import { isList, isMapping, itemsOf, kindOf, textOf, truthy, type Value } from "./values.ts"
import { childOf, type Frame, localOf } from "./Variables.ts"

export const execute = (setting: Setting, template: Template): Value =>
  template.type === "Lone"
    ? evaluate(setting, rootFrame(), template.expression)
    : textOfBody(setting, rootFrame(), template.body)

const textOfBody = (setting: Setting, frame: Frame, body: ReadonlyArray<Statement>): string => {
  const pieces: Array<string> = []
  run(setting, frame, body, pieces)
  return pieces.join("")
}

const run = (setting: Setting, frame: Frame, body: ReadonlyArray<Statement>, pieces: Array<string>): void => {
  for (const statement of body) {
    setting.engine.budget.step()
    try {
      runOne(setting, frame, statement, pieces)
    } catch (error) {
      throw error instanceof Fault ? error.at(statement.at) : error
    }
  }
}

const runOne = (setting: Setting, frame: Frame, statement: Statement, pieces: Array<string>): void => {
  const { budget, literals } = setting.engine
  switch (statement.type) {
    case "Text":
      return emit(setting, pieces, statement.text)
    case "Output":
      return emit(setting, pieces, textOf(budget, evaluate(setting, frame, statement.value), literals))
    case "If": {
      const branch = statement.branches.find(({ test }) => truthy(evaluate(setting, frame, test)))
      return run(setting, frame, branch?.body ?? statement.otherwise, pieces)
    }
    case "For":
      return loop(setting, frame, statement, pieces)
    case "Set":
      return assign(frame, statement.target, evaluate(setting, frame, statement.value))
    case "SetBlock":
      return assign(frame, statement.target, textOfBody(setting, childOf(frame), statement.body))
  }
}

const emit = (setting: Setting, pieces: Array<string>, text: string): void => {
  setting.engine.budget.text(text.length)
  if (text !== "") pieces.push(text)
}

const loop = (
  setting: Setting,
  frame: Frame,
  statement: Extract<Statement, { type: "For" }>,
  pieces: Array<string>
): void => {
  const all = itemsOf(setting.engine.budget, evaluate(setting, frame, statement.items))
  const { filter, names } = statement
  const items =
    filter === undefined
      ? all
      : all.filter((item) => {
          setting.engine.budget.iteration()
          return truthy(evaluate(setting, bind(childOf(frame), names, item), filter))
        })
  if (items.length === 0) return run(setting, frame, statement.otherwise, pieces)
  items.forEach((item, index) => {
    setting.engine.budget.iteration()
    const inner = bind(childOf(frame), names, item)
    if (!names.includes("loop")) inner.values.set("loop", positionIn(items, index))
    run(setting, inner, statement.body, pieces)
  })
}

const positionIn = (items: ReadonlyArray<Json>, index: number): JsonObject => ({
  index: index + 1,
  index0: index,
  revindex: items.length - index,
  revindex0: items.length - index - 1,
  first: index === 0,
  last: index === items.length - 1,
  length: items.length,
  previtem: items[index - 1] ?? null,
  nextitem: items[index + 1] ?? null
})

const bind = (frame: Frame, names: ReadonlyArray<string>, value: Value): Frame => {
  if (names.length === 1) frame.values.set(names[0] as string, value)
  else unpack(frame, names, value)
  return frame
}

const unpack = (frame: Frame, names: ReadonlyArray<string>, value: Value): void => {
  if (!isList(value) || value.length !== names.length) {
    throw evaluation(`cannot unpack ${kindOf(value)} into ${names.length} names`)
  }
  names.forEach((name, i) => frame.values.set(name, value[i]))
}

/** `ns.x = …` makes a new mapping under the old name, so that data that came in never changes. */
const assign = (frame: Frame, target: SetTarget, value: Value): void => {
  if (target.attribute === undefined) {
    bind(frame, target.names, value)
    return
  }
  const [name] = target.names
  const holder = name === undefined ? undefined : localOf(frame, name)
  const old = name === undefined ? undefined : holder?.values.get(name)
  if (holder === undefined || name === undefined || !isMapping(old)) {
    throw evaluation(`'${name}' is no namespace`)
  }
  holder.values.set(name, Object.fromEntries([...Object.entries(old), [target.attribute, value ?? null]]))
}
