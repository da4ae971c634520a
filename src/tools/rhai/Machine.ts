/** Runs instructions. `run` goes on until the script is done, has had its slice, or waits for the host. */
import type { FunctionCode, SwitchTable, VisibleName } from "./Code.ts"
import { getIndexed, getProperty, indexed, property } from "./Indexing.ts"
import type { Iteration } from "./Iteration.ts"
import { keyOf } from "./keyOf.ts"
import { Exit, pending } from "./MachineCalls.ts"
import type { RootName } from "./MachineData.ts"
import { MachineFlow } from "./MachineFlow.ts"
import { Frame } from "./MachineState.ts"
import type { HostRequest } from "./Natives.ts"
import { NONE } from "./Position.ts"
import { type Reference, SlotReference, ValueReference } from "./Reference.ts"
import { mismatch, type RhaiError, variableNotFound } from "./RhaiError.ts"
import { FnPtr, type Range, rawTypeName, Shared, type Value } from "./Value.ts"

export type Outcome =
  | { readonly t: "done"; readonly value: Value }
  /** The slice is over: let others run, then call `run` again. */
  | { readonly t: "yield" }
  /** Do the work, then call `resume` or `fail`, then `run`. */
  | { readonly t: "host"; readonly request: HostRequest }

const yielded: Outcome = { t: "yield" }

export class Machine extends MachineFlow {
  private sliced = false

  /** Puts a script at its start, with the host's variables in the order they were compiled. */
  start(main: FunctionCode, globals: ReadonlyArray<Value>): void {
    globals.forEach((value, i) => (this.stack[i] = value))
    this.sp = globals.length
    this.frames.push(new Frame(main, 0, 0, undefined, NONE, 0))
  }

  /** Runs on. With `sliced` it comes back after every slice, else only for the host or at the end. */
  run(sliced: boolean): Outcome {
    this.sliced = sliced
    for (;;) {
      try {
        return this.execute()
      } catch (error) {
        if (error instanceof Exit) return { t: "done", value: error.value }
        this.unwind(error)
      }
    }
  }

  /** The answer of the host. */
  resume(value: Value): void {
    const { result } = this.waiting!
    this.waiting = undefined
    try {
      this.complete(this.checked(value), result)
    } catch (error) {
      this.unwind(error)
    }
  }

  /** The host could not do it. */
  fail(error: RhaiError): void {
    this.waiting = undefined
    this.unwind(error)
  }

  private finish(value: Value): Outcome {
    return { t: "done", value }
  }

  private execute(): Outcome {
    const { stack } = this
    for (;;) {
      if (this.waiting !== undefined) return { t: "host", request: this.waiting.request }
      const frame = this.frames[this.frames.length - 1]!
      const { code, constants } = frame.code
      const { base } = frame
      let { pc } = frame
      let { sp } = this
      run: for (;;) {
        if (--this.fuel < 0) {
          this.at = pc
          this.sp = sp
          frame.pc = pc
          this.refuel()
          if (this.sliced) return yielded
        }
        const op = code[(this.at = pc++)]
        switch (op) {
          case 0 /* UNIT */:
            stack[sp++] = undefined
            break
          case 1 /* TRUE */:
            stack[sp++] = true
            break
          case 2 /* FALSE */:
            stack[sp++] = false
            break
          case 3 /* INT */:
            stack[sp++] = code[pc++]
            break
          case 4 /* CONST */:
            stack[sp++] = constants[code[pc++]!]
            break
          case 5 /* LOAD */: {
            const value = stack[base + code[pc++]!]
            stack[sp++] = typeof value === "object" ? this.copied(value as Value) : value
            break
          }
          case 6 /* LOAD_RAW */:
            stack[sp++] = stack[base + code[pc++]!]
            break
          case 7 /* LOAD_S */: {
            const value = stack[base + code[pc++]!]
            stack[sp++] = this.copied(value instanceof Shared ? value.value : (value as Value))
            break
          }
          case 8 /* LOAD_RAW_S */: {
            const value = stack[base + code[pc++]!]
            stack[sp++] = value instanceof Shared ? value.value : value
            break
          }
          case 9 /* STORE */:
            stack[base + code[pc++]!] = stack[--sp]
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
          case 16 /* POP */:
            sp--
            break
          case 17 /* SQUASH */: {
            const at = base + code[pc++]!
            stack[at] = stack[sp - 1]
            sp = at + 1
            break
          }
          case 18 /* RESET */:
            sp = base + code[pc++]!
            break
          case 19 /* COPY */: {
            const value = stack[sp - 1]
            if (typeof value === "object") stack[sp - 1] = this.copied(value as Value)
            break
          }
          case 20 /* JUMP */:
          case 21 /* LOOP */:
            pc = code[pc]!
            break
          case 22 /* IF_FALSE */: {
            const value = stack[--sp]
            if (value === false) pc = code[pc]!
            else if (value === true) pc++
            else throw mismatch("bool", rawTypeName(value as Value), this.position())
            break
          }
          case 23 /* IF_TRUE */: {
            const value = stack[--sp]
            if (value === true) pc = code[pc]!
            else if (value === false) pc++
            else throw mismatch("bool", rawTypeName(value as Value), this.position())
            break
          }
          case 24 /* IF_UNIT_END */: {
            const value = (stack[sp - 1] as Reference).get()
            // What only looks takes the value; what may write keeps the reference
            if (value === undefined || code[pc] === 0) stack[sp - 1] = value
            if (value === undefined) pc = code[pc + 1]!
            else pc += 2
            break
          }
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
            const key = keyOf(stack[sp - 1] as Value)
            pc = key === undefined ? table.unhashable : (table.targets.get(key) ?? table.otherwise)
            break
          }
          case 28 /* ADD */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") {
              const sum = x + y
              if (sum <= 9007199254740991 && sum >= -9007199254740991) {
                stack[sp - 1] = sum
                break
              }
            }
            stack[sp - 1] = this.computed("+", x as Value, y as Value)
            break
          }
          case 29 /* SUB */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") {
              const difference = x - y
              if (difference <= 9007199254740991 && difference >= -9007199254740991) {
                stack[sp - 1] = difference
                break
              }
            }
            stack[sp - 1] = this.computed("-", x as Value, y as Value)
            break
          }
          case 30 /* MUL */: {
            const y = stack[--sp]
            stack[sp - 1] = this.computed("*", stack[sp - 1] as Value, y as Value)
            break
          }
          case 31 /* DIV */: {
            const y = stack[--sp]
            stack[sp - 1] = this.computed("/", stack[sp - 1] as Value, y as Value)
            break
          }
          case 32 /* MOD */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number" && y > 0) stack[sp - 1] = (x % y) + 0
            else stack[sp - 1] = this.computed("%", x as Value, y as Value)
            break
          }
          case 33 /* LT */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x < y
            else stack[sp - 1] = this.computed("<", x as Value, y as Value)
            break
          }
          case 34 /* LE */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x <= y
            else stack[sp - 1] = this.computed("<=", x as Value, y as Value)
            break
          }
          case 35 /* GT */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x > y
            else stack[sp - 1] = this.computed(">", x as Value, y as Value)
            break
          }
          case 36 /* GE */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x >= y
            else stack[sp - 1] = this.computed(">=", x as Value, y as Value)
            break
          }
          case 37 /* EQ */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x === y
            else stack[sp - 1] = this.computed("==", x as Value, y as Value)
            break
          }
          case 38 /* NE */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            if (typeof x === "number" && typeof y === "number") stack[sp - 1] = x !== y
            else stack[sp - 1] = this.computed("!=", x as Value, y as Value)
            break
          }
          case 39 /* BINARY */: {
            const y = stack[--sp]
            stack[sp - 1] = this.computed(
              constants[code[pc++]!] as string,
              stack[sp - 1] as Value,
              y as Value
            )
            break
          }
          case 40 /* NOT */:
            stack[sp - 1] = this.negated("!", stack[sp - 1] as Value)
            break
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
          case 44 /* TEXT */: {
            const count = code[pc++]!
            sp -= count
            stack[sp] = this.textOf(sp, count)
            sp++
            break
          }
          case 45 /* ASSIGN_OP */: {
            const slot = base + code[pc]!
            const value = stack[--sp] as Value
            const held = stack[slot]
            const x = held instanceof Shared ? held.value : (held as Value)
            const result = this.operated(constants[code[pc + 1]!] as string, x, value)
            if (held instanceof Shared) held.value = result
            else stack[slot] = result
            pc += 2
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
              constants[code[pc + 2]!] as Array<string>,
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
          case 50 /* GLOBAL */:
            this.globals.set(
              constants[code[pc]!] as string,
              this.copied(stack[base + code[pc + 1]!] as Value)
            )
            pc += 2
            break
          case 51 /* MISSING */:
            throw variableNotFound(constants[code[pc]!] as string, this.position())
          case 52 /* GET_PROP */: {
            const value = stack[sp - 1] as Value
            const name = constants[code[pc++]!] as string
            stack[sp - 1] =
              value instanceof Map
                ? value.get(name)
                : getProperty(value, name, this.natives, this.indexPosition())
            break
          }
          case 53 /* GET_INDEX */: {
            const index = (code[pc + 1]! < 0 ? stack[base + code[pc]!] : constants[code[pc + 1]!]) as Value
            const value = stack[sp - 1] as Value
            if (typeof index === "number" && Array.isArray(value) && index >= 0 && index < value.length)
              stack[sp - 1] = value[index]
            else stack[sp - 1] = getIndexed(value, index, this.indexPosition(), this.position())
            pc += 2
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
          case 58 /* REF_PROP */:
            stack[sp - 1] = property(
              this.reference(stack[sp - 1]),
              constants[code[pc++]!] as string,
              this.natives,
              this.indexPosition()
            )
            break
          case 59 /* REF_INDEX */: {
            const index = (code[pc + 1]! < 0 ? stack[base + code[pc]!] : constants[code[pc + 1]!]) as Value
            stack[sp - 1] = indexed(
              this.reference(stack[sp - 1]),
              index,
              this.indexPosition(),
              this.position(),
              false
            )
            pc += 2
            break
          }
          case 60 /* CALL */: {
            const callee = constants[code[pc]!] as FunctionCode
            const result = sp - code[pc + 1]!
            const visible = code[pc + 2]!
            frame.pc = pc + 3
            this.sp = sp
            const entered = this.enter(callee, result, result, undefined, this.position())
            if (visible >= 0) this.lookInto(entered, constants[visible] as Array<VisibleName>, frame)
            break run
          }
          case 61 /* CALL_NATIVE */:
          case 62 /* METHOD */:
          case 63 /* CALL_MODULE */:
          case 64 /* CALL_POINTER */:
          case 70 /* EVAL */: {
            this.sp = sp
            const answer = this.dispatch(op!, frame, code, constants, pc)
            if (answer === pending) break run
            sp = this.sp
            stack[sp++] = answer
            pc = frame.pc
            break
          }
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
          case 71 /* RETURN */: {
            const value = stack[sp - 1] as Value
            if (this.frames.length === 1) {
              this.sp = sp
              this.keepExports(frame)
              return this.finish(value)
            }
            this.leave(frame, value)
            break run
          }
          case 72 /* ITERATE */:
            stack[sp - 1] = this.iterate(stack[sp - 1] as Value)
            break
          case 73 /* NEXT */: {
            const iteration = stack[base + code[pc]!] as Iteration
            if (iteration.next()) {
              const slot = base + code[pc + 1]!
              if (stack[slot] instanceof Shared) this.setLoopVariable(slot, iteration.value)
              else stack[slot] = iteration.value
              pc += 3
            } else pc = code[pc + 2]!
            break
          }
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
        }
      }
    }
  }
}
