/** The words and the table that come of a comparison. */
import { type Check, expected } from "./expected.ts"

export interface Seen {
  readonly status: string
  readonly checks: ReadonlyArray<Check>
  /** Differences in the events, where theirs are recorded. */
  readonly events?: ReadonlyArray<string>
}

export const printRow = (
  name: string,
  ours: Seen,
  theirs: Seen | undefined,
  why: string | undefined
): void => {
  const they = theirs === undefined ? "" : `theirs: ${theirs.status.padEnd(10)} ${score(theirs).padEnd(6)}`
  console.log(`${name.padEnd(40)} ${ours.status.padEnd(10)} ${score(ours).padEnd(6)} ${they}`)
  for (const { found, ok, what } of ours.checks) if (!ok) console.log(`    ${what}; found ${found}`)
  for (const line of ours.events ?? []) console.log(`    ${line}`)
  if (why !== undefined) console.log(`    on purpose: ${why}`)
}

const score = ({ checks }: Seen): string => `${checks.filter(({ ok }) => ok).length}/${checks.length}`

export const tableOf = (
  seen: Readonly<Record<string, Seen>>,
  theirs: Readonly<Record<string, Seen>>,
  meant: Readonly<Record<string, string>>
): { readonly text: string; readonly otherwise: number } => {
  const names = Object.keys(expected).filter((name) => seen[name] !== undefined)
  const rows = names.map((name) => {
    const ours = seen[name] as Seen
    const they = theirs[name]
    const worse =
      they === undefined || they.status !== ours.status || lost(they, ours) || (ours.events ?? []).length > 0
    return {
      worse: worse && meant[name] === undefined,
      line: `| ${name} | ${expected[name]?.class} | ${cell(name, they)} | ${cell(name, ours)} | ${namesOf(ours)} | ${meant[name] ?? ""} |`
    }
  })
  const otherwise = rows.filter(({ worse }) => worse).length
  const head =
    "| playbook | class | theirs | ours | what was checked | which side is right, and why |\n|---|---|---|---|---|---|"
  return {
    otherwise,
    text: `${head}\n${rows.map(({ line }) => line).join("\n")}\n\n${rows.length} playbooks, ${otherwise} otherwise without a reason`
  }
}

/** The table's place in the documentation. */
const [begin, end] = [
  "<!-- the comparison, by npm run compare -- --table … --docs … -->",
  "<!-- until here -->"
]

export const intoDocs = (document: string, table: string, ours: AllSeen, theirs: AllSeen): string => {
  const [before, rest] = document.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`the document has no ${begin} … ${end}`)
  return `${before}${begin}\n\n${totals(ours, theirs)}\n\n${table.split("\n\n")[0]}\n\n${end}${after}`
}

type AllSeen = Readonly<Record<string, Seen>>

const totals = (ours: AllSeen, theirs: AllSeen): string => {
  const sum = (seen: AllSeen) => Object.values(seen).flatMap(({ checks }) => checks)
  const good = (seen: AllSeen) => sum(seen).filter(({ ok }) => ok).length
  const whole = (seen: AllSeen) =>
    Object.values(seen).filter(({ checks }) => checks.every(({ ok }) => ok)).length
  const lostNames = Object.keys(ours).filter((name) => lost(theirs[name] as Seen, ours[name] as Seen))
  return [
    `Of the expected values theirs gives ${good(theirs)} of ${sum(theirs).length}, ours ${good(ours)} of ${sum(ours).length}; all of a playbook's values: theirs ${whole(theirs)} playbooks, ours ${whole(ours)}.`,
    lostNames.length === 0
      ? "Ours gives every value that theirs gives."
      : `Theirs gives more for ${lostNames.join(", ")}.`
  ].join("\n")
}

/** The values by their places, the rows by their table. */
const namesOf = ({ checks }: Seen): string =>
  checks
    .map(({ what }) => /FROM (\S+?)[:\s]/.exec(`${what} `)?.[1] ?? what.split(" = ")[0])
    .map((name) => `\`${name}\``)
    .join(", ")

const lost = (theirs: Seen, ours: Seen): boolean =>
  theirs.checks.some(({ ok, what }) => ok && !ours.checks.some((check) => check.what === what && check.ok))

/** The status, with a mark where it is what the author meant, and how many of the expected values were there. */
const cell = (name: string, one: Seen | undefined): string =>
  one === undefined
    ? "not run"
    : `${one.status}${one.status === expected[name]?.status ? "" : " (✗)"}, ${score(one)}`
