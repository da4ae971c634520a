import { assert, describe, it } from "@effect/vitest"
import { type Answer, answerOf, casesIn, chapters, expectedIn } from "./corpus.ts"
import { differences, optimized } from "./differences.ts"

const said = (answer: Answer): string => answer.value ?? answer.error?.message ?? ""

const withoutPlain = (answer: Answer): Answer => {
  const { unoptimized, ...rest } = answer
  return unoptimized === undefined ? answer : rest
}

const same = (x: Answer, y: Answer): boolean => {
  try {
    assert.deepStrictEqual(x, y)
    return true
  } catch {
    return false
  }
}

for (const chapter of chapters()) {
  describe(`Rhai, ${chapter}`, () => {
    const expected = expectedIn(chapter)
    const cases = casesIn(chapter)
    const byCrate = cases.filter(
      ({ name }) =>
        !differences.some((difference) => difference.chapter === chapter && difference.name === name)
    )

    it.each(byCrate.map((item) => [item.name, item] as const))("%s", (name, { options, source }) => {
      const answer = expected[name]!
      const got = answerOf(source, options)
      const plain = optimized.includes(`${chapter} / ${name}`)
      assert.deepStrictEqual(got, plain ? answer.unoptimized : withoutPlain(answer))
    })

    it("has an expectation for every case and a case for every expectation", () => {
      assert.deepStrictEqual(cases.map(({ name }) => name).sort(), Object.keys(expected).sort())
    })
  })
}

describe("Differences from the crate", () => {
  it.each(differences.map((item) => [`${item.chapter}: ${item.name}`, item] as const))(
    "%s",
    (_, difference) => {
      const { options, source } = casesIn(difference.chapter).find(({ name }) => name === difference.name)!
      const answer = answerOf(source, options)
      assert.strictEqual(said(answer), difference.says)
      assert.isFalse(
        same(answer, withoutPlain(expectedIn(difference.chapter)[difference.name]!)),
        "is no difference"
      )
    }
  )

  it("the corpus has at least 800 cases", () => {
    assert.isAtLeast(chapters().flatMap((chapter) => casesIn(chapter)).length, 800)
  })
})
