/** What the checks of a playbook share. */
import type { JsonObject } from "../../domain/Json.ts"
import type { Report, Source } from "../Source.ts"

export interface Checking {
  readonly source: Source
  readonly report: Report
  readonly stepNames: ReadonlyArray<string>
  /** Tools of the workbook by name. */
  readonly entries: ReadonlyMap<string, JsonObject>
}
