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
  const [
    ,
    year = "",
    month = "",
    day = "",
    time = "",
    fraction,
    sign,
    hours = "0",
    minutes = "0",
    seconds = "0"
  ] = match
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  if (offset === 0) return `${year}-${month}-${day}T${time}${fractionOf(fraction)}+00:00`
  const [h, m, s] = time.split(":").map(Number)
  const local = new Date(0)
  local.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  local.setUTCHours(h ?? 0, m ?? 0, (s ?? 0) - (sign === "-" ? -offset : offset))
  const date = `${String(local.getUTCFullYear()).padStart(4, "0")}-${two(local.getUTCMonth() + 1)}-${two(local.getUTCDate())}`
  const clock = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`
  return `${date}T${clock}${fractionOf(fraction)}+00:00`
}

const plain = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?$/
const zoned = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/

const fractionOf = (digits: string | undefined): string =>
  digits === undefined ? "" : `.${digits.padEnd(6, "0")}`

const two = (n: number): string => String(n).padStart(2, "0")
