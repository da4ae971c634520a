/**
 * A number as its JSON text, where a JavaScript number would lose its value or its type: `20.0` and `1e16` are floats to
 * Python and to servers, `-0.0` has a sign, and a decimal may have more digits than a double keeps.
 *
 * It is what `JSON.rawJSON` gives, so that `JSON.stringify` writes the text as it came.
 */
export interface ExactNumber {
  readonly rawJSON: string
}

declare global {
  interface JSON {
    /** Node 22 and later; not in TypeScript's library yet. */
    rawJSON(text: string): ExactNumber
    isRawJSON(value: unknown): value is ExactNumber
  }
}

export const isExact = (value: unknown): value is ExactNumber =>
  typeof value === "object" && value !== null && JSON.isRawJSON(value)

/** The nearest double. */
export const doubleOf = (exact: ExactNumber): number => Number(exact.rawJSON)

/** A number that is a float whatever its value: `20` becomes `20.0`. */
export const float = (value: number): number | ExactNumber =>
  printsAsInteger(value) ? JSON.rawJSON(textOfFloat(value)) : value

/** The text of an integral float as Python prints it: `100.0`, `1e+16`, `-0.0`. */
export const shownOf = (exact: ExactNumber): string => {
  const value = doubleOf(exact)
  return printsAsInteger(value) && digitsOf(exact.rawJSON) <= doubleDigits
    ? textOfFloat(value)
    : exact.rawJSON
}

/** JSON text of a number → its value. Beyond the range of a double it is an infinity, which no JSON is. */
export const ofText = (text: string): number | bigint | ExactNumber => {
  const value = Number(text)
  if (!/[.eE]/.test(text)) return text.length > 15 && !Number.isSafeInteger(value) ? BigInt(text) : value
  if (!Number.isFinite(value)) return value
  return printsAsInteger(value) || digitsOf(text) > doubleDigits ? JSON.rawJSON(text) : value
}

/** Beyond that JavaScript writes an exponent, and what has one is a float. */
const printsAsInteger = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 1e21

/** Whether a double keeps it to the last digit. */
export const fitsDouble = (exact: ExactNumber): boolean =>
  Number.isFinite(doubleOf(exact)) && digitsOf(exact.rawJSON) <= doubleDigits

/** Every double has a text of so many significant digits that reads as itself. */
const doubleDigits = 17

const digitsOf = (text: string): number =>
  text
    .replace(/[eE].*$/, "")
    .replaceAll(/[-.]/g, "")
    .replace(/^0+/, "")
    .replace(/0+$/, "").length

const textOfFloat = (value: number): string => {
  if (Math.abs(value) >= 1e16) return value.toExponential()
  return Object.is(value, -0) ? "-0.0" : `${value}.0`
}
