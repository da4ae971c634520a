/** Whether a block runs in one transaction: what PostgreSQL forbids there, and what begins one itself. */
import type { Mode } from "../sql/block.ts"
import type { Statement } from "../sql/split.ts"

/** Whether the block gets a transaction around it. A single statement is one by itself. */
export const isSingle = (mode: Mode, statements: ReadonlyArray<Statement>): boolean =>
  mode === "single" || (mode === "auto" && statements.length > 1 && !statements.some(standsAlone))

/** A statement that cannot be, or may not want to be, inside of another transaction. */
export const standsAlone = ({ text, words }: Statement): boolean => {
  const [first = "", second = "", third = ""] = words
  switch (first) {
    case "BEGIN":
    case "START":
    case "COMMIT":
    case "END":
    case "ROLLBACK":
    case "ABORT":
    case "SAVEPOINT":
    case "RELEASE":
    case "VACUUM":
    case "DISCARD":
    case "CALL":
      return true
    case "PREPARE":
      return second === "TRANSACTION"
    case "CLUSTER":
      return second === ""
    case "DO":
      return /\b(COMMIT|ROLLBACK)\b/i.test(text)
    case "REINDEX":
      return words.includes("CONCURRENTLY") || words.includes("DATABASE") || words.includes("SYSTEM")
    case "ALTER":
      return (
        second === "SYSTEM" ||
        second === "SUBSCRIPTION" ||
        (second === "DATABASE" && words.includes("TABLESPACE")) ||
        (second === "TYPE" && words.includes("VALUE"))
      )
    case "CREATE":
    case "DROP":
      return (
        ["DATABASE", "TABLESPACE", "SUBSCRIPTION"].includes(second) ||
        ((second === "INDEX" || third === "INDEX") && words.includes("CONCURRENTLY"))
      )
    default:
      return false
  }
}
