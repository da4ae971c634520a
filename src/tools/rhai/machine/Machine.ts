/** Runs instructions. `run` goes on until the script is done, has had its slice, or waits for the host. */
import type { FunctionCode, VisibleName } from "../language/Code.ts"
import { compared, comparisons, FIRST_COMPARISON } from "./comparison.ts"
import { getIndexed, getProperty } from "./Indexing.ts"
import type { Iteration } from "./Iteration.ts"
import { Exit, pending } from "./MachineNatives.ts"
import { weightOf } from "./weight.ts"
import { MachineSteps } from "./MachineSteps.ts"
import { Frame } from "./MachineState.ts"
import type { Outcome } from "./Outcome.ts"
import { NONE } from "../language/Position.ts"
import { mismatch, type RhaiError } from "../language/RhaiError.ts"
import { rawTypeName, Shared, type Value } from "../language/Value.ts"

const yielded: Outcome = { t: "yield" }

export class Machine extends MachineSteps {
  private sliced = false
  /** What went wrong and has not been handled yet. */
  private failure: unknown = undefined

  /** Puts a script at its start, with the host's variables in the order they were compiled. */
  start(main: FunctionCode, globals: ReadonlyArray<Value>): void {
    globals.forEach((value, i) => (this.stack[i] = value))
    this.sp = globals.length
    this.frames.push(new Frame(main, 0, 0, undefined, NONE, 0))
  }

  /** Runs on. With `sliced` it comes back after every slice, else only for the host or at the end. */
  run(sliced: boolean): Outcome {
    this.sliced = sliced
    this.sliceBegins()
    for (;;) {
      try {
        this.recover()
        return this.execute()
      } catch (error) {
        if (error instanceof Exit) return { t: "done", value: error.value }
        if (this.frames.length === 0) throw error
        this.failure = error
      }
    }
  }

  private recover(): void {
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) this.unwind(failure)
  }

  /** The answer of the host. */
  resume(value: Value): void {
    const { result } = this.waiting!
    this.waiting = undefined
    try {
      this.charge(weightOf(value))
      this.complete(this.checked(value), result)
    } catch (error) {
      this.failure = error
    }
  }

  /** The host could not do it. */
  fail(error: RhaiError): void {
    this.waiting = undefined
    this.failure = error
  }

  private execute(): Outcome {
    const { sliced, stack } = this
    for (;;) {
      if (this.waiting !== undefined) return { t: "host", request: this.waiting.request }
      const frame = this.frames[this.frames.length - 1]!
      if (frame.work !== undefined) {
        const isOver = this.isSliceOver
        if (this.fuel < 0) this.refuel()
        if (isOver && sliced) return yielded
        this.proceed(frame)
        continue
      }
      const { code, constants } = frame.code
      const { base } = frame
      let { pc } = frame
      let { sp } = this
      run: for (;;) {
        if (--this.fuel < 0) {
          this.at = pc
          this.sp = sp
          frame.pc = pc
          if (this.refuel() && sliced) return yielded
        }
        const op = code[(this.at = pc++)]!
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
          case 9 /* STORE */:
            stack[base + code[pc++]!] = stack[--sp]
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
          case 34 /* LE */:
          case 35 /* GT */:
          case 36 /* GE */:
          case 37 /* EQ */:
          case 38 /* NE */: {
            const y = stack[--sp]
            const x = stack[sp - 1]
            stack[sp - 1] =
              typeof x === "number" && typeof y === "number"
                ? compared(op, x, y)
                : this.computed(comparisons[op - FIRST_COMPARISON]!, x as Value, y as Value)
            break
          }
          case 40 /* NOT */:
            stack[sp - 1] = this.negated("!", stack[sp - 1] as Value)
            break
          case 45 /* ASSIGN_OP */:
            this.assignSlot(base + code[pc]!, constants[code[pc + 1]!] as string, stack[--sp] as Value)
            pc += 2
            break
          case 52 /* GET_PROP */: {
            const value = stack[sp - 1] as Value
            const name = constants[code[pc++]!] as string
            if (typeof value === "string") this.chargeIndex(value, undefined)
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
            else {
              this.chargeIndex(value, index)
              stack[sp - 1] = getIndexed(value, index, this.indexPosition(), this.position())
            }
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
          case 44 /* TEXT */:
          case 61 /* CALL_NATIVE */:
          case 62 /* METHOD */:
          case 63 /* CALL_MODULE */:
          case 64 /* CALL_POINTER */:
          case 70 /* EVAL */: {
            this.sp = sp
            const answer = this.dispatch(op, frame, code, constants, pc)
            if (answer === pending) break run
            sp = this.sp
            stack[sp++] = answer
            pc = frame.pc
            break
          }
          case 71 /* RETURN */: {
            const value = stack[sp - 1] as Value
            if (this.frames.length === 1) {
              this.sp = sp
              this.keepExports(frame)
              return { t: "done", value }
            }
            this.leave(frame, value)
            break run
          }
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
          default:
            this.sp = sp
            pc = this.perform(op, frame, pc)
            sp = this.sp
        }
      }
    }
  }
}
