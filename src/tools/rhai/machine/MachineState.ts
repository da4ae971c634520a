/** What a running script consists of: its stack, its calls, and what it has used of its limits. */
import type { FunctionCode, Home, Module, Unit, VisibleName } from "../language/Code.ts"
import type { Limits } from "./Limits.ts"
import { Budget } from "./Budget.ts"
import type { HostRequest, NativeContext, Natives, Work } from "./Natives.ts"
import type { Position } from "../language/Position.ts"
import { NONE } from "../language/Position.ts"
import type { Reference } from "./Reference.ts"
import type { FnPtr, Value } from "../language/Value.ts"

export interface MachineOptions {
  readonly limits: Limits
  readonly natives: Natives
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number
  readonly print: (text: string, position: Position) => void
  readonly debug: (text: string, position: Position) => void
  readonly importModule: (name: string) => Module | undefined
  /** Compiles the text of an `eval`. */
  readonly evaluate: (text: string, unit: Unit) => Unit
}

export interface Handler {
  readonly pc: number
  readonly depth: number
}

/** The scope a piece of code was called in, when it may see it. */
export interface Outer {
  readonly visible: ReadonlyArray<VisibleName>
  readonly frame: Frame
}

export class Frame {
  pc = 0
  readonly code: FunctionCode
  readonly base: number
  /** Where the result goes on the caller's stack. */
  readonly result: number
  readonly self: Reference | undefined
  /** Where it was called from. */
  readonly position: Position
  handlers: Array<Handler> | undefined = undefined
  outer: Outer | undefined = undefined
  /** The module that it was called through. */
  through: string | undefined = undefined
  /** Variables an `eval` in this frame has made. */
  extra: Map<string, Value> | undefined = undefined
  /** In the frame of a native function that calls back: the rest of its work. */
  work: Work | undefined = undefined
  /** Whom errors of the call it waits for should name. */
  caller: string | undefined = undefined
  readonly imports: number

  constructor(
    code: FunctionCode,
    base: number,
    result: number,
    self: Reference | undefined,
    position: Position,
    imports: number
  ) {
    this.code = code
    this.base = base
    this.result = result
    this.self = self
    this.position = position
    this.imports = imports
  }
}

export abstract class MachineState extends Budget implements NativeContext {
  protected readonly stack: Array<unknown> = []
  protected sp = 0
  protected readonly frames: Array<Frame> = []
  /** The instruction being run, for the place of an error. */
  protected at = 0
  self: Value = undefined
  protected readonly options: MachineOptions
  protected readonly natives: Natives
  protected readonly imports: Array<{ readonly alias: string; readonly module: Module }> = []
  protected modulesLoaded = 0
  protected readonly globals = new Map<string, Value>()
  protected readonly exports: Array<{ readonly name: string; readonly slot: number }> = []
  protected waiting: { readonly request: HostRequest; readonly result: number } | undefined = undefined

  constructor(options: MachineOptions) {
    super(options.limits, options.now)
    this.options = options
    this.natives = options.natives
  }

  protected get frame(): Frame {
    return this.frames[this.frames.length - 1]!
  }

  /** The place of the instruction being run. */
  protected position(): Position {
    const frame = this.frames.at(-1)
    return frame === undefined ? NONE : (frame.code.positions[this.at] ?? NONE)
  }

  /** What this script's functions see of it, once it has run. */
  get home(): Home {
    return {
      modules: new Map(this.imports.map(({ alias, module }) => [alias, module])),
      constants: this.globals
    }
  }

  protected *alive(): Iterable<unknown> {
    for (let i = 0; i < this.sp; i++) yield this.stack[i]
  }

  callPosition(): Position {
    const frame = this.frames.at(-1)
    return frame?.work === undefined ? this.position() : frame.position
  }

  protected indexPosition(): Position {
    return this.frame.code.indexPositions[this.at] ?? NONE
  }

  print(text: string): void {
    this.options.print(text, this.position())
  }

  debug(text: string): void {
    this.options.debug(text, this.position())
  }

  abstract accepts(pointer: FnPtr, args: ReadonlyArray<Value>, self: Reference | undefined): boolean
  abstract isDefined(name: string, arity: number, thisType?: string): boolean
  abstract functions(): Iterable<FunctionCode>
}
