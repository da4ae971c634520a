/** Which known name an unknown one probably meant. */

/** `mostEdits` is how far a known name may be away. */
export const nearest = (
  name: string,
  known: Iterable<string>,
  mostEdits: (known: string) => number = () => Math.max(1, Math.floor(name.length / 3))
): string | undefined => {
  let best: string | undefined
  let bestDistance = Infinity
  for (const other of known) {
    const most = mostEdits(other)
    if (Math.abs(other.length - name.length) > most) continue
    const far = distance(name.toLowerCase(), other.toLowerCase())
    if (far <= most && far < bestDistance) {
      best = other
      bestDistance = far
    }
  }
  return best
}

/** `did you mean "x"?`, or what there is. */
export const suggestion = (name: string, known: ReadonlyArray<string>): string => {
  const near = nearest(name, known)
  if (near !== undefined) return `did you mean "${near}"?`
  return known.length === 0 ? "there is none" : `there are: ${shortened(known)}`
}

const shortened = (names: ReadonlyArray<string>): string =>
  names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")}, and ${names.length - 12} more`

/** Edits between two names; a swap of neighbours counts as one. */
const distance = (a: string, b: string): number => {
  const limit = 64
  if (a.length > limit || b.length > limit) return a === b ? 0 : limit
  const rows: Array<Array<number>> = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(
        change,
        at(i - 1, j) + 1,
        (row[j - 1] ?? 0) + 1,
        swap ? at(i - 2, j - 2) + 1 : Infinity
      )
    }
  }
  return at(a.length, b.length)
}
