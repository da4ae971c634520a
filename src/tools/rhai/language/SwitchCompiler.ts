/** `switch`: cases are looked up by value, then ranges are tried in order. */
import type { Statement } from "./Ast.ts"
import type { SwitchTable } from "./Code.ts"
import { type Label, label } from "./Emitter.ts"
import { keyOf } from "./keyOf.ts"
import { literalValue } from "./literalValue.ts"
import { LoopCompiler } from "./LoopCompiler.ts"
import type { Position } from "./Position.ts"
import { Range } from "./Value.ts"

export abstract class SwitchCompiler extends LoopCompiler {
  protected abstract block(body: ReadonlyArray<Statement>, want: boolean, position: Position): void

  protected switch(s: Extract<Statement, { t: "switch" }>, want: boolean): void {
    const start = this.depth
    this.lent(s.subject)
    const targets = new Map<string, number>()
    const table: SwitchTable = { targets, longest: 0, otherwise: -1, unhashable: -1 }
    this.emit("SWITCH", s.position, this.constant(table))
    const bodies = s.cases.map(() => label())
    const ranges = label()
    const fallback = label()
    const byKey = this.casesByKey(s)
    for (const [key, indexes] of byKey) {
      targets.set(key, this.here)
      table.longest = Math.max(table.longest, key.length)
      for (const i of indexes) this.caseJump(s, i, bodies[i]!)
      this.jump("JUMP", ranges, s.position)
    }
    table.otherwise = this.here
    this.place(ranges)
    this.rangeCases(s, bodies)
    table.unhashable = this.here
    this.jump("JUMP", fallback, s.position)
    this.caseBodies(s, bodies, fallback, start, want)
  }

  private casesByKey(s: Extract<Statement, { t: "switch" }>): Map<string, Array<number>> {
    const byKey = new Map<string, Array<number>>()
    s.cases.forEach((item, i) => {
      for (const value of item.values) {
        const key = keyOf(literalValue(value, this.functions), Infinity)
        if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), i])
      }
    })
    return byKey
  }

  private caseJump(s: Extract<Statement, { t: "switch" }>, index: number, body: Label): void {
    const { condition } = s.cases[index]!
    if (condition === undefined) return this.jump("JUMP", body, s.position)
    this.lent(condition)
    this.jump("IF_TRUE", body, condition.position)
    this.grew(-1)
  }

  private rangeCases(s: Extract<Statement, { t: "switch" }>, bodies: ReadonlyArray<Label>): void {
    s.cases.forEach((item, i) => {
      for (const value of item.values) {
        const range = literalValue(value, this.functions)
        if (!(range instanceof Range)) continue
        const skip = label()
        this.jump("UNLESS_RANGE", skip, value.position, this.constant(range))
        this.caseJump(s, i, bodies[i]!)
        this.place(skip)
      }
    })
  }

  private caseBodies(
    s: Extract<Statement, { t: "switch" }>,
    bodies: ReadonlyArray<Label>,
    fallback: Label,
    start: number,
    want: boolean
  ): void {
    const end = label()
    let hasDefault = false
    s.cases.forEach((item, i) => {
      this.place(bodies[i]!)
      if (item.values.length === 0) {
        hasDefault = true
        this.place(fallback)
      }
      this.emit("RESET", s.position, start)
      this.depth = start
      this.block([item.body], want, s.position)
      this.jump("JUMP", end, s.position)
    })
    if (!hasDefault) {
      this.place(fallback)
      this.emit("RESET", s.position, start)
      this.depth = start
      this.unit(want, s.position)
    }
    this.place(end)
    this.depth = start + (want ? 1 : 0)
  }
}
