/** A tree as script text again: every group in parentheses, so that reading it gives the same tree. */
import type { Expression, FunctionDefinition, Program, Statement, Step } from "./Ast.ts"
import { debugString } from "./Format.ts"

/** Quotes with the escapes that Rhai reads. */
const quoted = (text: string): string =>
  debugString(text)
    .replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => `\\U${hex.padStart(8, "0")}`)
    .replaceAll("\\0", "\\x00")

const quotedChar = (char: string): string =>
  char === "'" ? "'\\''" : char === '"' ? `'"'` : `'${quoted(char).slice(1, -1)}'`

const number = (value: number): string => {
  const text = String(value)
  if (/^-?\d+$/.test(text)) return `${text}.0`
  return text.includes("e") && !text.includes(".") ? text.replace("e", ".0e") : text
}

const list = (items: ReadonlyArray<Expression>): string => items.map(printExpression).join(", ")

const step = (s: Step): string => {
  const maybe = s.maybe ? "?" : ""
  if (s.t === "index") return `${maybe}[${printExpression(s.index)}]`
  return s.t === "prop" ? `${maybe}.${s.name}` : `${maybe}.${s.name}(${list(s.args)})`
}

export const printExpression = (e: Expression): string => {
  switch (e.t) {
    case "unit":
      return "()"
    case "bool":
    case "int":
      return String(e.value)
    case "float":
      return number(e.value)
    case "char":
      return quotedChar(e.value)
    case "string":
      return quoted(e.value)
    case "var":
      return [...e.path, e.name].join("::")
    case "this":
      return "this"
    case "interpolated":
      return `\`${e.parts.map(part).join("")}\``
    case "array":
      return `[${list(e.items)}]`
    case "map":
      return `#{${e.entries.map(([key, value]) => `${quoted(key)}: ${printExpression(value)}`).join(", ")}}`
    case "unary":
      if (e.operand.t === "call" && e.operand.operator === "!in") return printExpression(e.operand)
      return `(${e.op}${operand(e.operand)})`
    case "binary":
      return binary(e)
    case "and":
      return `(${e.items.map(printExpression).join(" && ")})`
    case "or":
      return `(${e.items.map(printExpression).join(" || ")})`
    case "coalesce":
      return `(${e.items.map(printExpression).join(" ?? ")})`
    case "statement":
      return printStatement(e.statement)
    case "closure":
      return closure(e.fn, e.captures.length)
    case "chain":
      return `${operand(e.root)}${e.steps.map(step).join("")}`
    case "call":
      if (e.operator !== undefined) return `(${operand(e.args[1]!)} ${e.operator} ${operand(e.args[0]!)})`
      return `${[...e.path, e.name].join("::")}${e.capture ? "!" : ""}(${list(e.args)})`
  }
}

const binary = (e: Extract<Expression, { t: "binary" }>): string => {
  const open = (e.op === ".." || e.op === "..=") && e.right.t === "unit"
  return open ? `(${operand(e.left)}${e.op})` : `(${operand(e.left)} ${e.op} ${operand(e.right)})`
}

/** Numbers with a sign or a point would join what follows them. */
const operand = (e: Expression): string => {
  const text = printExpression(e)
  return e.t === "int" || e.t === "float" || e.t === "statement" || e.t === "closure" ? `(${text})` : text
}

const part = (e: Expression): string => {
  if (e.t === "string") return e.value.replaceAll("`", "``").replaceAll("${", "\\${")
  return e.t === "statement" ? `$${printStatement(e.statement)}` : `\${${printExpression(e)}}`
}

const closure = (fn: FunctionDefinition, captured: number): string => {
  const names = fn.parameters.slice(captured).map((parameter) => parameter.name)
  return `(|${names.join(", ")}| ${printStatement(fn.body)})`
}

const block = (statements: ReadonlyArray<Statement>): string =>
  statements.length === 0
    ? "{ }"
    : `{ ${statements.map((s) => `${printStatement(s)};`).join(" ")} }`.replace(/; \}$/, " }")

const optional = (word: string, value: Expression | undefined): string =>
  value === undefined ? word : `${word} ${printExpression(value)}`

export const printStatement = (s: Statement): string => {
  switch (s.t) {
    case "noop":
      return ";"
    case "expression":
      return s.expression.t === "statement" ? operand(s.expression) : printExpression(s.expression)
    case "block":
      return block(s.body)
    case "assign":
      return `${printExpression(s.target)} ${s.op ?? ""}= ${printExpression(s.value)}`
    case "let": {
      const value = s.value === undefined ? "" : ` = ${printExpression(s.value)}`
      return `${s.exported ? "export " : ""}${s.isConst ? "const" : "let"} ${s.declaration.name}${value}`
    }
    case "if": {
      const otherwise = s.otherwise === undefined ? "" : ` else ${printStatement(s.otherwise)}`
      return `if ${printExpression(s.condition)} ${printStatement(s.then)}${otherwise}`
    }
    case "switch":
      return printSwitch(s)
    case "while":
      return s.condition === undefined
        ? `loop ${printStatement(s.body)}`
        : `while ${printExpression(s.condition)} ${printStatement(s.body)}`
    case "do":
      return `do ${printStatement(s.body)} ${s.until ? "until" : "while"} ${printExpression(s.condition)}`
    case "for": {
      const names = s.counter === undefined ? s.variable.name : `(${s.variable.name}, ${s.counter.name})`
      return `for ${names} in ${printExpression(s.iterable)} ${printStatement(s.body)}`
    }
    case "break":
    case "return":
    case "throw":
      return optional(s.t, s.value)
    case "continue":
      return "continue"
    case "try": {
      const variable = s.variable === undefined ? "" : ` (${s.variable.name})`
      return `try ${printStatement(s.body)} catch${variable} ${printStatement(s.handler)}`
    }
    case "import":
      return `import ${printExpression(s.path)}${s.alias === "" ? "" : ` as ${s.alias}`}`
    case "export":
      return `export ${s.name}${s.alias === s.name ? "" : ` as ${s.alias}`}`
  }
}

const printSwitch = (s: Extract<Statement, { t: "switch" }>): string => {
  const cases = s.cases.map(({ body, condition, values }) => {
    const head = values.length === 0 ? "_" : values.map(printExpression).join(" | ")
    const guard = condition === undefined ? "" : ` if ${printExpression(condition)}`
    return `${head}${guard} => ${printStatement(body)}`
  })
  return `switch ${printExpression(s.subject)} { ${cases.join(", ")} }`
}

const printFunction = (fn: FunctionDefinition): string => {
  const type = fn.thisType === undefined ? "" : `${quoted(fn.thisType)}.`
  const names = fn.parameters.map((parameter) => parameter.name).join(", ")
  return `${fn.isPrivate ? "private " : ""}fn ${type}${fn.name}(${names}) ${printStatement(fn.body)}`
}

/** The script, functions first. */
export const print = (program: Program): string =>
  [
    ...program.functions.filter((fn) => !fn.anonymous).map(printFunction),
    ...program.body.map((statement) => `${printStatement(statement)};`)
  ].join("\n")
