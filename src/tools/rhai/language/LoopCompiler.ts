/** Loops and the jumps out of them. */
import { type Statement, startOf } from "./Ast.ts"
import { ChainCompiler } from "./ChainCompiler.ts"
import { type Label, label } from "./Emitter.ts"
import type { Position } from "./Position.ts"

interface Loop {
  readonly next: Label
  readonly end: Label
  readonly depth: number
  /** Where `continue` leaves the stack. */
  readonly nextDepth: number
  readonly want: boolean
  readonly tries: number
}

export abstract class LoopCompiler extends ChainCompiler {
  private readonly loops: Array<Loop> = []
  /** Enclosing `try` bodies of this function. */
  protected tries = 0

  protected unit(want: boolean, position: Position): void {
    if (want) this.push("UNIT", position)
  }

  protected while(s: Extract<Statement, { t: "while" }>, want: boolean): void {
    const loop = this.loop(this.depth, want)
    const done = label()
    this.place(loop.next)
    if (s.condition !== undefined) {
      this.lent(s.condition)
      this.jump("IF_FALSE", done, s.condition.position)
      this.grew(-1)
    }
    this.loopBody(loop, s.body)
    this.jump("LOOP", loop.next, s.body.position)
    this.place(done)
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = loop.depth + (want ? 1 : 0)
  }

  /** A loop that begins here. `depth` is the stack's height before it. */
  private loop(depth: number, want: boolean): Loop {
    return { next: label(), end: label(), depth, nextDepth: this.depth, want, tries: this.tries }
  }

  private loopBody(loop: Loop, body: Statement): void {
    this.loops.push(loop)
    this.statement(body, false)
    this.loops.pop()
  }

  protected do(s: Extract<Statement, { t: "do" }>, want: boolean): void {
    const loop = this.loop(this.depth, want)
    const again = label()
    const done = label()
    // `continue` goes straight to the next round, past the condition, as in Rhai
    this.place(loop.next)
    this.loopBody(loop, s.body)
    this.lent(s.condition)
    this.jump(s.until ? "IF_FALSE" : "IF_TRUE", again, s.condition.position)
    this.grew(-1)
    this.jump("JUMP", done, s.position)
    this.place(again)
    this.jump("LOOP", loop.next, s.body.position)
    this.place(done)
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = loop.depth + (want ? 1 : 0)
  }

  protected for(s: Extract<Statement, { t: "for" }>, want: boolean): void {
    const start = this.depth
    this.expression(s.iterable)
    this.emit("ITERATE", startOf(s.iterable))
    const iterator = this.depth - 1
    if (s.counter !== undefined) {
      this.push("INT", s.position, 0)
      s.counter.slot = this.depth - 1
    }
    this.push("UNIT", s.position)
    s.variable.slot = this.depth - 1
    const loop = this.loop(start, want)
    const done = label()
    this.place(loop.next)
    if (s.counter === undefined) this.jump("NEXT", done, s.iterable.position, iterator, s.variable.slot)
    else this.jump("NEXT_COUNTED", done, s.iterable.position, iterator, s.variable.slot, s.counter.slot)
    this.loopBody(loop, s.body)
    this.jump("LOOP", loop.next, s.position)
    this.place(done)
    this.emit("RESET", s.position, start)
    this.depth = start
    this.unit(want, s.position)
    this.place(loop.end)
    this.depth = start + (want ? 1 : 0)
  }

  /** After a jump nothing runs, but the code that follows is still written for the height it expects. */
  protected unreachable(want: boolean): void {
    if (want) this.grew(1)
  }

  protected break(s: Extract<Statement, { t: "break" }>, want: boolean): void {
    const loop = this.loops.at(-1)!
    const start = this.depth
    if (s.value !== undefined) this.expression(s.value)
    else if (loop.want) this.push("UNIT", s.position)
    this.endTries(loop.tries, s.position)
    this.emit(loop.want ? "SQUASH" : "RESET", s.position, loop.depth)
    this.jump("JUMP", loop.end, s.position)
    this.depth = start
    this.unreachable(want)
  }

  private endTries(outer: number, position: Position): void {
    for (let i = this.tries; i > outer; i--) this.emit("END_TRY", position)
  }

  protected continue(position: Position, want: boolean): void {
    const loop = this.loops.at(-1)!
    this.endTries(loop.tries, position)
    this.emit("RESET", position, loop.nextDepth)
    this.jump("LOOP", loop.next, position)
    this.unreachable(want)
  }
}
