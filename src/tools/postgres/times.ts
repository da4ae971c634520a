/** Timestamps as PostgreSQL writes them (DateStyle ISO) → ISO 8601, to the microsecond, in UTC where they have a zone. */

/** `2024-01-02 03:04:05.5` → `2024-01-02T03:04:05.500000`. Infinities and years before Christ keep their text. */
export const timestampOf = (text: string): string => {
  const match = plain.exec(text)
  return match === null ? text : `${match[1]}T${match[2]}${fractionOf(match[3])}`
}

/** The same with a zone; the server's zone is the session's, the answer's is UTC. */
export const timestamptzOf = (text: string): string => {
  const match = zoned.exec(text)
  if (match === null) return text
  const [, year = "", month, day, time = "", fraction, sign, hours, minutes = "0", seconds = "0", era] = match
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  if (offset === 0 && era === undefined) return `${year}-${month}-${day}T${time}${fractionOf(fraction)}+00:00`
  // PostgreSQL's years begin before those of JavaScript and end after them; the calendar is the same every 400 years
  const local = new Date(0)
  const astronomical = era === undefined ? Number(year) : 1 - Number(year)
  const cycles = Math.floor(astronomical / cycle) - 5
  local.setUTCFullYear(astronomical - cycles * cycle, Number(month) - 1, Number(day))
  const [h = 0, m = 0, s = 0] = time.split(":").map(Number)
  local.setUTCHours(h, m, s - (sign === "-" ? -offset : offset))
  const inYear = local.getUTCFullYear() + cycles * cycle
  const rest = `-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())}`
  const clock = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`
  return inYear > 0
    ? `${four(inYear)}${rest}T${clock}${fractionOf(fraction)}+00:00`
    : `${four(1 - inYear)}${rest} ${clock}${fraction === undefined ? "" : `.${fraction}`}+00 BC`
}

const cycle = 400

const plain = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?$/
const zoned =
  /^(\d{4,6})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/

const fractionOf = (digits: string | undefined): string =>
  digits === undefined ? "" : `.${digits.padEnd(6, "0")}`

const two = (n: number): string => String(n).padStart(2, "0")
const four = (n: number): string => String(n).padStart(4, "0")
