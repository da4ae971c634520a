/** Writes instructions, and knows how high the stack is at each of them. */
import { type FunctionCode, Op, type OpName } from "./Code.ts"
import { NONE, type Position } from "./Position.ts"
import { RhaiError } from "./RhaiError.ts"

/** A place to jump to; jumps written before it is known are filled in when it is. */
export interface Label {
  target: number
  readonly waiting: Array<number>
}

export const label = (): Label => ({ target: -1, waiting: [] })

/** More variables and temporaries than this at once are no honest script. */
const MAX_STACK = 4096

export abstract class Emitter {
  private readonly code: Array<number> = []
  private readonly constants: Array<unknown> = []
  private readonly textIndex = new Map<string, number>()
  private readonly positions: Array<Position> = []
  private readonly indexPositions: Array<Position> = []
  /** Values on the stack above the frame's base. */
  protected depth = 0

  protected emit(op: OpName, position: Position, ...operands: ReadonlyArray<number>): void {
    this.positions[this.code.length] = position
    this.code.push(Op[op], ...operands)
    while (this.positions.length < this.code.length) this.positions.push(position)
  }

  protected emitIndexed(
    op: OpName,
    position: Position,
    indexPosition: Position,
    ...operands: ReadonlyArray<number>
  ): void {
    const at = this.code.length
    this.emit(op, position, ...operands)
    while (this.indexPositions.length < at) this.indexPositions.push(NONE)
    while (this.indexPositions.length < this.code.length) this.indexPositions.push(indexPosition)
  }

  /** Says that the instruction just written left `count` more (or fewer) values on the stack. */
  protected grew(count: number): void {
    this.depth += count
    if (this.depth > MAX_STACK) throw new RhaiError("ErrorTooManyVariables", "Too many variables defined")
  }

  protected constant(value: unknown): number {
    this.constants.push(value)
    return this.constants.length - 1
  }

  protected text(text: string): number {
    const known = this.textIndex.get(text)
    if (known !== undefined) return known
    const index = this.constant(text)
    this.textIndex.set(text, index)
    return index
  }

  protected jump(op: OpName, to: Label, position: Position, ...before: ReadonlyArray<number>): void {
    this.emit(op, position, ...before, to.target)
    if (to.target < 0) to.waiting.push(this.code.length - 1)
  }

  protected place(at: Label): void {
    at.target = this.code.length
    for (const index of at.waiting) this.code[index] = at.target
    at.waiting.length = 0
  }

  protected get here(): number {
    return this.code.length
  }

  protected finish(into: FunctionCode): void {
    into.code = this.code
    into.constants = this.constants
    into.positions = this.positions
    into.indexPositions = this.indexPositions
  }
}
