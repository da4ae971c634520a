/** Calls of script functions, of native ones, and of function pointers. */
import { type FunctionCode, functionKey } from "../language/Code.ts"
import { textParts, toText } from "../language/Format.ts"
import { Frame, MachineState } from "./MachineState.ts"
import { asText, type Args, type Callback, HostRequest, type Native, type Work } from "./Natives.ts"
import { binary, none, signature, unary } from "./Operators.ts"
import { pause } from "../language/pause.ts"
import type { Position } from "../language/Position.ts"
import { type Reference, SlotReference } from "./Reference.ts"
import { shallowWeight, weightOf } from "./weight.ts"
import { constantMethodError, functionNotFound, RhaiError } from "../language/RhaiError.ts"
import { FnPtr, lengthOf, Shared, type Value } from "../language/Value.ts"

/** The answer is not there yet: another frame runs first, or the host works. */
export const pending = Symbol("pending")

/** `exit(value)`: leaves the script from wherever it is. */
export class Exit {
  readonly value: Value
  constructor(value: Value) {
    this.value = value
  }
}

export const isOperator = (name: string): boolean => !/^[A-Za-z_]/.test(name)

/** A callback must not reach the variable that it is called for: it could change what is being gone through. */
const checkRace = ({ name }: Native, args: Args, target: Reference | undefined): void => {
  const cell = target instanceof SlotReference ? target.cell : undefined
  if (cell === undefined) return
  if (args.some((arg) => arg instanceof FnPtr && arg.curry.includes(cell)))
    throw new RhaiError("ErrorDataRace", `Data race detected on argument #1 of function '${name}'`)
}

const interpolating = (parts: ReadonlyArray<Value>): Native => ({
  name: "to_string",
  params: [],
  mutates: false,
  kind: "callbacks",
  cost: "constant",
  run: () => joined(parts)
})

function* joined(parts: ReadonlyArray<Value>): Work {
  let text = ""
  for (const part of parts) text += yield* textParts(part)
  return text
}

export abstract class MachineNatives extends MachineState {
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
      this.chargeOperands(name, args[0], args[1])
      const answer =
        args.length === 2 ? binary(name, args[0], args[1]) : args.length === 1 ? unary(name, args[0]) : none
      if (answer !== none) return this.checked(answer)
    }
    throw functionNotFound(signature(name, args), position)
  }

  protected runNative(
    native: Native,
    args: Args,
    target: Reference | undefined,
    position: Position,
    result: number
  ): Value | typeof pending {
    if (native.mutates && target?.isConst === true) throw constantMethodError(native.name, position)
    if (native.kind === "callbacks") checkRace(native, args, target)
    const first = args[0]
    this.self = first
    const before = native.mutates ? lengthOf(first) : 0
    this.chargeArguments(native, args)
    const answer = native.run(args, this)
    if (native.mutates) this.checkGrowth(this.self, before)
    if (this.self !== first) this.fuel -= weightOf(this.self)
    if (this.self !== first && target !== undefined) target.set(this.self)
    if (native.kind === "value") return this.checkedResult(answer as Value)
    if (answer instanceof HostRequest) {
      this.waiting = { request: answer, result }
      return pending
    }
    const frame = new Frame(this.frame.code, this.sp, result, undefined, position, this.imports.length)
    frame.work = answer as Work
    this.frames.push(frame)
    return this.advance(frame, undefined)
  }

  /** The text of several values; that of containers is written in parts. */
  protected interpolated(parts: ReadonlyArray<Value>): Value | typeof pending {
    for (const part of parts) if (typeof part === "object") this.fuel -= weightOf(part)
    if (!parts.some((part) => Array.isArray(part) || part instanceof Map))
      return this.checkString(parts.map(toText).join(""))
    return this.runNative(interpolating(parts), [], undefined, this.position(), this.sp)
  }

  private chargeArguments(native: Native, args: Args): void {
    const [first, ...rest] = args
    if (native.cost === "all") for (const arg of args) this.fuel -= weightOf(arg)
    else {
      if (native.cost === "shallow") this.fuel -= shallowWeight(first)
      // A key is hashed, and what is put into a container may be copied or moved
      for (const arg of rest) this.fuel -= shallowWeight(arg)
    }
  }

  private checkedResult(value: Value): Value {
    this.fuel -= weightOf(value)
    return this.checked(value)
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

  private drive(frame: Frame, first: IteratorResult<Callback | typeof pause, Value>): Value | typeof pending {
    let next = first
    const depth = this.frames.length
    for (;;) {
      this.fuel--
      this.sp = frame.base
      if (next.done === true) {
        this.frames.pop()
        return this.checkedResult(next.value)
      }
      if (next.value === pause) {
        if (this.isSliceOver) return pending
        next = frame.work!.next(undefined)
        continue
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

  /** Lets the native function go on that was interrupted. */
  protected proceed(frame: Frame): void {
    const answer = this.advance(frame, undefined)
    if (answer !== pending) this.complete(answer, frame.result)
  }

  /** The script function a pointer stands for when called with so many arguments. */
  protected codeOf(pointer: FnPtr, arity: number): FunctionCode | undefined {
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
    this.fuel -= pointer.curry.length >> 3
    const code = this.codeOf(pointer, all.length)
    if (code !== undefined) return this.callScript(code, all, self, position, result)
    const values = all.map((value) => (value instanceof Shared ? value.value : value))
    if (self !== undefined) values.splice(pointer.curry.length, 0, self.get())
    return this.callNative(pointer.name, values, self, position, result)
  }
}
