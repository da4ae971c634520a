/**
 * The words and signs of Rhai. A token's kind is its own text (`"let"`, `"+="`), so the parser compares
 * strings that V8 has interned; what varies in text has a kind in angle brackets.
 */
export const EOF = "<eof>"
export const IDENTIFIER = "<identifier>"
export const RESERVED = "<reserved>"
export const INTEGER = "<integer>"
export const FLOAT = "<float>"
export const CHARACTER = "<character>"
export const STRING = "<string>"
/** A piece of a back-tick string that stops at `${`. */
export const INTERPOLATED = "<interpolated>"
export const LEX_ERROR = "<error>"
export const UNARY_MINUS = "<unary->"
export const UNARY_PLUS = "<unary+>"
export const UNIT = "()"

export const keywords: ReadonlySet<string> = new Set(
  (
    "let const if else switch do while until loop for in continue break return throw try catch fn private " +
    "import export as true false _"
  ).split(" ")
)

/** Words kept for later or for functions of the language; the value says where they may still be called. */
type Callable = "never" | "function" | "method"

const reservedWords = (words: string, callable: Callable): Array<[string, Callable]> =>
  words.split(" ").map((word) => [word, callable])

export const reserved: ReadonlyMap<string, Callable> = new Map([
  ...reservedWords(
    "? use case async public package super # var protected spawn shared is === sync static default !== #! " +
      "this thread yield new match ~ !. await := ... null @ with <- void -- nil <| $ -> |> module ::< ++ :; *) " +
      "(* go goto",
    "never"
  ),
  ...reservedWords("print is_def_var is_def_fn eval debug Fn", "function"),
  ...reservedWords("curry is_shared call type_of", "method")
])

const hints: ReadonlyMap<string, string> = new Map([
  ["===", "'===' is not a valid operator. This is not JavaScript! Should it be '=='?"],
  ["!==", "'!==' is not a valid operator. This is not JavaScript! Should it be '!='?"],
  ["->", "'->' is not a valid symbol. This is not C or C++!"],
  ["<-", "'<-' is not a valid symbol. This is not Go! Should it be '<='?"],
  [":=", "':=' is not a valid assignment operator. This is not Go or Pascal! Should it be simply '='?"],
  [":;", "':;' is not a valid symbol. Should it be '::'?"],
  ["::<", "'::<>' is not a valid symbol. This is not Rust! Should it be '::'?"],
  ["(*", "'(* .. *)' is not a valid comment format. This is not Pascal! Should it be '/* .. */'?"],
  ["*)", "'(* .. *)' is not a valid comment format. This is not Pascal! Should it be '/* .. */'?"],
  ["# {", "'#' is not a valid symbol. Should it be '#{'?"]
])

/** What to tell a person who wrote a sign of another language. */
export const hintOf = (symbol: string): string | undefined => hints.get(symbol)

/** Tokens after which `-` and `+` are signs of the number that follows. */
export const beforeUnary: ReadonlySet<string> = new Set(
  (
    "; : , ?? .. ..= { ( [ + += - -= * *= / /= % %= ** **= << <<= >> >>= = == != < > ! <= >= | & if while until " +
    "in !in && &= || |= ^ ^= return throw ?["
  )
    .split(" ")
    .concat(UNARY_PLUS, UNARY_MINUS, LEX_ERROR)
)

export const opAssignments: ReadonlyMap<string, string> = new Map(
  "+ - * / % ** << >> & | ^".split(" ").map((operator) => [`${operator}=`, operator])
)

const levels: ReadonlyArray<[number, string]> = [
  [30, "|| ^ |"],
  [60, "&& &"],
  [90, "== !="],
  [110, "in !in"],
  [130, "< <= > >="],
  [135, "??"],
  [140, ".. ..="],
  [150, "+ -"],
  [180, "/ * %"],
  [190, "**"],
  [210, "<< >>"]
]

const precedences: ReadonlyMap<string, number> = new Map(
  levels.flatMap(([level, operators]) =>
    operators.split(" ").map((operator): [string, number] => [operator, level])
  )
)

/** How tightly an operator binds; 0 for a token that is no operator. */
export const precedenceOf = (kind: string): number => precedences.get(kind) ?? 0

export const isIdentifierStart = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95

export const isIdentifierPart = (code: number): boolean =>
  isIdentifierStart(code) || (code >= 48 && code <= 57)

/** A name needs a letter before its first digit: `_1` is none, `_a1` is one. */
export const isValidIdentifier = (text: string): boolean => /^_*[A-Za-z][A-Za-z0-9_]*$/.test(text)
