/** Instructions that are not worth a place in the main loop. Smaller loops are compiled better. */
import { type FunctionCode, type SwitchTable, type VisibleName } from "../language/Code.ts"
import type { Iteration } from "./Iteration.ts"
import { keyOf } from "../language/keyOf.ts"
import { MachinePlaces } from "./MachinePlaces.ts"
import type { Frame } from "./MachineState.ts"
import { variableNotFound } from "../language/RhaiError.ts"
import { FnPtr, type Range, Shared, type Value } from "../language/Value.ts"

export abstract class MachineSteps extends MachinePlaces {
  /** One instruction with its place on the stack; returns where the next one is. */
  protected perform(op: number, frame: Frame, start: number): number {
    const { stack } = this
    const { code, constants } = frame.code
    const { base } = frame
    let pc = start
    let sp = this.sp
    switch (op) {
      case 12 /* NAME */:
        stack[sp++] = this.copied(this.named(constants[code[pc++]!] as string, this.position()).get())
        break
      case 13 /* QUALIFIED */:
        stack[sp++] = this.qualified(
          constants[code[pc]!] as Array<string>,
          constants[code[pc + 1]!] as string,
          this.position()
        )
        pc += 2
        break
      case 14 /* THIS */:
        stack[sp++] = this.copied(this.selfOf(frame).get())
        break
      case 15 /* THIS_RAW */:
        stack[sp++] = this.selfOf(frame).get()
        break
      case 25 /* IF_SOME */:
        if (stack[sp - 1] === undefined) {
          sp--
          pc++
        } else pc = code[pc]!
        break
      case 26 /* UNLESS_RANGE */:
        pc = this.inRange(stack[sp - 1] as Value, constants[code[pc]!] as Range) ? pc + 2 : code[pc + 1]!
        break
      case 27 /* SWITCH */: {
        const table = constants[code[pc]!] as SwitchTable
        const key = keyOf(stack[sp - 1] as Value, table.longest)
        this.fuel -= table.longest >> 6
        pc = key === undefined ? table.unhashable : (table.targets.get(key) ?? table.otherwise)
        break
      }
      case 39 /* BINARY */: {
        const y = stack[--sp] as Value
        stack[sp - 1] = this.computed(constants[code[pc++]!] as string, stack[sp - 1] as Value, y)
        break
      }
      case 41 /* UNARY */:
        stack[sp - 1] = this.negated(constants[code[pc++]!] as string, stack[sp - 1] as Value)
        break
      case 42 /* ARRAY */: {
        const from = sp - code[pc++]!
        this.checkArray(sp - from)
        stack[from] = stack.slice(from, sp)
        sp = from + 1
        break
      }
      case 43 /* MAP */: {
        const from = sp - code[pc]!
        stack[from] = this.mapOf(constants[code[pc + 1]!] as Array<string>, from)
        sp = from + 1
        pc += 2
        break
      }
      case 50 /* GLOBAL */:
        this.globals.set(constants[code[pc]!] as string, this.copied(stack[base + code[pc + 1]!] as Value))
        pc += 2
        break
      case 51 /* MISSING */:
        throw variableNotFound(constants[code[pc]!] as string, this.position())
      case 65 /* CLOSURE */: {
        const count = code[pc + 1]!
        const curry: Array<Value | Shared> = []
        for (let i = 0; i < count; i++) curry.push(stack[base + code[pc + 2 + i]!] as Shared)
        const fn = constants[code[pc]!] as FunctionCode
        stack[sp++] = new FnPtr(fn.name, curry, fn)
        pc += 2 + count
        break
      }
      case 66 /* FN */:
        stack[sp - 1] = this.pointerFrom(stack[sp - 1] as Value)
        break
      case 67 /* CURRY */: {
        const from = sp - code[pc++]!
        stack[from - 1] = this.curried(stack[from - 1] as Value, stack.slice(from, sp) as Array<Value>)
        sp = from
        break
      }
      case 68 /* IS_SHARED */:
        stack[sp++] = stack[base + code[pc++]!] instanceof Shared
        break
      case 69 /* IS_DEF_VAR */:
        stack[sp - 1] = this.isDefinedVariable(
          frame,
          constants[code[pc++]!] as Array<VisibleName>,
          stack[sp - 1] as Value
        )
        break
      case 72 /* ITERATE */:
        stack[sp - 1] = this.iterate(stack[sp - 1] as Value)
        break
      case 74 /* NEXT_COUNTED */: {
        const iteration = stack[base + code[pc]!] as Iteration
        if (iteration.next()) {
          this.setLoopVariable(base + code[pc + 1]!, iteration.value)
          this.setLoopVariable(base + code[pc + 2]!, iteration.count)
          pc += 4
        } else pc = code[pc + 3]!
        break
      }
      case 75 /* TRY */:
        ;(frame.handlers ??= []).push({ depth: code[pc]!, pc: code[pc + 1]! })
        pc += 2
        break
      case 76 /* END_TRY */:
        frame.handlers!.pop()
        break
      case 77 /* THROW */:
        throw this.thrown(frame, stack[sp - 1] as Value, code[pc]!)
      case 78 /* IMPORT */:
        this.import(stack[--sp] as Value, constants[code[pc++]!] as string)
        break
      case 79 /* EXPORT */:
        this.exports.push({ name: constants[code[pc]!] as string, slot: code[pc + 1]! })
        pc += 2
        break
      case 80 /* IMPORTS_MARK */:
        stack[sp++] = this.imports.length
        break
      case 81 /* IMPORTS_RESET */:
        this.imports.length = stack[base + code[pc++]!] as number
        break
      case 10 /* STORE_S */:
        this.setLoopVariable(base + code[pc++]!, stack[--sp] as Value)
        break
      case 11 /* SHARE */: {
        const slot = base + code[pc++]!
        const value = stack[slot]
        if (!(value instanceof Shared)) stack[slot] = new Shared(value as Value)
        break
      }
      case 8 /* LOAD_RAW_S */:
        stack[sp++] = this.inside(stack[base + code[pc++]!])
        break
      case 7 /* LOAD_S */:
        stack[sp++] = this.copied(this.inside(stack[base + code[pc++]!]))
        break
      default:
        return this.performOnPlaces(op, frame, start)
    }
    this.sp = sp
    return pc
  }
}
