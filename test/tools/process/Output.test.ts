import { assert, describe, it } from "@effect/vitest"
import { makeCapture, makeLines } from "../../../src/tools/process/Output.ts"

const captured = (maxBytes: number, chunks: ReadonlyArray<string | Uint8Array>) => {
  const capture = makeCapture(maxBytes)
  for (const chunk of chunks) capture.push(Buffer.from(chunk))
  return capture.end()
}

const lined = (chunks: ReadonlyArray<string | Uint8Array>, maxBytes = 1000, maxLength = 10) => {
  const lines = makeLines(maxBytes, maxLength)
  return [...chunks.flatMap((chunk) => lines.push(Buffer.from(chunk))), ...lines.end()]
}

describe("what is kept of an output", () => {
  it.each<readonly [string, number, ReadonlyArray<string | Uint8Array>, string, boolean]>([
    ["nothing", 10, [], "", false],
    ["less than the limit", 10, ["abc", "def"], "abcdef", false],
    ["exactly the limit", 6, ["abc", "def"], "abcdef", false],
    ["the limit in single bytes", 6, "abcdef".split(""), "abcdef", false],
    ["head and tail of more", 6, ["abcde", "fghij"], "abc\n[4 bytes left out]\nhij", true],
    ["head and tail of one large chunk", 4, ["abcdefghij"], "ab\n[6 bytes left out]\nij", true],
    ["head and tail of single bytes", 6, "abcdefghijklmn".split(""), "abc\n[8 bytes left out]\nlmn", true],
    ["characters that chunks cut", 100, [Buffer.from([0xc3]), Buffer.from([0xa9])], "é", false],
    ["no half characters at the gap", 6, ["aéébbbbbbbbbbbbbbéé"], "aé\n[17 bytes left out]\né", true],
    ["bytes that are not text", 10, [Buffer.from([0x61, 0xff, 0x62])], "a\uFFFDb", false],
    ["nothing at all", 0, ["abc"], "\n[3 bytes left out]\n", true]
  ])("is %s", (_, maxBytes, chunks, text, truncated) => {
    const result = captured(maxBytes, chunks)
    assert.deepStrictEqual([result.text, result.truncated], [text, truncated])
    assert.strictEqual(
      result.bytes,
      chunks.reduce((sum, chunk) => sum + Buffer.from(chunk).length, 0)
    )
  })

  it("stays bounded whatever is written", () => {
    const capture = makeCapture(1024)
    for (let i = 0; i < 200_000; i++) capture.push(Buffer.from(`${i}\n`))
    const { text, bytes } = capture.end()
    assert.strictEqual(bytes, 1_288_890)
    assert.isTrue(text.startsWith("0\n1\n2\n") && text.endsWith("\n199998\n199999\n"))
    assert.isBelow(text.length, 1100)
  })
})

describe("the lines of an output", () => {
  it.each<readonly [string, ReadonlyArray<string | Uint8Array>, ReadonlyArray<string>]>([
    ["come whole", ["one\ntwo\n"], ["one", "two"]],
    ["come whole when chunks cut them", ["on", "e\ntw", "o\n"], ["one", "two"]],
    ["include the last one without its newline", ["one\ntwo"], ["one", "two"]],
    ["lose their carriage return", ["one\r", "\ntwo\r\n"], ["one", "two"]],
    ["may be empty", ["\n\na"], ["", "", "a"]],
    [
      "come in pieces when they are long",
      ["0123456789abcdefghijKL\nx"],
      ["0123456789", "abcdefghij", "KL", "x"]
    ]
  ])("%s", (_, chunks, lines) => {
    assert.deepStrictEqual(lined(chunks), lines)
  })

  it("end with a note when there are too many", () => {
    assert.deepStrictEqual(lined(["a\n", "b\n", "c\n", "d\n"], 4), [
      "a",
      "b",
      "c",
      "[more than 4 bytes: the rest is not logged]"
    ])
  })
})
