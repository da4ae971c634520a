/** A template that could not be rendered, with the place where it went wrong. */
import { Schema } from "effect"

export class TemplateError extends Schema.TaggedError<TemplateError>()("TemplateError", {
  /** `syntax`: it can never be rendered. `evaluation`: not with these values. `limit`: it would cost too much. */
  kind: Schema.Literals(["syntax", "evaluation", "limit"]),
  /** The dotted key of the template in what was rendered. */
  at: Schema.String,
  detail: Schema.String,
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.Int)
}) {
  /** What went wrong and where in the template, without the key. */
  get located(): string {
    return this.line === undefined ? this.detail : `${this.detail} (line ${this.line}, column ${this.column})`
  }
  override get message(): string {
    return this.at === "" ? this.located : `${this.at}: ${this.located}`
  }
}
