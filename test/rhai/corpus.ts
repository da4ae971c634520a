/** The conformance cases: scripts in `cases/`, and what the real `rhai` crate says of them in `expected/`. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Engine } from "../../src/tools/rhai/Engine.ts"
import { debugRaw } from "../../src/tools/rhai/language/Format.ts"
import { columnOf, lineOf, NONE, type Position } from "../../src/tools/rhai/language/Position.ts"
import { RhaiError } from "../../src/tools/rhai/language/RhaiError.ts"
import { typeName } from "../../src/tools/rhai/language/Value.ts"

export interface Case {
  readonly name: string
  readonly options: Readonly<Record<string, number>>
  readonly source: string
}

export interface Answer {
  readonly type?: string
  readonly value?: string
  readonly output?: ReadonlyArray<string>
  readonly error?: {
    readonly kind: string
    readonly message: string
    readonly line?: number
    readonly position?: number
  }
  readonly panic?: boolean
  /** What the crate says with its optimizer off, where that differs. */
  readonly unoptimized?: Answer
}

const here = import.meta.dirname

/** A case starts at `//# name`; `//! key=value` lines directly under it set its limits. */
export const casesOf = (text: string): Array<Case> => {
  const cases: Array<{ name: string; options: Record<string, number>; lines: Array<string> }> = []
  for (const line of text.split("\n")) {
    const current = cases.at(-1)
    if (line.startsWith("//# ")) cases.push({ name: line.slice(4).trim(), options: {}, lines: [] })
    else if (current !== undefined && current.lines.length === 0 && line.startsWith("//! ")) {
      const [key = "", value = "1"] = line.slice(4).split("=")
      current.options[key.trim()] = Number(value)
    } else current?.lines.push(line)
  }
  return cases.map(({ lines, name, options }) => ({
    name,
    options,
    source: lines.join("\n").replace(/\n+$/, "")
  }))
}

export const chapters = (): Array<string> =>
  readdirSync(join(here, "cases"))
    .filter((file) => file.endsWith(".rhai"))
    .map((file) => file.slice(0, -5))
    .sort()

export const casesIn = (chapter: string): Array<Case> =>
  casesOf(readFileSync(join(here, "cases", `${chapter}.rhai`), "utf8"))

export const expectedIn = (chapter: string): Readonly<Record<string, Answer>> =>
  JSON.parse(readFileSync(join(here, "expected", `${chapter}.json`), "utf8")) as Record<string, Answer>

export const modules: ReadonlyMap<string, string> = new Map(
  readdirSync(join(here, "modules")).map((file) => [
    file.replace(/\.rhai$/, ""),
    readFileSync(join(here, "modules", file), "utf8")
  ])
)

/** The name of a closure is a hash that differs from build to build. */
const withoutHashes = (text: string): string => text.replaceAll(/anon\$[0-9a-f]*/g, "anon$")

const place = (position: Position): object =>
  position === NONE ? {} : { line: lineOf(position), position: columnOf(position) }

/** What this implementation says of a script, in the words of the expectations. */
export const answerOf = (source: string, options: Readonly<Record<string, number>> = {}): Answer => {
  const output: Array<string> = []
  const engine = new Engine({
    limits: {
      operations: options["operations"] ?? 2_000_000,
      callDepth: options["call_levels"] ?? 64,
      expressionDepth: options["expr_depth"] ?? 64,
      functionExpressionDepth: options["function_expr_depth"] ?? 32,
      ...(options["functions"] === undefined ? {} : { functions: options["functions"] }),
      ...(options["modules"] === undefined ? {} : { modules: options["modules"] }),
      ...(options["string"] === undefined ? {} : { stringLength: options["string"] }),
      ...(options["array"] === undefined ? {} : { arrayLength: options["array"] }),
      ...(options["map"] === undefined ? {} : { mapSize: options["map"] }),
      wallClock: 20_000
    },
    allowEval: options["eval"] !== undefined,
    modules,
    print: (text) => void output.push(withoutHashes(text)),
    debug: (text, position) =>
      void output.push(withoutHashes(`[debug ${lineOf(position)}:${columnOf(position)}] ${text}`))
  })
  const answer = outcomeOf(engine, source)
  return output.length === 0 ? answer : { ...answer, output }
}

const outcomeOf = (engine: Engine, source: string): Answer => {
  try {
    const value = engine.run(engine.compile(source))
    return { type: typeName(value), value: withoutHashes(debugRaw(value)) }
  } catch (error) {
    if (!(error instanceof RhaiError)) throw error
    const kind = error.calls.length > 0 ? "ErrorInFunctionCall" : error.kind
    return { error: { kind, message: withoutHashes(error.show()), ...place(error.outerPosition) } }
  }
}
