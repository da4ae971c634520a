/** A place in a script, packed into one number so that tokens and instructions carry it for free. */
export type Position = number

const COLUMNS = 0x100000

/** The position of things that have none: a value made by the host, an implied part of a statement. */
export const NONE: Position = 0

export const positionOf = (line: number, column: number): Position =>
  line * COLUMNS + Math.min(column, COLUMNS - 1)

export const lineOf = (position: Position): number => Math.floor(position / COLUMNS)

export const columnOf = (position: Position): number => position % COLUMNS

/** `line 3, position 7`, as Rhai prints it. */
export const showPosition = (position: Position): string =>
  position === NONE ? "none" : `line ${lineOf(position)}, position ${columnOf(position)}`
