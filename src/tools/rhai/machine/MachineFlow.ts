/** The longer instructions of the machine, and the way out of it: returns, errors, handlers. */
import { type FunctionCode, functionKey, Op, Target, type VisibleName } from "../language/Code.ts"
import { caughtValue } from "./caught.ts"
import { display } from "../language/Format.ts"
import { Exit, pending } from "./MachineNatives.ts"
import { MachineData } from "./MachineData.ts"
import { Frame } from "./MachineState.ts"
import { binary, none, signature, unary } from "./Operators.ts"
import type { Position } from "../language/Position.ts"
import { type Reference, ValueReference, Reference as ReferenceClass } from "./Reference.ts"
import { functionNotFound, mismatch, RhaiError } from "../language/RhaiError.ts"
import { weightOf } from "./weight.ts"
import { pointerFrom } from "./pointerFrom.ts"
import { Float, FnPtr, Range, rawTypeName, Shared, typeName, type Value } from "../language/Value.ts"

export abstract class MachineFlow extends MachineData {
  protected text(constants: ReadonlyArray<unknown>, index: number): string | undefined {
    return index < 0 ? undefined : (constants[index] as string)
  }

  /** What a slot holds, looking into the cell of a captured variable. */
  protected inside(held: unknown): Value {
    return held instanceof Shared ? held.value : (held as Value)
  }

  /** A step on the way that is lent becomes a reference when the next one may write. */
  protected reference(item: unknown): Reference {
    return item instanceof ReferenceClass ? item : new ValueReference(item as Value)
  }

  protected selfOf(frame: Frame): Reference {
    return this.selfAt(frame, this.position())
  }

  protected selfAt(frame: Frame, position: Position): Reference {
    if (frame.self !== undefined) return frame.self
    throw new RhaiError("ErrorUnboundThis", "'this' not bound", position)
  }

  protected computed(op: string, x: Value, y: Value): Value {
    this.chargeOperands(op, x, y)
    const result = binary(op, x, y)
    if (result === none) throw functionNotFound(signature(op, [x, y]), this.position())
    return typeof result === "object" || typeof result === "string" ? this.checked(result) : result
  }

  protected negated(op: string, x: Value): Value {
    if (op === "!" && typeof x === "boolean") return !x
    const result = unary(op, x)
    if (result === none) throw functionNotFound(signature(op, [x]), this.position())
    return result
  }

  protected inRange(value: Value, range: Range): boolean {
    if (value instanceof Float) {
      const n = value.value
      const end = Number(range.end)
      return n >= Number(range.start) && (range.inclusive ? n <= end : n < end)
    }
    if (typeof value !== "number" && typeof value !== "bigint") return false
    return value >= range.start && (range.inclusive ? value <= range.end : value < range.end)
  }

  protected pointerFrom(value: Value): FnPtr {
    return pointerFrom(value, this.position())
  }

  protected curried(pointer: Value, args: ReadonlyArray<Value>): FnPtr {
    if (!(pointer instanceof FnPtr)) throw mismatch("Fn", typeName(pointer), this.position())
    this.charge(pointer.curry.length >> 3)
    return new FnPtr(pointer.name, [...pointer.curry, ...args], pointer.code)
  }

  protected isDefinedVariable(frame: Frame, visible: ReadonlyArray<VisibleName>, name: Value): boolean {
    if (typeof name !== "string") throw mismatch("string", rawTypeName(name), this.position())
    return this.isVisible(frame, visible, name)
  }

  /** The calls: the instruction is read here, so that the main loop stays small enough to be compiled well. */
  protected dispatch(
    op: number,
    frame: Frame,
    code: ReadonlyArray<number>,
    constants: ReadonlyArray<unknown>,
    pc: number
  ): Value | typeof pending {
    const { stack } = this
    switch (op) {
      case Op.TEXT:
        frame.pc = pc + 1
        return this.interpolated(this.taken(code[pc]!))
      case Op.CALL_NATIVE:
        return this.nativeInstruction(frame, code, constants, pc)
      case Op.METHOD:
        return this.methodInstruction(frame, code, constants, pc)
      case Op.CALL_MODULE: {
        frame.pc = pc + 3
        const args = this.taken(code[pc + 2]!)
        return this.callModule(
          constants[code[pc]!] as Array<string>,
          constants[code[pc + 1]!] as string,
          args,
          this.sp
        )
      }
      case Op.CALL_POINTER: {
        frame.pc = pc + 2
        const args = this.taken(code[pc]!)
        const pointer = stack[--this.sp] as Value
        if (!(pointer instanceof FnPtr)) throw mismatch("Fn", typeName(pointer), this.indexPosition())
        const answer = this.callPointer(pointer, args, undefined, this.position(), this.sp)
        const visible = code[pc + 1]!
        if (visible >= 0 && this.frame !== frame)
          this.lookInto(this.frame, constants[visible] as Array<VisibleName>, frame)
        return answer
      }
      default: {
        frame.pc = pc + 1
        return this.evaluate(frame, constants[code[pc]!] as Array<VisibleName>, stack[--this.sp] as Value)
      }
    }
  }

  /** Takes the topmost values off the stack. */
  private taken(count: number): Array<Value> {
    this.sp -= count
    return this.stack.slice(this.sp, this.sp + count) as Array<Value>
  }

  private nativeInstruction(
    frame: Frame,
    code: ReadonlyArray<number>,
    constants: ReadonlyArray<unknown>,
    pc: number
  ): Value | typeof pending {
    frame.pc = pc + 4
    const kind = code[pc + 2]!
    const count = code[pc + 1]!
    const name = constants[code[pc]!] as string
    const late = frame.code.unit.isOpen ? frame.code.unit.functions.get(functionKey(name, count)) : undefined
    if (late !== undefined) return this.callLate(late, kind, code[pc + 3]!, count)
    if (kind === Target.stack)
      return this.callNative(name, this.taken(count), undefined, this.position(), this.sp)
    const rest = this.taken(count - 1)
    const target = this.targetOf(kind, code[pc + 3]!)!
    // What cannot be changed through a call is copied, and the copy may be changed
    const lent = kind === Target.slot || (kind === Target.self && !target.isConst)
    const reference = lent ? target : new ValueReference(this.copied(target.get()))
    return this.callNative(name, [reference.get(), ...rest], reference, this.position(), this.sp)
  }

  /** Calls a function that was defined after the caller was compiled, as happens in a conversation. */
  private callLate(fn: FunctionCode, kind: number, slot: number, count: number): typeof pending {
    const args = this.taken(kind === Target.stack ? count : count - 1)
    if (kind !== Target.stack) args.unshift(this.copied(this.targetOf(kind, slot)!.get()))
    return this.callScript(fn, args, undefined, this.position(), this.sp)
  }

  private methodInstruction(
    frame: Frame,
    code: ReadonlyArray<number>,
    constants: ReadonlyArray<unknown>,
    pc: number
  ): Value | typeof pending {
    frame.pc = pc + 6
    const from = frame.base + code[pc + 2]!
    const args = this.stack.slice(from, from + code[pc + 1]!) as Array<Value>
    const kind = code[pc + 3]!
    const target =
      kind === Target.stack ? this.reference(this.stack[--this.sp]) : this.targetOf(kind, code[pc + 4]!)!
    this.sp = frame.base + code[pc + 5]!
    return this.callMethod(constants[code[pc]!] as string, args, target, this.position(), this.sp)
  }

  private evaluate(frame: Frame, visible: ReadonlyArray<VisibleName>, text: Value): Value | typeof pending {
    const position = this.position()
    if (typeof text !== "string") throw mismatch("string", rawTypeName(text), position)
    this.charge(text.length)
    let unit: ReturnType<typeof this.options.evaluate>
    try {
      unit = this.options.evaluate(text, frame.code.unit)
    } catch (error) {
      if (error instanceof RhaiError)
        error.calls.push({ name: "eval", anonymous: false, source: "", position })
      throw error
    }
    const entered = this.enter(unit.main, this.sp, this.sp, frame.self, position)
    this.lookInto(entered, visible, frame)
    return pending
  }

  /** Leaves a function with its value. */
  protected leave(frame: Frame, value: Value): void {
    this.frames.pop()
    this.imports.length = frame.imports
    if (frame.code.unit.locals.length > 0 && frame.outer !== undefined && frame.code === frame.code.unit.main)
      this.keepLocals(frame)
    this.sp = frame.base
    this.complete(value, frame.result)
  }

  private keepLocals(frame: Frame): void {
    const outer = frame.outer!.frame
    outer.extra ??= new Map()
    for (const { name, slot } of frame.code.unit.locals) {
      const value = this.stack[frame.base + slot]
      outer.extra.set(name, value instanceof Shared ? value.value : (value as Value))
    }
  }

  /** The error a `throw` makes; an empty one in a catch block throws the caught error again. */
  protected thrown(frame: Frame, value: Value, handling: number): RhaiError {
    const position = this.position()
    if (value === undefined && handling >= 0) {
      const caught = this.stack[frame.base + handling] as RhaiError
      if (caught.calls.length === 0) caught.position = position
      else caught.calls.at(-1)!.position = position
      return caught
    }
    this.charge(weightOf(value))
    const text = display(value)
    return new RhaiError(
      "ErrorRuntime",
      text === "" ? "Runtime error" : `Runtime error: ${text}`,
      position,
      {},
      value
    )
  }

  /** Carries an error outward to the nearest handler; throws it when there is none. */
  protected unwind(thrown: unknown): void {
    let error = this.asError(thrown)
    if (this.frames.at(-1)?.work === undefined) error.at(this.position())
    for (;;) {
      const frame = this.frames.at(-1)
      if (frame === undefined) throw error
      if (frame.work !== undefined) {
        try {
          return this.advanceWith(frame, error)
        } catch (next) {
          const passed = error
          error = this.asError(next)
          this.frames.pop()
          if (error === passed && frame.caller !== undefined)
            error.through({
              name: frame.caller,
              anonymous: false,
              source: this.frames.at(-1)?.through ?? "",
              position: frame.position
            })
          error.at(frame.position)
          continue
        }
      }
      error.script ??= frame.code.unit.source
      const handler = error.isCatchable ? frame.handlers?.pop() : undefined
      if (handler !== undefined) return this.handle(frame, handler.depth, handler.pc, error)
      this.frames.pop()
      if (this.frames.length === 0) throw error
      this.imports.length = frame.imports
      const isEval = frame.code === frame.code.unit.main
      const { anonymous } = frame.code
      const name = isEval ? "eval" : frame.code.name
      error.through({
        name,
        anonymous,
        source: frame.through ?? "",
        position: frame.position
      })
    }
  }

  private handle(frame: Frame, depth: number, pc: number, error: RhaiError): void {
    const at = frame.base + depth
    this.stack[at] = error
    this.stack[at + 1] = caughtValue(error)
    this.sp = at + 2
    frame.pc = pc
  }

  /** No JavaScript exception gets out of a script. */
  private asError(thrown: unknown): RhaiError {
    if (thrown instanceof RhaiError) return thrown
    if (thrown instanceof Exit) throw thrown
    if (thrown instanceof RangeError && /call stack/i.test(thrown.message))
      return new RhaiError("ErrorStackOverflow", "Stack overflow")
    if (thrown instanceof RangeError) return new RhaiError("ErrorDataTooLarge", "Length of string too large")
    return new RhaiError("ErrorSystem", thrown instanceof Error ? thrown.message : String(thrown))
  }
}
