/** Frames on a terminal: each takes the place of the one before it. */
import { frame } from "./tree.ts"
import type { Model } from "./Model.ts"
import { type Look, widthOf } from "./text.ts"

export interface Screen {
  readonly write: (text: string) => void
  /** What the terminal is at this moment: it may be resized at any time. */
  readonly look: () => Look
}

export class Painter {
  private painted: ReadonlyArray<string> = []
  private readonly screen: Screen

  constructor(screen: Screen) {
    this.screen = screen
  }

  paint(model: Model, now: number): void {
    if (model.root === undefined) return
    const next = frame(model.root, now, this.screen.look())
    this.screen.write(`${this.back()}${next.join("\n")}\n`)
    this.painted = next
  }

  /** Takes the frame away, writes lines that stay, and leaves the place below them to the next frame. */
  print(text: string): void {
    this.screen.write(`${this.back()}${text.endsWith("\n") ? text : `${text}\n`}`)
    this.painted = []
  }

  /** To the first line of the last frame, and everything below it gone. A narrower terminal has broken its lines. */
  private back(): string {
    const { columns } = this.screen.look()
    const height = this.painted.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(plainWidth(line) / Math.max(1, columns))),
      0
    )
    return height === 0 ? "" : `\u001b[${height}A\r\u001b[J`
  }
}

const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g")

const plainWidth = (line: string): number => widthOf(line.replaceAll(colour, ""))
