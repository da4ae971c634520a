/** Instructions that walk to a place and write there. */
import { indexed, property } from "./Indexing.ts"
import { MachineFlow } from "./MachineFlow.ts"
import type { Path, RootName } from "./MachineData.ts"
import type { Frame } from "./MachineState.ts"
import { type Reference, SlotReference, ValueReference } from "./Reference.ts"
import { RhaiError } from "../language/RhaiError.ts"
import type { Value } from "../language/Value.ts"

export abstract class MachinePlaces extends MachineFlow {
  /** One instruction with its place on the stack; returns where the next one is. */
  protected performOnPlaces(op: number, frame: Frame, start: number): number {
    const { stack } = this
    const { code, constants } = frame.code
    const { base } = frame
    let pc = start
    let sp = this.sp
    switch (op) {
      case 24 /* IF_UNIT_END */: {
        const value = (stack[sp - 1] as Reference).get()
        // What only looks takes the value; what may write keeps the reference
        if (value === undefined || code[pc] === 0) stack[sp - 1] = value
        if (value === undefined) pc = code[pc + 1]!
        else pc += 2
        break
      }
      case 46 /* ASSIGN_THIS */: {
        const opText = code[pc++]!
        const root: RootName = { name: "", position: this.indexPosition(), operator: this.position() }
        this.assign(
          this.selfAt(frame, root.position),
          this.text(constants, opText),
          stack[--sp] as Value,
          root
        )
        break
      }
      case 47 /* ASSIGN_NAME */:
        this.assignName(
          constants[code[pc + 2]!] as Path,
          constants[code[pc]!] as string,
          this.text(constants, code[pc + 1]!),
          stack[--sp] as Value
        )
        pc += 3
        break
      case 48 /* SET_PROP */:
        this.setProperty(
          stack[--sp] as Reference,
          constants[code[pc]!] as string,
          this.text(constants, code[pc + 2]!),
          stack[base + code[pc + 1]!] as Value,
          constants[code[pc + 3]!] as RootName
        )
        pc += 4
        break
      case 49 /* SET_INDEX */: {
        const index = (code[pc + 1]! < 0 ? stack[base + code[pc]!] : constants[code[pc + 1]!]) as Value
        this.setIndex(
          stack[--sp] as Reference,
          index,
          this.text(constants, code[pc + 3]!),
          stack[base + code[pc + 2]!] as Value,
          constants[code[pc + 4]!] as RootName
        )
        pc += 5
        break
      }
      case 54 /* REF_SLOT */:
        stack[sp++] = new SlotReference(stack, base + code[pc]!, code[pc + 1] === 1)
        pc += 3
        break
      case 55 /* REF_THIS */:
        stack[sp++] = this.selfOf(frame)
        break
      case 56 /* REF_NAME */:
        stack[sp++] = this.named(constants[code[pc++]!] as string, this.position())
        break
      case 57 /* REF_VALUE */:
        stack[sp - 1] = new ValueReference(stack[sp - 1] as Value)
        break
      case 58 /* REF_PROP */: {
        const whole = this.reference(stack[sp - 1])
        this.chargeIndex(whole.get(), undefined)
        stack[sp - 1] = property(whole, constants[code[pc++]!] as string, this.natives, this.indexPosition())
        break
      }
      case 59 /* REF_INDEX */: {
        const index = (code[pc + 1]! < 0 ? stack[base + code[pc]!] : constants[code[pc + 1]!]) as Value
        const whole = this.reference(stack[sp - 1])
        this.chargeIndex(whole.get(), index)
        stack[sp - 1] = indexed(whole, index, this.indexPosition(), this.position(), false)
        pc += 2
        break
      }
      default:
        throw new RhaiError("ErrorSystem", `no such instruction: ${op}`)
    }
    this.sp = sp
    return pc
  }
}
