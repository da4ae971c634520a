/** Statements and functions. `compileProgram` is the door: a tree in, instructions out. */
import type { Declaration, FunctionDefinition, Program, Statement } from "./Ast.ts"
import { type FunctionCode, functionKey, type Unit } from "./Code.ts"
import { label } from "./Emitter.ts"
import { NONE, type Position } from "./Position.ts"
import { SwitchCompiler } from "./SwitchCompiler.ts"

class Compiler extends SwitchCompiler {
  protected readonly functions: ReadonlyMap<string, FunctionCode>
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

  private drop(position: Position): void {
    this.emit("POP", position)
    this.grew(-1)
  }

  protected block(body: ReadonlyArray<Statement>, want: boolean, position: Position): void {
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
        const path = this.constant({ names: target.path, position: target.pathPosition })
        this.emitIndexed("ASSIGN_NAME", position, target.position, this.text(target.name), opText, path)
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
  const byName = new Map<string, FunctionCode>([...outer.values()].map((code) => [code.name, code]))
  const locals: Array<{ name: string; slot: number }> = []
  const unit: Unit = {
    module,
    source,
    functions,
    byName,
    main: undefined as never,
    isOpen: false,
    home: undefined,
    locals
  }
  const pending: Array<[FunctionDefinition, FunctionCode]> = []
  for (const definition of program.functions) {
    const code = emptyCode(definition.name, unit, definition)
    functions.set(functionKey(definition.name, definition.parameters.length, definition.thisType), code)
    if (byName.get(definition.name)?.unit !== unit) byName.set(definition.name, code)
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
