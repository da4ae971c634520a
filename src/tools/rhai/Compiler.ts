/** Statements and functions. `compileProgram` is the door: a tree in, instructions out. */
import type { Declaration, FunctionDefinition, Program, Statement } from "./Ast.ts"
import { startOf } from "./Ast.ts"
import { ChainCompiler } from "./ChainCompiler.ts"
import { type FunctionCode, functionKey, type SwitchTable, type Unit } from "./Code.ts"
import { type Label, label } from "./Emitter.ts"
import { keyOf } from "./keyOf.ts"
import { literalValue } from "./literalValue.ts"
import { NONE, type Position } from "./Position.ts"
import { Range } from "./Value.ts"

interface Loop {
  readonly next: Label
  readonly end: Label
  readonly depth: number
  /** Where `continue` leaves the stack. */
  readonly nextDepth: number
  readonly want: boolean
  readonly tries: number
}

class Compiler extends ChainCompiler {
  protected readonly functions: ReadonlyMap<string, FunctionCode>
  private readonly loops: Array<Loop> = []
  /** Enclosing `try` bodies of this function. */
  private tries = 0
  /** Slots of the errors that enclosing catch blocks handle; -1 inside a `try` body, which catches for itself. */
  private readonly handling: Array<number> = []
  private readonly keepsGlobals: boolean

  constructor(functions: ReadonlyMap<string, FunctionCode>, keepsGlobals: boolean) {
    super()
    this.functions = functions
    this.keepsGlobals = keepsGlobals
  }

  body(
    statements: ReadonlyArray<Statement>,
    parameters: ReadonlyArray<Declaration>,
    into: FunctionCode
  ): void {
    for (const parameter of parameters) {
      parameter.slot = this.depth
      this.grew(1)
    }
    this.sequence(statements, true)
    this.emit("RETURN", NONE)
    this.finish(into)
    into.isEmpty = statements.length === 0
  }

  private sequence(statements: ReadonlyArray<Statement>, want: boolean): void {
    if (statements.length === 0 && want) return this.push("UNIT", NONE)
    statements.forEach((statement, i) => {
      this.statement(statement, want && i === statements.length - 1)
    })
  }

  protected statement(s: Statement, want: boolean): void {
    switch (s.t) {
      case "expression":
        this.expression(s.expression)
        if (!want) this.drop(s.position)
        return
      case "block":
        return this.block(s.body, want, s.position)
      case "let":
        return this.let(s, want)
      case "assign":
        this.assign(s)
        return this.unit(want, s.position)
      case "if":
        return this.if(s, want)
      case "switch":
        return this.switch(s, want)
      case "while":
        return this.while(s, want)
      case "do":
        return this.do(s, want)
      case "for":
        return this.for(s, want)
      case "break":
        return this.break(s, want)
      case "continue":
        return this.continue(s.position, want)
      case "try":
        return this.try(s, want)
      case "return":
      case "throw":
        return this.leave(s, want)
      case "import":
        this.expression(s.path)
        this.emitIndexed("IMPORT", s.path.position, s.position, this.text(s.alias))
        this.grew(-1)
        return this.unit(want, s.position)
      case "export":
        if (s.declaration === undefined) this.emit("MISSING", s.position, this.text(s.name))
        else this.emit("EXPORT", s.position, this.text(s.alias), s.declaration.slot)
        return this.unit(want, s.position)
      case "noop":
        return this.unit(want, s.position)
    }
  }

  private unit(want: boolean, position: Position): void {
    if (want) this.push("UNIT", position)
  }

  private drop(position: Position): void {
    this.emit("POP", position)
    this.grew(-1)
  }

  private block(body: ReadonlyArray<Statement>, want: boolean, position: Position): void {
    const start = this.depth
    const imports = body.some((statement) => statement.t === "import")
    if (imports) this.push("IMPORTS_MARK", position)
    this.sequence(body, want)
    if (imports) this.emit("IMPORTS_RESET", position, start)
    this.unwind(start, want, position)
  }

  /** Ends a scope: its variables go, its value stays. */
  private unwind(start: number, want: boolean, position: Position): void {
    const end = want ? start + 1 : start
    if (this.depth === end) return
    this.emit(want ? "SQUASH" : "RESET", position, start)
    this.depth = end
  }

  private let(s: Extract<Statement, { t: "let" }>, want: boolean): void {
    if (s.value === undefined) this.push("UNIT", s.position)
    else this.expression(s.value)
    s.declaration.slot = this.depth - 1
    if (s.isConst && s.global && this.keepsGlobals)
      this.emit("GLOBAL", s.position, this.text(s.declaration.name), s.declaration.slot)
    if (s.exported) this.emit("EXPORT", s.position, this.text(s.declaration.name), s.declaration.slot)
    this.unit(want, s.position)
  }

  private assign(s: Extract<Statement, { t: "assign" }>): void {
    const { op, position, target, value } = s
    if (target.t === "chain") return this.assignChain(target, op, value, position)
    const opText = op === undefined ? -1 : this.text(op)
    this.expression(value)
    if (target.t === "this") {
      this.emitIndexed("ASSIGN_THIS", position, target.position, opText)
    } else if (target.t === "var") {
      const { declaration } = target
      if (declaration === undefined || target.path.length > 0) {
        this.emitIndexed(
          "ASSIGN_NAME",
          position,
          target.position,
          this.text(target.name),
          opText,
          this.constant(target.path)
        )
      } else if (op === undefined) {
        this.emit(declaration.captured ? "STORE_S" : "STORE", position, declaration.slot)
      } else {
        this.emit("ASSIGN_OP", position, declaration.slot, opText)
      }
    }
    this.grew(-1)
  }

  private if(s: Extract<Statement, { t: "if" }>, want: boolean): void {
    const otherwise = label()
    const end = label()
    this.lent(s.condition)
    this.jump("IF_FALSE", otherwise, s.condition.position)
    this.grew(-1)
    const start = this.depth
    this.statement(s.then, want)
    if (s.otherwise === undefined && !want) return this.place(otherwise)
    this.jump("JUMP", end, s.position)
    this.place(otherwise)
    this.depth = start
    if (s.otherwise === undefined) this.unit(want, s.position)
    else this.statement(s.otherwise, want)
    this.place(end)
  }

  private while(s: Extract<Statement, { t: "while" }>, want: boolean): void {
    const loop: Loop = {
      next: label(),
      end: label(),
      depth: this.depth,
      nextDepth: this.depth,
      want,
      tries: this.tries
    }
    const done = label()
    this.place(loop.next)
    if (s.condition !== undefined) {
      this.lent(s.condition)
      this.jump("IF_FALSE", done, s.condition.position)
      this.grew(-1)
    }
    this.loopBody(loop, s.body)
    this.jump("LOOP", loop.next, s.body.position)
    this.place(done)
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = loop.depth + (want ? 1 : 0)
  }

  private loopBody(loop: Loop, body: Statement): void {
    this.loops.push(loop)
    this.statement(body, false)
    this.loops.pop()
  }

  private do(s: Extract<Statement, { t: "do" }>, want: boolean): void {
    const loop: Loop = {
      next: label(),
      end: label(),
      depth: this.depth,
      nextDepth: this.depth,
      want,
      tries: this.tries
    }
    const again = label()
    const done = label()
    // `continue` goes straight to the next round, past the condition, as in Rhai
    this.place(loop.next)
    this.loopBody(loop, s.body)
    this.lent(s.condition)
    this.jump(s.until ? "IF_FALSE" : "IF_TRUE", again, s.condition.position)
    this.grew(-1)
    this.jump("JUMP", done, s.position)
    this.place(again)
    this.jump("LOOP", loop.next, s.body.position)
    this.place(done)
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = loop.depth + (want ? 1 : 0)
  }

  private for(s: Extract<Statement, { t: "for" }>, want: boolean): void {
    const start = this.depth
    this.expression(s.iterable)
    this.emit("ITERATE", startOf(s.iterable))
    const iterator = this.depth - 1
    if (s.counter !== undefined) {
      this.push("INT", s.position, 0)
      s.counter.slot = this.depth - 1
    }
    this.push("UNIT", s.position)
    s.variable.slot = this.depth - 1
    const loop: Loop = {
      next: label(),
      end: label(),
      depth: start,
      nextDepth: this.depth,
      want,
      tries: this.tries
    }
    const done = label()
    this.place(loop.next)
    if (s.counter === undefined) this.jump("NEXT", done, s.iterable.position, iterator, s.variable.slot)
    else this.jump("NEXT_COUNTED", done, s.iterable.position, iterator, s.variable.slot, s.counter.slot)
    this.loopBody(loop, s.body)
    this.jump("LOOP", loop.next, s.position)
    this.place(done)
    this.emit("RESET", s.position, start)
    this.depth = start
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = start + (want ? 1 : 0)
  }

  /** After a jump nothing runs, but the code that follows is still written for the height it expects. */
  private unreachable(want: boolean): void {
    if (want) this.grew(1)
  }

  private break(s: Extract<Statement, { t: "break" }>, want: boolean): void {
    const loop = this.loops.at(-1)!
    const start = this.depth
    if (s.value !== undefined) this.expression(s.value)
    else if (loop.want) this.push("UNIT", s.position)
    this.endTries(loop.tries, s.position)
    this.emit(loop.want ? "SQUASH" : "RESET", s.position, loop.depth)
    this.jump("JUMP", loop.end, s.position)
    this.depth = start
    this.unreachable(want)
  }

  private endTries(outer: number, position: Position): void {
    for (let i = this.tries; i > outer; i--) this.emit("END_TRY", position)
  }

  private continue(position: Position, want: boolean): void {
    const loop = this.loops.at(-1)!
    this.endTries(loop.tries, position)
    this.emit("RESET", position, loop.nextDepth)
    this.jump("LOOP", loop.next, position)
    this.unreachable(want)
  }

  private try(s: Extract<Statement, { t: "try" }>, want: boolean): void {
    const start = this.depth
    const handler = label()
    const end = label()
    this.jump("TRY", handler, s.position, start)
    this.tries++
    this.handling.push(-1)
    this.statement(s.body, want)
    this.handling.pop()
    this.tries--
    this.emit("END_TRY", s.position)
    this.jump("JUMP", end, s.position)
    this.place(handler)
    // The machine leaves the error itself and, above it, what the script gets to see of it
    this.depth = start + 2
    if (s.variable !== undefined) s.variable.slot = start + 1
    this.handling.push(start)
    this.statement(s.handler, false)
    this.handling.pop()
    this.emit("RESET", s.position, start)
    this.depth = start
    this.unit(want, s.position)
    this.place(end)
  }

  private leave(s: Extract<Statement, { t: "return" | "throw" }>, want: boolean): void {
    if (s.value === undefined) this.push("UNIT", s.position)
    else this.expression(s.value)
    if (s.t === "return") this.emit("RETURN", s.position)
    else this.emit("THROW", s.position, this.handling.at(-1) ?? -1)
    this.grew(-1)
    this.unreachable(want)
  }

  private switch(s: Extract<Statement, { t: "switch" }>, want: boolean): void {
    const start = this.depth
    this.lent(s.subject)
    const targets = new Map<string, number>()
    const table: SwitchTable = { targets, otherwise: -1, unhashable: -1 }
    this.emit("SWITCH", s.position, this.constant(table))
    const bodies = s.cases.map(() => label())
    const ranges = label()
    const fallback = label()
    const byKey = this.casesByKey(s)
    for (const [key, indexes] of byKey) {
      targets.set(key, this.here)
      for (const i of indexes) this.caseJump(s, i, bodies[i]!)
      this.jump("JUMP", ranges, s.position)
    }
    table.otherwise = this.here
    this.place(ranges)
    this.rangeCases(s, bodies)
    table.unhashable = this.here
    this.jump("JUMP", fallback, s.position)
    this.caseBodies(s, bodies, fallback, start, want)
  }

  private casesByKey(s: Extract<Statement, { t: "switch" }>): Map<string, Array<number>> {
    const byKey = new Map<string, Array<number>>()
    s.cases.forEach((item, i) => {
      for (const value of item.values) {
        const key = keyOf(literalValue(value, this.functions))
        if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), i])
      }
    })
    return byKey
  }

  private caseJump(s: Extract<Statement, { t: "switch" }>, index: number, body: Label): void {
    const { condition } = s.cases[index]!
    if (condition === undefined) return this.jump("JUMP", body, s.position)
    this.lent(condition)
    this.jump("IF_TRUE", body, condition.position)
    this.grew(-1)
  }

  private rangeCases(s: Extract<Statement, { t: "switch" }>, bodies: ReadonlyArray<Label>): void {
    s.cases.forEach((item, i) => {
      for (const value of item.values) {
        const range = literalValue(value, this.functions)
        if (!(range instanceof Range)) continue
        const skip = label()
        this.jump("UNLESS_RANGE", skip, value.position, this.constant(range))
        this.caseJump(s, i, bodies[i]!)
        this.place(skip)
      }
    })
  }

  private caseBodies(
    s: Extract<Statement, { t: "switch" }>,
    bodies: ReadonlyArray<Label>,
    fallback: Label,
    start: number,
    want: boolean
  ): void {
    const end = label()
    let hasDefault = false
    s.cases.forEach((item, i) => {
      this.place(bodies[i]!)
      if (item.values.length === 0) {
        hasDefault = true
        this.place(fallback)
      }
      this.emit("RESET", s.position, start)
      this.depth = start
      this.block([item.body], want, s.position)
      this.jump("JUMP", end, s.position)
    })
    if (!hasDefault) {
      this.place(fallback)
      this.emit("RESET", s.position, start)
      this.depth = start
      this.unit(want, s.position)
    }
    this.place(end)
    this.depth = start + (want ? 1 : 0)
  }
}

const emptyCode = (name: string, unit: Unit, definition?: FunctionDefinition): FunctionCode => ({
  name,
  arity: definition?.parameters.length ?? 0,
  anonymous: definition?.anonymous ?? false,
  thisType: definition?.thisType,
  unit,
  code: [],
  constants: [],
  positions: [],
  indexPositions: [],
  isEmpty: false,
  comments: definition?.comments ?? [],
  parameterNames: definition?.parameters.map((parameter) => parameter.name) ?? [],
  isPrivate: definition?.isPrivate ?? false
})

const statementsOf = (body: Statement): ReadonlyArray<Statement> => (body.t === "block" ? body.body : [body])

/** Compiles a script. `outer` are functions of another script it may call, for `eval`. */
export const compileProgram = (
  program: Program,
  source: string,
  module: string,
  outer: ReadonlyMap<string, FunctionCode> = new Map()
): Unit => {
  const functions = new Map<string, FunctionCode>(outer)
  const byName = new Map<string, FunctionCode>()
  const locals: Array<{ name: string; slot: number }> = []
  const unit: Unit = { module, source, functions, byName, main: undefined as never, locals }
  const pending: Array<[FunctionDefinition, FunctionCode]> = []
  for (const definition of program.functions) {
    const code = emptyCode(definition.name, unit, definition)
    functions.set(functionKey(definition.name, definition.parameters.length, definition.thisType), code)
    if (!byName.has(definition.name)) byName.set(definition.name, code)
    pending.push([definition, code])
  }
  unit.main = emptyCode("", unit)
  new Compiler(functions, pending.length > 0).body(program.body, program.globals, unit.main)
  for (const { name, slot } of program.body.flatMap((s) => (s.t === "let" ? [s.declaration] : [])))
    locals.push({ name, slot })
  for (const [definition, code] of pending)
    new Compiler(functions, false).body(statementsOf(definition.body), definition.parameters, code)
  return unit
}
