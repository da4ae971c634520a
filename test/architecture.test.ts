import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { allowed, longTests } from "./architecture.ts"

const files = globSync("src/**/*.ts")
const pathOf = (file: string) => file.replace(/^src\//, "")
const isIn = (path: string, part: string) => path === part || path.startsWith(`${part}/`)

/** The part that a file belongs to. */
const partOf = (file: string): string | undefined =>
  Object.keys(allowed)
    .filter((part) => isIn(pathOf(file), part))
    .toSorted((a, b) => b.length - a.length)[0]

/** Files that a file names in an import, an export, an `import()` or the URL of a thread's entry. */
const importsOf = (file: string) =>
  [
    ...readFileSync(file, "utf8").matchAll(
      /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"|import\.meta\.url\.endsWith\("\.ts"\) \? "(\.[^"]+)"/g
    )
  ]
    .map(([, path, entry]) => join(dirname(file), path ?? entry ?? ""))
    .filter((path) => path.startsWith("src/"))

/** What a file imports although its part may not. */
const breachesOf = (file: string): ReadonlyArray<string> => {
  const part = partOf(file)
  if (part === undefined) return [`${file} belongs to no part`]
  const below = allowed[part] ?? []
  return importsOf(file)
    .filter((path) => partOf(path) !== part && !below.some((ok) => isIn(pathOf(path), ok)))
    .map((path) => `${file} imports ${pathOf(path)}`)
}

describe("The architecture", () => {
  it.each(Object.keys(allowed))("%s imports only what is below it", (part) => {
    const own = files.filter((file) => partOf(file) === part)
    assert.isNotEmpty(own)
    assert.deepStrictEqual(own.flatMap(breachesOf), [])
  })

  it("every file has a part", () => {
    assert.deepStrictEqual(
      files.filter((file) => partOf(file) === undefined),
      []
    )
  })

  it("no two parts import each other, but a tool's class and its folder", () => {
    const pairs = new Set(
      files.flatMap((file) => importsOf(file).map((path) => `${partOf(file)} ${partOf(path)}`))
    )
    const circles = [...pairs].filter((pair) => {
      const [a = "", b = ""] = pair.split(" ")
      return a < b && pairs.has(`${b} ${a}`) && !(a === "tools" && b.startsWith("tools/"))
    })
    assert.deepStrictEqual(circles, [])
  })

  it("no backend is imported but by its folder's index, the wiring and what is made for tests", () => {
    const backends =
      /^src\/(queue\/(nats\/Nats|postgres\/Postgres|Memory)Queue|control-plane\/(MemoryControlPlane|noetl\/NoetlControlPlane|jobs\/JobControlPlane))\.ts$/
    const may = /^src\/(config|cli|embed|local|testing)\/|^src\/(queue|control-plane)\/index\.ts$/
    const wrong = files
      .filter((file) => !may.test(file) && !backends.test(file))
      .filter((file) => importsOf(file).some((path) => backends.test(path)))
    assert.deepStrictEqual(wrong, [])
  })

  it("the package's main door loads no driver", () => {
    const seen = new Set<string>()
    const drivers: Array<string> = []
    const visit = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      for (const [, name] of readFileSync(file, "utf8").matchAll(
        /^(?:import|export) (?!type\b)[^"]*from "([^".][^"]*)"/gm
      )) {
        if (name !== "effect" && !name?.startsWith("effect/") && !name?.startsWith("node:"))
          drivers.push(`${file}: ${name}`)
      }
      for (const [, path] of readFileSync(file, "utf8").matchAll(
        /^(?:import|export) (?!type\b)[^"]*from "(\.[^"]+)"/gm
      )) {
        visit(join(dirname(file), path ?? ""))
      }
    }
    visit("src/index.ts")
    assert.deepStrictEqual(
      drivers.filter((line) => !/: (lossless-json|yaml)$/.test(line)),
      []
    )
  })

  it("no file has more than 300 lines", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 301)
    assert.deepStrictEqual(long, [])
  })

  it("no test file has more than 300 lines without a reason", () => {
    const long = globSync("{test,bench,scripts}/**/*.ts")
      .filter((file) => readFileSync(file, "utf8").split("\n").length > 301)
      .filter((file) => longTests[file] === undefined)
    assert.deepStrictEqual(long, [])
  })

  it("comments name who acts: no pronoun stands for a worker, a caller or a server", () => {
    const vague = /\b(nobody|whoever|somebody|everybody|anybody|in hand|lapsed?|deadly|what is none)\b/i
    const wrong = files.flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((line, i) =>
          /^\s*(\/\*\*|\*|\/\/)/.test(line) && vague.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []
        )
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("time is Clock's, chance is Random's, and no type is any, but where a comment says why", () => {
    const banned =
      /\bas any\b|: any\b|@ts-ignore|@ts-nocheck|Date\.now\(|Math\.random\(|\beval\(|new Function\(/
    const wrong = files.flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => banned.test(line.replace(/\/\/.*|^\s*\*.*|"[^"]*"|`[^`]*`/g, "")))
        .map((line) => `${file}: ${line.trim()}`)
    )
    assert.deepStrictEqual(wrong, [])
  })
})
