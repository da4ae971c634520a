/** Times in the signs of strftime, as far as `timestamp()` needs them; in UTC. */
import { DateTime } from "effect"

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = "January February March April May June July August September October November December".split(
  " "
)

const two = (n: number): string => String(n).padStart(2, "0")

export const strftime = (format: string, time: DateTime.DateTime): string => {
  const p = DateTime.toPartsUtc(time)
  const signs: Readonly<Record<string, () => string>> = {
    Y: () => String(p.year),
    m: () => two(p.month),
    d: () => two(p.day),
    H: () => two(p.hour),
    M: () => two(p.minute),
    S: () => two(p.second),
    I: () => two(p.hour % 12 === 0 ? 12 : p.hour % 12),
    p: () => (p.hour < 12 ? "AM" : "PM"),
    y: () => two(p.year % 100),
    b: () => months[p.month - 1]!.slice(0, 3),
    B: () => months[p.month - 1]!,
    a: () => days[p.weekDay]!.slice(0, 3),
    A: () => days[p.weekDay]!,
    j: () => String(dayOfYear(p.year, p.month, p.day)).padStart(3, "0"),
    s: () => String(Math.floor(DateTime.toEpochMillis(time) / 1000)),
    F: () => `${p.year}-${two(p.month)}-${two(p.day)}`,
    T: () => `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`,
    R: () => `${two(p.hour)}:${two(p.minute)}`,
    z: () => "+0000",
    Z: () => "UTC",
    "%": () => "%"
  }
  return format.replaceAll(/%([A-Za-z%])/g, (sign, letter: string) => signs[letter]?.() ?? sign)
}

const dayOfYear = (year: number, month: number, day: number): number =>
  Math.round((Date.UTC(year, month - 1, day) - Date.UTC(year, 0, 1)) / 86_400_000) + 1
