/**
 * Chains such as `a.b[i].f(x).c = v`. Rhai first evaluates every index and argument from left to right, then walks
 * from the root; where the walk may have to write back into what it came from, it carries a reference.
 */
import { type Chain, type Expression, startOf, type Step } from "./Ast.ts"
import { Target } from "./Code.ts"
import { type Label, label } from "./Emitter.ts"
import { ExpressionCompiler } from "./ExpressionCompiler.ts"
import type { Position } from "./Position.ts"

/** Where a step's index or first argument waits on the stack; constants are not on it. */
interface Place {
  readonly depth: number
  readonly constant: number
}

export abstract class ChainCompiler extends ExpressionCompiler {
  protected chain(chain: Chain): void {
    this.walk(chain, true)
  }

  protected chainRaw(chain: Chain): void {
    this.walk(chain, false)
  }

  private walk(chain: Chain, copied: boolean): void {
    const start = this.depth
    const { root, steps } = chain
    const places = steps.map((step) => this.place_(step))
    const end = label()
    let first = 0
    const only = steps[0]!
    const borrowed = only.t === "method" && !only.maybe ? this.borrowed(root) : undefined
    if (borrowed !== undefined && only.t === "method") {
      this.method(only, places[0]!, borrowed.kind, borrowed.slot, this.depth)
      this.grew(1)
      first = 1
    } else {
      this.root(root, steps[0], startOf(root))
    }
    for (let i = first; i < steps.length; i++) this.step(steps[i]!, places[i]!, steps[i + 1], end)
    const last = steps.at(-1)!
    if (copied && last.t !== "method") this.emit("COPY", last.dot)
    this.place(end)
    this.settle(start, chain.position)
  }

  /** Leaves the value on top where the chain began. */
  private settle(start: number, position: Position): void {
    if (this.depth === start + 1) return
    this.emit("SQUASH", position, start)
    this.depth = start + 1
  }

  /** `chain = value` and `chain op= value`; leaves nothing. */
  protected assignChain(chain: Chain, op: string | undefined, value: Expression, position: Position): void {
    const start = this.depth
    const { root, steps } = chain
    this.expression(value)
    const valueDepth = start
    const places = steps.map((step) => this.place_(step))
    const end = label()
    this.root(root, undefined, startOf(root))
    const last = steps.at(-1)!
    for (let i = 0; i < steps.length - 1; i++) this.step(steps[i]!, places[i]!, steps[i + 1], end, true)
    const rootName = this.constant({
      name: root.t === "var" ? root.name : "",
      position: startOf(root),
      operator: position
    })
    const opText = op === undefined ? -1 : this.text(op)
    if (last.maybe) this.jump("IF_UNIT_END", end, last.dot, 1)
    if (last.t === "prop") {
      this.emitIndexed(
        "SET_PROP",
        last.position,
        position,
        this.text(last.name),
        valueDepth,
        opText,
        rootName
      )
    } else if (last.t === "index") {
      const { constant, depth } = places.at(-1)!
      this.emitIndexed(
        "SET_INDEX",
        last.dot,
        startOf(last.index),
        depth,
        constant,
        valueDepth,
        opText,
        rootName
      )
    }
    this.place(end)
    this.emit("RESET", position, start)
    this.depth = start
  }

  private place_(step: Step): Place {
    const depth = this.depth
    if (step.t === "prop") return { depth, constant: -1 }
    if (step.t === "method") {
      this.all(step.args)
      return { depth, constant: -1 }
    }
    const { index } = step
    if (index.t === "string") return { depth: -1, constant: this.text(index.value) }
    if (index.t === "int") return { depth: -1, constant: this.constant(index.value) }
    this.expression(index)
    return { depth, constant: -1 }
  }

  /** The root as a value, or as a reference when the next step may change it. */
  private root(root: Expression, next: Step | undefined, position: Position): void {
    const referenced = next === undefined || next.t === "method" || next.maybe
    if (!referenced) return this.lent(root)
    if (root.t === "var" && root.path.length === 0) {
      const { declaration } = root
      if (declaration === undefined) return this.push("REF_NAME", root.position, this.text(root.name))
      return this.push(
        "REF_SLOT",
        root.position,
        declaration.slot,
        declaration.isConst ? 1 : 0,
        this.text(root.name)
      )
    }
    if (root.t === "this") return this.push("REF_THIS", root.position)
    this.expression(root)
    this.emit("REF_VALUE", position)
  }

  private step(step: Step, place: Place, next: Step | undefined, end: Label, assigning = false): void {
    const referenced = assigning || next?.t === "method" || next?.maybe === true
    if (step.maybe) this.jump("IF_UNIT_END", end, step.dot, referenced || step.t === "method" ? 1 : 0)
    switch (step.t) {
      case "prop":
        return this.emitIndexed(
          referenced ? "REF_PROP" : "GET_PROP",
          step.dot,
          step.position,
          this.text(step.name)
        )
      case "index":
        return this.emitIndexed(
          referenced ? "REF_INDEX" : "GET_INDEX",
          step.dot,
          startOf(step.index),
          place.depth,
          place.constant
        )
      case "method":
        this.method(step, place, Target.stack, 0, this.depth - 1)
        if (referenced) this.emit("REF_VALUE", step.position)
    }
  }

  private method(
    step: Extract<Step, { t: "method" }>,
    place: Place,
    kind: number,
    slot: number,
    result: number
  ): void {
    const argPosition = step.args[0]?.position ?? step.position
    const operands = [this.text(step.name), step.args.length, place.depth, kind, slot, result]
    this.emitIndexed("METHOD", step.position, argPosition, ...operands)
  }
}
