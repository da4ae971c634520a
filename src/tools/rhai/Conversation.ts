/** A conversation in Rhai: what was defined stays. The terminal is somewhere else, so a test can hold one. */
import { Effect } from "effect"
import type { FunctionCode } from "./language/Code.ts"
import type { Engine } from "./Engine.ts"
import { toDebug } from "./language/Format.ts"
import type { Machine } from "./machine/Machine.ts"
import { columnOf, lineOf } from "./language/Position.ts"
import { RhaiError } from "./language/RhaiError.ts"
import { run } from "./run.ts"
import { noPaint, type Paint, showError } from "./showError.ts"
import { typeName, type Value } from "./language/Value.ts"

/** What to write, and whether to go on, wait for more lines, or stop. */
export interface Reply {
  readonly text: string
  readonly next: "ready" | "more" | "quit"
}

const help = `Type Rhai. A line that is not finished goes on in the next one; an empty line ends it.

  :help         this
  :vars         variables and their types
  :fns          functions
  :type EXPR    the type of an expression
  :reset        forget everything
  :quit         leave (Ctrl-D does, too)

  let name = "world";        variables stay
  fn twice(x) { x * 2 }      and so do functions
  [1, 2].map(|x| twice(x))   the value is shown`

export class Conversation {
  private variables = new Map<string, Value>()
  private functions = new Map<string, FunctionCode>()
  private pending: Array<string> = []
  private readonly engine: Engine
  private readonly paint: Paint

  constructor(engine: Engine, paint: Paint = noPaint) {
    this.engine = engine
    this.paint = paint
  }

  /** Words that can be completed at the end of a line. */
  completions(): ReadonlyArray<string> {
    const functions = [...this.functions.values()].filter((fn) => !fn.anonymous).map((fn) => fn.name)
    return [
      ...this.variables.keys(),
      ...functions,
      ...this.engine.natives.names(),
      ":help",
      ":vars",
      ":fns",
      ":type",
      ":reset",
      ":quit"
    ]
  }

  /** Forgets the lines of an input that is not finished. */
  cancel(): void {
    this.pending = []
  }

  /** One line of input. */
  readonly line = (line: string): Effect.Effect<Reply> =>
    Effect.suspend(() => {
      const first = this.pending.length === 0
      if (first && line.trim() === "") return Effect.succeed({ text: "", next: "ready" } as const)
      if (first && line.trim().startsWith(":")) return this.command(line.trim())
      this.pending.push(line)
      const text = this.pending.join("\n")
      const problem = this.problem(text)
      if (problem !== undefined && line.trim() !== "" && isUnfinished(problem, text))
        return Effect.succeed({ text: "", next: "more" } as const)
      this.pending = []
      if (problem !== undefined)
        return Effect.succeed({ text: showError(problem, text, this.paint), next: "ready" } as const)
      return this.evaluate(text)
    })

  private problem(text: string): RhaiError | undefined {
    try {
      this.engine.parse(text, [...this.variables.keys()])
      return undefined
    } catch (error) {
      return error instanceof RhaiError ? error : new RhaiError("ErrorSystem", String(error))
    }
  }

  private readonly evaluate = (text: string): Effect.Effect<Reply> => {
    const names = [...this.variables.keys()]
    const start = Effect.try({
      try: () => {
        const script = this.engine.compile(text, names, this.functions)
        return { script, machine: this.engine.machine(script, this.variables) }
      },
      catch: (error) => (error instanceof RhaiError ? error : new RhaiError("ErrorSystem", String(error)))
    })
    return Effect.flatMap(start, ({ machine, script }) =>
      Effect.map(run(machine), (value) => {
        this.remember(machine, names, script.unit.main)
        return { text: value === undefined ? "" : this.paint.green(toDebug(value)), next: "ready" as const }
      })
    ).pipe(
      Effect.catch((error) =>
        Effect.succeed({ text: showError(error, text, this.paint), next: "ready" as const })
      )
    )
  }

  private remember(machine: Machine, names: ReadonlyArray<string>, main: FunctionCode): void {
    this.variables = machine.variables(names, main)
    this.functions = new Map([...this.functions, ...main.unit.functions])
    // Functions of before can call the new ones
    for (const fn of this.functions.values()) {
      fn.unit.isOpen = true
      for (const [key, known] of this.functions) fn.unit.functions.set(key, known)
    }
  }

  private readonly command = (line: string): Effect.Effect<Reply> => {
    const [name, ...rest] = line.split(" ")
    const say = (text: string): Effect.Effect<Reply> => Effect.succeed({ text, next: "ready" })
    switch (name) {
      case ":help":
      case ":h":
      case ":?":
        return say(help)
      case ":quit":
      case ":q":
      case ":exit":
        return Effect.succeed({ text: "", next: "quit" })
      case ":vars":
        return say(
          [...this.variables].map(([key, value]) => `${key}: ${this.paint.cyan(typeName(value))}`).join("\n")
        )
      case ":fns":
        return say(this.functionList())
      case ":type":
        return this.evaluate(`type_of(${rest.join(" ")})`)
      case ":reset":
        this.variables = new Map()
        this.functions = new Map()
        return say("")
      default:
        return say(this.paint.red(`no such command: ${name} (:help lists them)`))
    }
  }

  private functionList(): string {
    return [...this.functions.values()]
      .filter((fn) => !fn.anonymous)
      .map(
        (fn) =>
          `fn ${fn.thisType === undefined ? "" : `${fn.thisType}.`}${fn.name}(${fn.parameterNames.join(", ")})`
      )
      .join("\n")
  }
}

/** The text stops where more was expected: at its end, or in a string that back-ticks opened. */
const isUnfinished = (problem: RhaiError, text: string): boolean => {
  const lines = text.split("\n")
  const atEnd =
    lineOf(problem.position) === lines.length && columnOf(problem.position) > Array.from(lines.at(-1)!).length
  if (atEnd) return true
  const from = lines[lineOf(problem.position) - 1]?.[columnOf(problem.position) - 1]
  return problem.detail === "Open string is not terminated" && (from === "`" || from === "#")
}
