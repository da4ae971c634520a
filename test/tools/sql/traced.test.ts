import { assert, describe, it } from "@effect/vitest"
import { traced } from "../../../src/tools/sql/traced.ts"

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const said = `/*traceparent='${parent}'*/`

describe("A statement's trace", () => {
  it.each<readonly [string, string, string]>([
    ["at the end", "SELECT 1", `SELECT 1 ${said}`],
    ["before the last semicolon", "SELECT 1; SELECT 2 ;\n", `SELECT 1; SELECT 2 ${said} ;\n`],
    ["on a new line after a line comment", "SELECT 1 -- it's; one", `SELECT 1 -- it's; one\n${said}`],
    ["behind a line comment that ends", "SELECT 1 -- one\n", `SELECT 1 -- one\n${said}\n`],
    ["on a new line after a comment of slashes", "SELECT 1; // it's", `SELECT 1; // it's\n${said}`],
    ["after an address", "SELECT 'http://a';", `SELECT 'http://a' ${said};`],
    ["after a block comment", "SELECT 1 /* a */", `SELECT 1 /* a */ ${said}`],
    ["after dashes in a string", "SELECT '--'", `SELECT '--' ${said}`],
    ["after a body in dollars", "DO $$ BEGIN; END $$;", `DO $$ BEGIN; END $$ ${said};`]
  ])("stands %s", (_, text, expected) => assert.strictEqual(traced(text, parent), expected))

  it.each(["SELECT 'a", "SELECT 1 /* a", 'SELECT "a', "DO $$ BEGIN", "", " ; "])(
    "is left out where it would be taken in: %s",
    (text) => assert.strictEqual(traced(text, parent), text)
  )

  it.each([
    undefined,
    "",
    "*/ DROP TABLE t; /*",
    `${parent}'*/; DROP TABLE t --`,
    `${parent}\n`,
    parent.toUpperCase(),
    parent.replace("00-", "01-"),
    parent.slice(1)
  ])("is nothing but hexadecimal: %j is left out", (wrong) =>
    assert.strictEqual(traced("SELECT 1", wrong), "SELECT 1")
  )
})
