/** Whether reading only a part of a statement's rows would leave a part of its work undone. */
import { tokenAt, type TokenKind } from "./tokens.ts"

/** Words that a bracket may follow in a query that changes nothing: of the language, of its types, pure functions. */
const pure: ReadonlySet<string> = new Set(
  (
    "all and any array as asc between both by case cast check collate cross cube desc distinct else end escape except " +
    "exclude exists extract false fetch filter first following from full group grouping having ilike in inner " +
    "intersect interval into is join key lateral left like limit not null nulls offset on or order outer over " +
    "partition qualify range right rollup row rows select sets similar some symmetric table tablesample then to " +
    "trim true union unnest using values when where window with within recursive materialized " +
    "bigint bit blob bool boolean bytea char character date decimal double float float4 float8 hugeint int int2 int4 " +
    "int8 integer json jsonb list map numeric real smallint struct text time timestamp timestamptz uuid varchar " +
    "abs age array_agg array_length array_to_string avg btrim ceil ceiling char_length chr coalesce concat concat_ws " +
    "count cume_dist current_date current_setting date_bin date_diff date_part date_trunc dense_rank exp first_value " +
    "floor format generate_series generate_subscripts glob greatest initcap json_agg json_array_elements " +
    "json_build_array json_build_object json_each json_object_agg jsonb_agg jsonb_array_elements jsonb_build_array " +
    "jsonb_build_object jsonb_each jsonb_object_agg lag last_value lead least length list_value ln log lower lpad " +
    "ltrim make_date make_interval make_timestamp max md5 median min mod mode now nth_value ntile nullif octet_length " +
    "percent_rank percentile_cont percentile_disc position power quote_ident quote_literal random range rank read_csv " +
    "read_csv_auto read_json read_json_auto read_parquet regexp_match regexp_matches regexp_replace repeat replace " +
    "reverse round row_number row_to_json rpad rtrim sign split_part sqrt starts_with stddev string_agg " +
    "string_to_array strpos strftime substr substring sum to_char to_date to_json to_jsonb to_number to_timestamp " +
    "translate trunc upper variance width_bucket"
  ).split(" ")
)

/** Words with which a statement writes, wherever they stand. */
const writes: ReadonlySet<string> = new Set([
  "insert",
  "update",
  "delete",
  "merge",
  "call",
  "execute",
  "copy"
])

/** Whether a text has a word with which statements write. */
export const hasWrites = (text: string): boolean => {
  for (const { kind, token } of codeOf(text))
    if (kind === "word" && writes.has(token.toLowerCase())) return true
  return false
}

/** Whether a text has a word with which DuckDB writes files. */
export const mayWriteFiles = (text: string): boolean =>
  namesIn(text).some((name) => ["copy", "export", "attach"].includes(name))

/** The names that a text has, as a database writes them: what it calls, and what it reads. */
export const namesIn = (text: string): ReadonlyArray<string> => {
  const names = new Set<string>()
  for (const { kind, token } of codeOf(text)) {
    if (kind === "word") names.add(token.toLowerCase())
    else if (kind === "name") names.add(token.slice(1, -1).replaceAll('""', '"'))
  }
  return [...names]
}

/** A function that is not known to be pure may do anything, such as draw the next number of a sequence. */
export const mayHaveEffects = (text: string): boolean => {
  if (hasWrites(text)) return true
  let before = ""
  for (const { kind, token } of codeOf(text)) {
    if (token === "(" && before !== "" && !pure.has(before)) return true
    before = kind === "word" ? token.toLowerCase() : kind === "name" ? token : ""
  }
  return false
}

// --- helpers ---

/** Its tokens, without spaces and comments. */
function* codeOf(text: string): Iterable<{ readonly kind: TokenKind; readonly token: string }> {
  for (let at = 0; at < text.length;) {
    const { end, kind } = tokenAt(text, at)
    if (kind !== "space" && kind !== "comment") yield { kind, token: text.slice(at, end) }
    at = end
  }
}
