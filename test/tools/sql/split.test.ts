import { assert, describe, it } from "@effect/vitest"
import { bind, question } from "../../../src/tools/sql/placeholders.ts"
import { lineOf, split } from "../../../src/tools/sql/split.ts"
import { pathOf, quoteName, quotePath, quoteText } from "../../../src/tools/sql/tokens.ts"

const texts = (block: string) => split(block).map(({ text }) => text)

describe("A block of SQL", () => {
  it.each<readonly [string, string, ReadonlyArray<string>]>([
    ["nothing", " ;; \n; -- only a comment\n", []],
    ["plain statements", "SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]],
    ["a string", "SELECT 'a;b''c;'; SELECT 2", ["SELECT 'a;b''c;'", "SELECT 2"]],
    ["a string that ends in a backslash", "SELECT 'a\\'; SELECT 2", ["SELECT 'a\\'", "SELECT 2"]],
    ["a string with escapes", "SELECT E'a\\';b'; SELECT 2", ["SELECT E'a\\';b'", "SELECT 2"]],
    ["a word that ends in e before a string", "SELECT 1 AS like'x;y'", ["SELECT 1 AS like'x;y'"]],
    ["a name", 'SELECT ";""; " FROM x; y', ['SELECT ";""; " FROM x', "y"]],
    ["dollar quotes", "DO $$ a; 'b $$; DO $x$ $$;$y$ $x$", ["DO $$ a; 'b $$", "DO $x$ $$;$y$ $x$"]],
    ["a word with dollars", "SELECT a$b$; SELECT $b$;", ["SELECT a$b$", "SELECT $b$;"]],
    ["parameters", "SELECT $1;SELECT $2", ["SELECT $1", "SELECT $2"]],
    ["line comments", "SELECT 1 -- it's; one\n; SELECT 2", ["SELECT 1 -- it's; one", "SELECT 2"]],
    [
      "comments that nest",
      "/* a; /* b; */ c; */ SELECT 1; SELECT 2",
      ["/* a; /* b; */ c; */ SELECT 1", "SELECT 2"]
    ],
    ["a comment before a statement", "-- one;\nSELECT 1;\n-- two", ["-- one;\nSELECT 1"]],
    [
      "a rule",
      "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 1",
      ["CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)", "SELECT 1"]
    ],
    [
      "a SQL function's body",
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3",
      [
        "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END",
        "SELECT 3"
      ]
    ],
    ["a transaction", "BEGIN; SELECT 1; END", ["BEGIN", "SELECT 1", "END"]],
    ["a quote that is not closed", "SELECT 'a; b", ["SELECT 'a; b"]],
    ["a comment that is not closed", "SELECT 1; /* a; b", ["SELECT 1"]],
    ["brackets that do not match", "SELECT 1); SELECT 2", ["SELECT 1)", "SELECT 2"]],
    ["letters of any language", "SELECT 'ü;' AS größe; SELECT 2", ["SELECT 'ü;' AS größe", "SELECT 2"]]
  ])("splits around %s", (_, block, expected) => {
    assert.deepStrictEqual(texts(block), expected)
  })

  it("knows where its statements begin and with which words", () => {
    const block = "\n-- a\nSELECT 1;\n\n  insert into t values (1)"
    const [first, second] = split(block)
    assert.deepStrictEqual(first?.words.slice(0, 1), ["SELECT"])
    assert.deepStrictEqual(second?.words.slice(0, 3), ["INSERT", "INTO", "T"])
    assert.strictEqual(lineOf(block, second?.offset ?? 0), 5)
  })

  it("takes a megabyte in a moment", () => {
    const block = "INSERT INTO t VALUES ('it''s;', 1); -- x\n".repeat(25_000)
    assert.strictEqual(split(block).length, 25_000)
  })
})

describe("Placeholders", () => {
  it.each([
    ["$2 $1 $2", ["a", "b"], "$1 $2 $1", ["b", "a"]],
    [":x::text || :y", { x: 1, y: 2 }, "$1::text || $2", [1, 2]],
    ["':x' \":x\" $$:x$$ -- :x", { x: 1 }, "':x' \":x\" $$:x$$ -- :x", []],
    ["a[1:n] %(n)s", { n: 1 }, "a[1$1] $1", [1]],
    ["VALUES (%s, %s)", ["a", "b"], "VALUES ($1, $2)", ["a", "b"]],
    ["a := b", { b: 1 }, "a := b", []]
  ])("of %s get numbers of their own", (text, params, expected, values) => {
    const bound = bind(text, params)
    assert.deepStrictEqual([bound.text, bound.values], [expected, values])
  })

  it("repeat their value where the database counts question marks", () => {
    assert.deepStrictEqual(bind(":a, :a, :b", { a: 1, b: 2 }, question), {
      text: "?, ?, ?",
      values: [1, 1, 2],
      missing: []
    })
  })
})

describe("Names", () => {
  it("are quoted, whatever is in them", () => {
    assert.strictEqual(quoteName('a"; DROP TABLE x; --'), '"a""; DROP TABLE x; --"')
    assert.strictEqual(quotePath("public.my table"), '"public"."my table"')
    assert.deepStrictEqual(pathOf('"a.b".c'), ["a.b", "c"])
    assert.strictEqual(quoteText("it's"), "'it''s'")
    assert.strictEqual(quoteText("a\\'b"), " E'a\\\\''b'")
  })

  it("comes to an end of a text with control characters", () => {
    const text = "SELECT 1\u0001;\u001b\u0007 SELECT 2"
    assert.strictEqual(split(text).length, 2)
  })
})
