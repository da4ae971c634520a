/** Methods, functions of modules, and what native functions may ask about functions. */
import { type FunctionCode, functionKey, type Module, Target, type VisibleName } from "../language/Code.ts"
import { MachineNatives, pending } from "./MachineNatives.ts"
import type { Frame } from "./MachineState.ts"
import { binary, none, signature } from "./Operators.ts"
import type { Position } from "../language/Position.ts"
import { type Reference, SlotReference } from "./Reference.ts"
import { functionNotFound, mismatch, RhaiError } from "../language/RhaiError.ts"
import { FnPtr, rawTypeName, Shared, typeName, type Value } from "../language/Value.ts"
import { isOperator } from "./MachineNatives.ts"

const nothing = { functions: new Map<string, FunctionCode>(), variables: new Map<string, Value>() }

export abstract class MachineCalls extends MachineNatives {
  accepts(pointer: FnPtr, args: ReadonlyArray<Value>, self: Reference | undefined): boolean {
    const arity = pointer.curry.length + args.length
    if (this.codeOf(pointer, arity) !== undefined) return true
    if (pointer.code?.anonymous === true) return false
    const all = pointer.curry.map((value) => (value instanceof Shared ? value.value : value)).concat(args)
    if (self !== undefined) all.splice(pointer.curry.length, 0, self.get())
    if (this.natives.find(pointer.name, all) !== undefined) return true
    if (!isOperator(pointer.name)) return false
    if (all.length !== 2) return false
    this.chargeOperands(pointer.name, all[0], all[1])
    return binary(pointer.name, all[0], all[1]) !== none
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
        this.fuel -= object.curry.length >> 3
        return new FnPtr(object.name, [...object.curry, ...args], object.code)
      case "is_shared":
        if (args.length === 0) return target instanceof SlotReference && target.cell !== undefined
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
    // Errors name the module that the script has imported, as the crate does
    const through = this.imported(path[0]!)?.name
    this.callScript(code, args, undefined, position, result)
    this.frame.through = through
    return pending
  }

  protected moduleOf(
    path: ReadonlyArray<string>,
    position: Position
  ): { functions: ReadonlyMap<string, FunctionCode>; variables: ReadonlyMap<string, Value> } {
    let found = this.imported(path[0]!)
    if (found !== undefined) {
      for (const name of path.slice(1)) found = found?.modules.get(name)
      return found ?? nothing
    }
    const name = path.join("::")
    throw new RhaiError("ErrorModuleNotFound", `Module not found: ${name}`, position, { module: name })
  }

  protected import(path: Value, alias: string): void {
    const position = this.position()
    if (this.modulesLoaded >= this.limits.modules)
      throw new RhaiError("ErrorTooManyModules", "Too many modules imported", this.indexPosition())
    if (typeof path !== "string") throw mismatch("string", rawTypeName(path), position)
    const module: Module | undefined = this.options.importModule(path)
    if (module === undefined)
      throw new RhaiError("ErrorModuleNotFound", `Module not found: ${path}`, position, { module: path })
    this.modulesLoaded++
    this.imports.push({ alias, module })
  }

  /** What the script exported, at its end. */
  readonly exported = new Map<string, Value>()

  protected keepExports(frame: Frame): void {
    for (const { name, slot } of this.exports) {
      const value = this.stack[frame.base + slot]
      this.exported.set(name, value instanceof Shared ? value.value : (value as Value))
    }
  }

  /** A module's functions see what the module has imported, before what its caller has. */
  private imported(alias: string): Module | undefined {
    const { home } = this.frame.code.unit
    return (
      this.imports.slice(this.frame.imports).findLast((one) => one.alias === alias)?.module ??
      home?.modules.get(alias) ??
      this.imports.findLast((one) => one.alias === alias)?.module
    )
  }

  /** Lets the code of a frame see the scope it was called in. */
  protected lookInto(frame: Frame, visible: ReadonlyArray<VisibleName>, outer: Frame): void {
    frame.outer = { visible, frame: outer }
  }
}
