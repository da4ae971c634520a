/** Random Rhai scripts: mostly sensible, so that they get somewhere, with enough nonsense to reach the errors. */

export interface Random {
  /** A whole number from 0 up to, not including, `below`. */
  readonly below: (below: number) => number
}

/** A generator that repeats itself for the same seed. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  return {
    below: (below) => {
      state = (state + 0x6d2b79f5) >>> 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) % below
    }
  }
}

const names = ["a", "b", "c", "x", "y"]
const literals = [
  "0",
  "1",
  "2",
  "3",
  "-1",
  "7",
  "10",
  "255",
  "9223372036854775807",
  "9007199254740993",
  "0.5",
  "1.5",
  "-2.25",
  "2.0",
  "true",
  "false",
  "()",
  '"abc"',
  '""',
  '"h\\u00e9llo"',
  "'z'",
  '"1,2,3"',
  "[1, 2, 3]",
  "[]",
  '["b", "a"]',
  "[[1], [2, 3]]",
  '#{ a: 1, b: "two" }',
  "#{}",
  "#{ a: [1, 2], c: #{ b: 5 } }",
  "1..4",
  "0..=2",
  "blob(2, 65)"
]
const binaries = "+ + + - * / % ** == != < <= > >= && || ?? & | ^ << >> in ..".split(" ")
const assigns = "= += -= *= /= %= |= &= ^=".split(" ")
const properties = ["a", "b", "c", "len", "is_empty", "is_odd", "start", "floor", "bytes"]
const methods: ReadonlyArray<readonly [string, number]> = [
  ["len", 0],
  ["is_empty", 0],
  ["push", 1],
  ["pop", 0],
  ["shift", 0],
  ["insert", 2],
  ["remove", 1],
  ["reverse", 0],
  ["contains", 1],
  ["index_of", 1],
  ["sort", 0],
  ["order", 0],
  ["dedup", 0],
  ["truncate", 1],
  ["chop", 1],
  ["extract", 2],
  ["splice", 3],
  ["split", 1],
  ["split", 0],
  ["to_upper", 0],
  ["to_lower", 0],
  ["trim", 0],
  ["replace", 2],
  ["sub_string", 2],
  ["crop", 2],
  ["keys", 0],
  ["values", 0],
  ["get", 1],
  ["set", 2],
  ["clear", 0],
  ["abs", 0],
  ["to_string", 0],
  ["to_debug", 0],
  ["to_float", 0],
  ["to_int", 0],
  ["floor", 0],
  ["round", 0],
  ["type_of", 0],
  ["starts_with", 1],
  ["ends_with", 1],
  ["append", 1],
  ["drain", 2],
  ["retain", 2],
  ["pad", 2],
  ["get_bit", 1],
  ["get_bits", 2],
  ["mixin", 1],
  ["fill_with", 1],
  ["parse_int", 0],
  ["parse_float", 0],
  ["to_chars", 0],
  ["make_upper", 0],
  ["f", 0],
  ["f", 1],
  ["g", 1],
  ["max", 1],
  ["min", 1],
  ["to_array", 0],
  ["is_even", 0],
  ["sign", 0],
  ["to_hex", 0]
]
const callbacks = "map filter some all find reduce for_each retain drain sort index_of find_map".split(" ")

export const randomScript = (random: Random): string => {
  const { below } = random
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)]!
  let loops = 0

  const chain = (depth: number): string => {
    let text: string = pick(names)
    for (let i = below(3); i >= 0; i--) {
      const kind = below(3)
      if (kind === 0) text += `.${pick(properties)}`
      else if (kind === 1)
        text += `[${below(3) === 0 ? expression(depth - 1) : pick(["0", "1", "-1", '"a"', '"b"'])}]`
      else text += call(depth)
    }
    return text
  }

  const call = (depth: number): string => {
    const [name, arity] = pick(methods)
    return `.${name}(${Array.from({ length: arity }, () => expression(depth - 1)).join(", ")})`
  }

  const expression = (depth: number): string => {
    if (depth <= 0) return below(2) === 0 ? pick(names) : pick(literals)
    switch (below(15)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return `${expression(depth - 1)} ${pick(binaries)} ${expression(depth - 1)}`
      case 4:
        return `(${expression(depth - 1)})`
      case 5:
        return `${pick(["-", "!"])}${expression(depth - 1)}`
      case 6:
        return `[${Array.from({ length: below(3) }, () => expression(depth - 1)).join(", ")}]`
      case 7:
        return `#{ a: ${expression(depth - 1)} }`
      case 8:
        return `if ${expression(depth - 1)} { ${expression(depth - 1)} } else { ${expression(depth - 1)} }`
      case 9:
        return `\`\${${expression(depth - 1)}}:\${${expression(depth - 1)}}\``
      case 10:
        return `${pick(names)}.${pick(callbacks)}(|v${below(3) === 0 ? ", i" : ""}| ${expression(depth - 1)})`
      case 11:
        return `f(${expression(depth - 1)})`
      case 12:
        return `switch ${expression(depth - 1)} { 1 => ${expression(depth - 1)}, "abc" => 2, 2..5 => "r", _ => ${expression(depth - 1)} }`
      default:
        return chain(depth)
    }
  }

  const body = (depth: number): string => {
    const count = 1 + below(3)
    return Array.from({ length: count }, () => statement(depth - 1)).join(" ")
  }

  const statement = (depth: number): string => {
    switch (below(depth > 0 ? 14 : 6)) {
      case 0:
        return `let ${pick(names)} = ${expression(2)};`
      case 1:
        return `${pick(names)} ${pick(assigns)} ${expression(2)};`
      case 2:
        return `${pick(names)}${pick(["[0]", "[1]", ".a", ".b", ".c.b", "[-1]", '["a"]'])} ${pick(assigns)} ${expression(2)};`
      case 3:
        return `print(${expression(2)});`
      case 4:
        return `${chain(2)};`
      case 5:
        return `${expression(3)};`
      case 6:
        return `if ${expression(1)} { ${body(depth)} } else { ${body(depth)} }`
      case 7:
        return `for ${pick(names)} in ${pick(["0..3", "[1, 2]", '"ab"', expression(1)])} { ${body(depth)} }`
      case 8:
        loops++
        return `let n${loops} = 0; while n${loops} < 3 { n${loops} += 1; ${body(depth)} }`
      case 9:
        return `try { ${body(depth)} } catch (e) { print(e); }`
      case 10:
        return `{ ${body(depth)} }`
      case 11:
        return `let ${pick(names)} = |v| ${expression(2)}; print(${pick(names)}.call(${expression(1)}));`
      case 12:
        return `throw ${expression(1)};`
      default:
        return `let ${pick(names)} = loop { ${body(depth)} break ${expression(1)}; };`
    }
  }

  const lines = [
    `fn f(v) { ${expression(2)} }`,
    `fn g(v) { ${pick(["this = v;", "this += v;", "this.push(v);", "print(this);", "this"])} }`,
    `fn f() { this }`,
    ...names.map((name) => `let ${name} = ${pick(literals)};`),
    ...Array.from({ length: 2 + below(5) }, () => statement(2)),
    `[${names.join(", ")}]`
  ]
  return lines.join("\n")
}
