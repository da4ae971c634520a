/** Compiles scripts and runs them: the door for everything that is not about Effects. */
import { compileProgram } from "./language/Compiler.ts"
import type { Program } from "./language/Ast.ts"
import type { FunctionCode, Module, Unit } from "./language/Code.ts"
import { defaults, type Limits } from "./machine/Limits.ts"
import { Machine } from "./machine/Machine.ts"
import type { Natives } from "./machine/Natives.ts"
import { standard } from "./packages/standard.ts"
import { parse } from "./language/Parser.ts"
import type { ParserOptions } from "./language/ParserState.ts"
import type { Position } from "./language/Position.ts"
import { parseError, RhaiError } from "./language/RhaiError.ts"
import type { Value } from "./language/Value.ts"

export interface EngineOptions {
  readonly limits?: Partial<Limits>
  readonly natives?: Natives
  /** Lets scripts run text as script. */
  readonly allowEval?: boolean
  /** Modules scripts may import: name to script text. */
  readonly modules?: ReadonlyMap<string, string>
  readonly print?: (text: string, position: Position) => void
  readonly debug?: (text: string, position: Position) => void
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
}

type Functions = ReadonlyMap<string, FunctionCode>

/** A script ready to run, and the names of the variables it expects from the host. */
export interface Script {
  readonly unit: Unit
  readonly globals: ReadonlyArray<string>
}

export class Engine {
  readonly limits: Limits
  readonly natives: Natives
  private readonly options: EngineOptions
  private readonly parserOptions: ParserOptions
  private readonly loaded = new Map<string, Module>()

  constructor(options: EngineOptions = {}) {
    this.options = options
    this.limits = { ...defaults, ...options.limits }
    this.natives = options.natives ?? standard()
    this.parserOptions = {
      maxDepth: this.limits.expressionDepth,
      maxFunctionDepth: this.limits.functionExpressionDepth,
      maxFunctions: this.limits.functions,
      maxString: this.limits.stringLength,
      maxArray: this.limits.arrayLength,
      maxMap: this.limits.mapSize,
      disabled: new Set(options.allowEval === true ? [] : ["eval"])
    }
  }

  /**
   * Throws a RhaiError of kind ErrorParsing where the text makes no sense. `earlier` are functions of scripts before
   * this one that it may call.
   */
  compile(text: string, globals: ReadonlyArray<string> = [], earlier?: Functions): Script {
    return { unit: this.unit(text, globals, "", earlier), globals }
  }

  /** Reads a script without compiling it. */
  parse(text: string, globals: ReadonlyArray<string> = []): Program {
    return parse(text, this.parserOptions, globals)
  }

  private unit(
    text: string,
    globals: ReadonlyArray<string>,
    module: string,
    outer?: Functions,
    isEval = false
  ): Unit {
    try {
      const program = parse(text, this.parserOptions, globals)
      if (isEval && program.functions.length > 0)
        throw new RhaiError(
          "ErrorParsing",
          "Function definitions must be at global level and cannot be inside a block or another function"
        )
      return compileProgram(program, text, module, outer)
    } catch (error) {
      if (error instanceof RhaiError) throw error
      // Without a depth limit deep nesting ends where JavaScript's own stack does
      if (error instanceof RangeError) throw parseError("Expression exceeds maximum complexity", 0)
      throw error
    }
  }

  /** A machine at the start of the script. */
  machine(script: Script, variables: ReadonlyMap<string, Value> = new Map()): Machine {
    const { options } = this
    const machine = new Machine({
      limits: this.limits,
      natives: this.natives,
      now: options.now ?? (() => performance.now()),
      print: options.print ?? (() => undefined),
      debug: options.debug ?? (() => undefined),
      importModule: (name) => this.module(name),
      evaluate: (text, outer) => this.unit(text, [], "", outer.functions, true)
    })
    machine.start(
      script.unit.main,
      script.globals.map((name) => variables.get(name))
    )
    return machine
  }

  /** Runs a script that asks nothing of the host, to its end. Throws what the script throws, as a RhaiError. */
  run(script: Script, variables?: ReadonlyMap<string, Value>): Value {
    const outcome = this.machine(script, variables).run(false)
    if (outcome.t === "done") return outcome.value
    throw new RhaiError("ErrorSystem", "The script waits for its host")
  }

  private module(name: string): Module | undefined {
    const known = this.loaded.get(name)
    const text = this.options.modules?.get(name)
    if (known !== undefined || text === undefined) return known
    const script: Script = { unit: this.unit(text, [], name), globals: [] }
    const machine = this.machine(script)
    machine.run(false)
    const { home } = machine
    script.unit.home = home
    const module: Module = {
      name,
      variables: machine.exported,
      functions: script.unit.functions,
      modules: home.modules
    }
    this.loaded.set(name, module)
    return module
  }
}
