/**
 * Where this implementation answers differently from the `rhai` crate, on purpose. Every entry is a case of the
 * corpus; the test fails when an entry is no longer a difference, or when there is one that is not here.
 */
export interface Difference {
  readonly chapter: string
  readonly name: string
  readonly why: string
  /** What this implementation says: the value, or the error's message. */
  readonly says: string
}

export const differences: ReadonlyArray<Difference> = [
  {
    chapter: "blobs",
    name: "loop",
    why: "a loop over a blob gives integers; the crate gives `u8`, a type nothing in a script can compute with",
    says: "21"
  },
  {
    chapter: "closures",
    name: "a captured variable in a wrong place",
    why: "the error names the variable's type; the crate names the Rust type of the cell around it",
    says: "Data type incorrect: i64 (expecting bool) (line 1, position 27)\nin closure call (line 1, position 38)"
  },
  {
    chapter: "limits",
    name: "operations in a callback",
    why: "operations are counted by instruction here and by tree node there; inside a callback the crate's error names the call",
    says: "Too many operations (line 1, position 30)"
  },
  {
    chapter: "limits",
    name: "string interpolation",
    why: "the length of an interpolated string is checked when it is complete, so the error has the string's place",
    says: "Length of string too large (line 1, position 19)"
  },
  {
    chapter: "limits",
    name: "array op assign",
    why: "`+=` checks the array after the change; the crate checks it before, and lets it pass the limit once",
    says: "Size of array/BLOB too large (line 1, position 22)"
  },
  {
    chapter: "limits",
    name: "map index",
    why: "`m[k] = v` checks the map's size; the crate checks only the value",
    says: "Size of object map too large (line 1, position 51)"
  },
  {
    chapter: "maps",
    name: "to_json",
    why: "a character is a JSON string; the crate writes it in single quotes, which is no JSON",
    says: String.raw`"{\"a\":1,\"b\":\"x\\\"y\",\"c\":[1,2.5,true,null],\"d\":{\"e\":\"c\"}}"`
  },
  {
    chapter: "maps",
    name: "parse_json of no JSON",
    why: "JSON is read by a JSON parser, and its error can be caught; the crate reads it as Rhai and ends the script",
    says: "Runtime error: Quoted object key or end of object '}' expected but reached end of input at position 1 (line 1, position 1)"
  },
  {
    chapter: "strings",
    name: "index assignment negative",
    why: "`s[-1] = c` changes the last character; the crate counts the same number from the front when it writes",
    says: '"helly"'
  }
]

/**
 * Cases in which the crate's optimizer changes the answer: it drops code whose value is not used, errors included.
 * Here nothing is dropped, and the answer is the crate's own with its optimizer off.
 */
export const optimized: ReadonlyArray<string> = [
  "errors / try without error",
  "errors / catch an unknown variable",
  "errors / catch a type",
  "errors / catch an unknown module",
  "errors / try scope",
  "errors / uncaught position in a condition",
  "errors / uncaught position of and",
  "logic / and needs bool",
  "logic / or needs bool",
  "ranges / loop over a function",
  "strings / interpolation of types",
  "strings / interpolation of a string in an array",
  "variables / const map property"
]
