/** Names, assignments and containers of a running script. */
import type { FunctionCode, VisibleName } from "../language/Code.ts"
import { add } from "../language/Integer.ts"
import { hasIndexer, indexed, noIndexSetter, noSetter, property } from "./Indexing.ts"
import { Iteration, iterationOf } from "./Iteration.ts"
import { MachineCalls } from "./MachineCalls.ts"
import type { Frame } from "./MachineState.ts"
import { binary, none, signature } from "./Operators.ts"
import type { Position } from "../language/Position.ts"
import { type Reference, SlotReference, ValueReference } from "./Reference.ts"
import {
  constantError,
  functionNotFound,
  RhaiError,
  tooLarge,
  variableNotFound
} from "../language/RhaiError.ts"
import { Blob, Char, FnPtr, lengthOf, type RhaiMap, Shared, type Value } from "../language/Value.ts"

const encoder = new TextEncoder()

/** The modules in front of a name. */
export interface Path {
  readonly names: ReadonlyArray<string>
  readonly position: Position
}

/** The variable an assignment starts from, for the error when it is a constant. */
export interface RootName {
  readonly name: string
  readonly position: Position
  /** Where the `=` is. */
  readonly operator: Position
}

const valueIn = (held: unknown): Value => (held instanceof Shared ? held.value : (held as Value))

export abstract class MachineData extends MachineCalls {
  /** A variable that is not known by its slot: of an `eval`, or of the caller's scope. */
  private dynamic(frame: Frame, name: string): Reference | undefined {
    for (let at: Frame | undefined = frame; at !== undefined; at = at.outer?.frame) {
      if (at.extra?.has(name) === true) return new ExtraReference(at.extra, name)
      const found: VisibleName | undefined = at.outer?.visible.findLast((visible) => visible.name === name)
      if (found !== undefined)
        return new SlotReference(this.stack, at.outer!.frame.base + found.slot, found.isConst)
    }
    return undefined
  }

  /** Variables of the top level as they are now: for a caller that runs one piece of script after another. */
  variables(names: ReadonlyArray<string>, main: FunctionCode): Map<string, Value> {
    const found = new Map(names.map((name, slot) => [name, valueIn(this.stack[slot])]))
    for (const { name, slot } of main.unit.locals) found.set(name, valueIn(this.stack[slot]))
    return found
  }

  protected isVisible(frame: Frame, visible: ReadonlyArray<VisibleName>, name: string): boolean {
    return visible.some((known) => known.name === name) || this.dynamic(frame, name) !== undefined
  }

  protected named(name: string, position: Position): Reference {
    const frame = this.frame
    const variable = this.dynamic(frame, name)
    if (variable !== undefined) return variable
    const code = frame.code.unit.byName.get(name)
    if (code === undefined) throw variableNotFound(name, position)
    return new ValueReference(new FnPtr(name, [], code), true)
  }

  protected qualified(path: ReadonlyArray<string>, name: string, position: Position): Value {
    if (path.length === 1 && path[0] === "global" && !this.imports.some(({ alias }) => alias === "global")) {
      const constants = this.frame.code.unit.home?.constants ?? this.globals
      if (constants.has(name)) return this.copied(constants.get(name))
      throw variableNotFound(`global::${name}`, position)
    }
    const module = this.moduleOf(path, position)
    if (!module.variables.has(name)) throw variableNotFound(`${path.join("::")}::${name}`, position)
    return this.copied(module.variables.get(name))
  }

  protected assignName({ names, position }: Path, name: string, op: string | undefined, value: Value): void {
    const at = this.indexPosition()
    if (names.length > 0) {
      this.qualified(names, name, position)
      throw constantError(name, at)
    }
    this.assign(this.named(name, at), op, value, { name, position: at, operator: this.position() })
  }

  /** `target = value` and `target op= value`. */
  protected assign(target: Reference, op: string | undefined, value: Value, root: RootName): void {
    if (target.isConst) throw constantError(root.name, root.position)
    try {
      target.set(op === undefined ? value : this.operated(op, target.get(), value))
    } catch (error) {
      throw error instanceof RhaiError ? error.at(root.operator) : error
    }
  }

  /** `variable op= value`. */
  protected assignSlot(slot: number, op: string, value: Value): void {
    const held = this.stack[slot]
    if (held instanceof Shared) held.value = this.operated(op, held.value, value)
    else if (op === "+" && typeof held === "number" && typeof value === "number")
      this.stack[slot] = add(held, value)
    else this.stack[slot] = this.operated(op, held as Value, value)
  }

  /** The value after `x op= y`; containers are changed in place. */
  protected operated(op: string, x: Value, y: Value): Value {
    if (op === "+" && typeof x === "string" && typeof y === "string") {
      // JavaScript shares the old text, so only the new one counts
      const text = x + y
      this.checkGrowth(text, x.length)
      return text
    }
    if (op === "+" && typeof x === "object" && !(x instanceof Char)) {
      const before = lengthOf(x)
      // What is there stays where it is
      this.fuel -= x instanceof Map || x instanceof Blob || Array.isArray(x) ? lengthOf(y) >> 3 : 0
      const grown = this.grown(x, y)
      if (grown !== undefined) {
        this.checkGrowth(grown, before)
        return grown
      }
    }
    this.chargeOperands(op, x, y)
    const result = binary(op, x, y)
    if (result === none) throw functionNotFound(signature(op, [x, y]))
    return this.checked(result)
  }

  private grown(x: Value, y: Value): Value {
    if (Array.isArray(x)) {
      // An array appends, anything else becomes an element
      if (Array.isArray(y)) for (const item of y === x ? [...y] : y) x.push(item)
      else x.push(y)
      return x
    }
    if (x instanceof Map && y instanceof Map) {
      for (const [key, item] of y) x.set(key, item)
      return x
    }
    if (!(x instanceof Blob)) return undefined
    if (y instanceof Blob) for (const byte of y === x ? [...y.bytes] : y.bytes) x.bytes.push(byte)
    else if (typeof y === "number" || typeof y === "bigint")
      x.bytes.push(Number(BigInt.asUintN(8, BigInt(y))))
    else if (typeof y === "string" || y instanceof Char)
      for (const byte of encoder.encode(typeof y === "string" ? y : y.text)) x.bytes.push(byte)
    else return undefined
    return x
  }

  protected setProperty(
    whole: Reference,
    name: string,
    op: string | undefined,
    value: Value,
    root: RootName
  ): void {
    const object = whole.get()
    const position = this.position()
    if (!(object instanceof Map)) {
      const set =
        op === undefined
          ? value
          : this.operated(op, property(whole, name, this.natives, position).get(), value)
      throw noSetter(object, name, set, position)
    }
    const missing = !object.has(name)
    if (missing && !whole.isConst) object.set(name, undefined)
    if (missing) this.checkEntries(object, root)
    this.assign(property(whole, name, this.natives, position), op, value, root)
  }

  protected setIndex(
    whole: Reference,
    index: Value,
    op: string | undefined,
    value: Value,
    root: RootName
  ): void {
    const position = this.position()
    const object = whole.get()
    this.chargeIndex(object, index)
    const entries = object instanceof Map ? object.size : 0
    const element = hasIndexer(object)
      ? indexed(whole, index, this.indexPosition(), position, !whole.isConst)
      : undefined
    if (element === undefined) throw noIndexSetter(object, index, value, position)
    if (object instanceof Map && object.size > entries) this.checkEntries(object, root)
    this.assign(element, op, value, root)
  }

  private checkEntries(map: RhaiMap, root: RootName): void {
    if (map.size > this.limits.mapSize) throw tooLarge("Size of object map", root.operator)
    this.grow(64)
  }

  protected mapOf(keys: ReadonlyArray<string>, from: number): RhaiMap {
    const map = new Map<string, Value>()
    for (let i = 0; i < keys.length; i++) map.set(keys[i]!, this.stack[from + i] as Value)
    this.checkMap(map.size)
    return map
  }

  protected iterate(value: Value): Iteration {
    const iteration = iterationOf(value)
    if (iteration === undefined)
      throw new RhaiError("ErrorFor", "For loop expects iterable type", this.position())
    return iteration
  }

  /** Sets a loop variable, through the cell if a closure has captured it. */
  protected setLoopVariable(slot: number, value: Value): void {
    const current = this.stack[slot]
    if (current instanceof Shared) current.value = value
    else this.stack[slot] = value
  }
}

class ExtraReference extends ValueReference {
  private readonly variables: Map<string, Value>
  private readonly name: string
  constructor(variables: Map<string, Value>, name: string) {
    super(undefined)
    this.variables = variables
    this.name = name
  }
  override get(): Value {
    return this.variables.get(this.name)
  }
  override set(value: Value): void {
    this.variables.set(this.name, value)
  }
}
