/** Calls: of script functions, native ones, methods, function pointers and functions of modules. */
import { type FunctionCode, functionKey, Target, type VisibleName } from "./Code.ts"
import { Frame, MachineState } from "./MachineState.ts"
import { asText, type Args, type Callback, HostRequest, type Native } from "./Natives.ts"
import { binary, none, signature, unary } from "./Operators.ts"
import type { Position } from "./Position.ts"
import { SlotReference, type Reference } from "./Reference.ts"
import { constantMethodError, functionNotFound, mismatch, RhaiError } from "./RhaiError.ts"
import { FnPtr, lengthOf, Shared, typeName, type Value } from "./Value.ts"

/** The answer is not there yet: another frame runs first, or the host works. */
export const pending = Symbol("pending")

/** `exit(value)`: leaves the script from wherever it is. */
export class Exit {
  readonly value: Value
  constructor(value: Value) {
    this.value = value
  }
}

const isOperator = (name: string): boolean => !/^[A-Za-z_]/.test(name)

export abstract class MachineCalls extends MachineState {
  /** Enters a script function whose arguments are on top of the stack. */
  protected enter(
    code: FunctionCode,
    base: number,
    result: number,
    self: Reference | undefined,
    position: Position
  ): Frame {
    if (this.depth() >= this.limits.callDepth)
      throw new RhaiError("ErrorStackOverflow", "Stack overflow", position)
    const frame = new Frame(code, base, result, self, position, this.imports.length)
    this.frames.push(frame)
    return frame
  }

  /** Calls in progress, the script itself not counted. */
  private depth(): number {
    return this.frames.length - 1
  }

  protected callScript(
    code: FunctionCode,
    args: ReadonlyArray<Value | Shared>,
    self: Reference | undefined,
    position: Position,
    result: number
  ): typeof pending {
    const base = this.sp
    this.enter(code, base, result, self, position)
    for (let i = 0; i < args.length; i++) this.stack[base + i] = args[i]
    this.sp = base + args.length
    return pending
  }

  /** A bare function name: the script's own function of that arity, else a native one. */
  protected callNative(
    name: string,
    args: Args,
    target: Reference | undefined,
    position: Position,
    result: number
  ): Value | typeof pending {
    const native = this.natives.find(name, args)
    if (native === undefined) return this.callOtherwise(name, args, target, position, result)
    return this.runNative(native, args, target, position, result)
  }

  private callOtherwise(
    name: string,
    args: Args,
    target: Reference | undefined,
    position: Position,
    result: number
  ): Value | typeof pending {
    const texts = asText(args)
    const native = texts === undefined ? undefined : this.natives.find(name, texts)
    if (native !== undefined) return this.runNative(native, texts!, target, position, result)
    if (isOperator(name)) {
      const answer =
        args.length === 2 ? binary(name, args[0], args[1]) : args.length === 1 ? unary(name, args[0]) : none
      if (answer !== none) return this.checked(answer)
    }
    throw functionNotFound(signature(name, args), position)
  }

  private runNative(
    native: Native,
    args: Args,
    target: Reference | undefined,
    position: Position,
    result: number
  ): Value | typeof pending {
    if (native.mutates && target?.isConst === true) throw constantMethodError(native.name, position)
    const first = args[0]
    this.self = first
    const before = native.mutates ? lengthOf(first) : 0
    const answer = native.run(args, this)
    if (native.mutates) this.checkGrowth(this.self, before)
    if (this.self !== first && target !== undefined) target.set(this.self)
    if (native.kind === "value") return this.checked(answer as Value)
    if (answer instanceof HostRequest) {
      this.waiting = { request: answer, result }
      return pending
    }
    const frame = new Frame(this.frame.code, this.sp, result, undefined, position, this.imports.length)
    frame.work = answer as Generator<Callback, Value, Value>
    this.frames.push(frame)
    return this.advance(frame, undefined)
  }

  /** Lets a native function go on until it is done or the script has to run. */
  private advance(frame: Frame, value: Value): Value | typeof pending {
    return this.drive(frame, frame.work!.next(value))
  }

  /** Hands a native function the error of a call it asked for. */
  protected advanceWith(frame: Frame, error: RhaiError): void {
    const answer = this.drive(frame, frame.work!.throw(error))
    if (answer !== pending) this.complete(answer, frame.result)
  }

  private drive(frame: Frame, first: IteratorResult<Callback, Value>): Value | typeof pending {
    let next = first
    const depth = this.frames.length
    for (;;) {
      this.fuel--
      this.sp = frame.base
      if (next.done === true) {
        this.frames.pop()
        return this.checked(next.value)
      }
      const { args, caller, pointer, self } = next.value
      frame.caller = caller
      try {
        const answer = this.callPointer(pointer, args, self, frame.position, frame.base)
        if (answer === pending) return pending
        next = frame.work!.next(answer)
      } catch (error) {
        // The function that asked for the call may live with its failure; frames inside have to be left first
        if (!(error instanceof RhaiError) || this.frames.length > depth) throw error
        next = frame.work!.throw(error.at(frame.position))
      }
    }
  }

  /** Puts the answer of a call where it belongs, through any native functions that wait for it. */
  protected complete(value: Value, result: number): void {
    let answer: Value = value
    let place = result
    for (;;) {
      const frame = this.frames.at(-1)
      if (frame?.work === undefined) break
      const next = this.advance(frame, answer)
      if (next === pending) return
      answer = next
      place = frame.result
    }
    this.stack[place] = answer
    this.sp = place + 1
  }

  /** The script function a pointer stands for when called with so many arguments. */
  private codeOf(pointer: FnPtr, arity: number): FunctionCode | undefined {
    const { code } = pointer
    if (code !== undefined && (code.arity === arity || code.anonymous))
      return code.arity === arity ? code : undefined
    const functions = (pointer.code?.unit ?? this.frame.code.unit).functions
    return functions.get(functionKey(pointer.name, arity))
  }

  protected callPointer(
    pointer: FnPtr,
    args: ReadonlyArray<Value>,
    self: Reference | undefined,
    position: Position,
    result: number
  ): Value | typeof pending {
    const all = pointer.curry.length === 0 ? args : [...pointer.curry, ...args]
    const code = this.codeOf(pointer, all.length)
    if (code !== undefined) return this.callScript(code, all, self, position, result)
    const values = all.map((value) => (value instanceof Shared ? value.value : value))
    if (self !== undefined) values.splice(pointer.curry.length, 0, self.get())
    return this.callNative(pointer.name, values, self, position, result)
  }

  accepts(pointer: FnPtr, args: ReadonlyArray<Value>, self: Reference | undefined): boolean {
    const arity = pointer.curry.length + args.length
    if (this.codeOf(pointer, arity) !== undefined) return true
    if (pointer.code?.anonymous === true) return false
    const all = pointer.curry.map((value) => (value instanceof Shared ? value.value : value)).concat(args)
    if (self !== undefined) all.splice(pointer.curry.length, 0, self.get())
    if (this.natives.find(pointer.name, all) !== undefined) return true
    if (!isOperator(pointer.name)) return false
    return all.length === 2 && binary(pointer.name, all[0], all[1]) !== none
  }

  isDefined(name: string, arity: number, thisType?: string): boolean {
    return this.frame.code.unit.functions.has(functionKey(name, arity, thisType))
  }

  functions(): Iterable<FunctionCode> {
    return this.frame.code.unit.functions.values()
  }

  /** What a method or a borrowed first argument refers to. */
  protected targetOf(kind: number, slot: number): Reference | undefined {
    const frame = this.frame
    switch (kind) {
      case Target.slot:
      case Target.shared:
        return new SlotReference(this.stack, frame.base + slot, false)
      case Target.constant:
        return new SlotReference(this.stack, frame.base + slot, true)
      case Target.self:
        if (frame.self === undefined)
          throw new RhaiError("ErrorUnboundThis", "'this' not bound", this.position())
        return frame.self
      default:
        return undefined
    }
  }

  /** `target.name(args)`. */
  protected callMethod(
    name: string,
    args: ReadonlyArray<Value>,
    target: Reference,
    position: Position,
    result: number
  ): Value | typeof pending {
    const object = target.get()
    switch (name) {
      case "call":
        return this.callMethodPointer(object, args, target, position, result)
      case "curry":
        if (!(object instanceof FnPtr)) throw mismatch("Fn", typeName(object), position)
        return new FnPtr(object.name, [...object.curry, ...args], object.code)
      case "is_shared":
        if (args.length === 0) return target instanceof SlotReference && target.isShared
    }
    if (object instanceof Map) {
      const member = object.get(name)
      if (member instanceof FnPtr) return this.callMember(member, args, target, position, result)
    }
    const { functions } = this.frame.code.unit
    const code =
      functions.get(functionKey(name, args.length, typeName(object))) ??
      functions.get(functionKey(name, args.length))
    if (code !== undefined) return this.callScript(code, args, target, position, result)
    return this.callNative(name, [object, ...args], target, position, result)
  }

  private callMember(
    member: FnPtr,
    args: ReadonlyArray<Value>,
    target: Reference,
    position: Position,
    result: number
  ): Value | typeof pending {
    const all = [...member.curry, ...args]
    const code = this.codeOf(member, all.length)
    if (code !== undefined) return this.callScript(code, all, target, position, result)
    const values = all.map((value) => (value instanceof Shared ? value.value : value))
    return this.callNative(member.name, [target.get(), ...values], target, position, result)
  }

  /** `pointer.call(…)`, and `object.call(pointer, …)`, which binds `this`. */
  private callMethodPointer(
    object: Value,
    args: ReadonlyArray<Value>,
    target: Reference,
    position: Position,
    result: number
  ): Value | typeof pending {
    if (object instanceof FnPtr) return this.callPointer(object, args, undefined, position, result)
    const [pointer, ...rest] = args
    if (args.length === 0) throw mismatch("Fn", typeName(object), position)
    if (!(pointer instanceof FnPtr)) throw mismatch("Fn", typeName(pointer), this.indexPosition())
    const all = [...pointer.curry, ...rest]
    const code = this.codeOf(pointer, all.length)
    if (code !== undefined) return this.callScript(code, all, target, position, result)
    const values = all.map((value) => (value instanceof Shared ? value.value : value))
    return this.callNative(pointer.name, [object, ...values], target, position, result)
  }

  protected callModule(
    path: ReadonlyArray<string>,
    name: string,
    args: ReadonlyArray<Value>,
    result: number
  ): Value | typeof pending {
    const position = this.position()
    const module = this.moduleOf(path, this.indexPosition())
    const code = module.functions.get(functionKey(name, args.length))
    if (code === undefined || code.isPrivate || code.anonymous)
      throw functionNotFound(`${path.join("::")}::${signature(name, args)}`, position)
    return this.callScript(code, args, undefined, position, result)
  }

  protected moduleOf(
    path: ReadonlyArray<string>,
    position: Position
  ): { functions: ReadonlyMap<string, FunctionCode>; variables: ReadonlyMap<string, Value> } {
    const found = path.length === 1 ? this.imports.findLast(({ alias }) => alias === path[0]) : undefined
    if (found !== undefined) return found.module
    const name = path.join("::")
    throw new RhaiError("ErrorModuleNotFound", `Module not found: ${name}`, position, { module: name })
  }

  /** Lets the code of a frame see the scope it was called in. */
  protected lookInto(frame: Frame, visible: ReadonlyArray<VisibleName>, outer: Frame): void {
    frame.outer = { visible, frame: outer }
  }
}
