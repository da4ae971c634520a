/** Colours on a terminal only, and never against NO_COLOR. */

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly green: (text: string) => string
  readonly red: (text: string) => string
}

export const styleOf = (stream: { readonly isTTY?: boolean }): Style => {
  const colored = stream.isTTY === true && process.env["NO_COLOR"] === undefined
  const paint = (code: number) => (text: string) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text)
  return { bold: paint(1), dim: paint(2), green: paint(32), red: paint(31) }
}
