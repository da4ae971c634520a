import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { Template } from "../../src/template/Template.ts"
import { errorOf, holds, render } from "./support.ts"

type Row = readonly [rule: string, template: Json, variables: JsonObject, expected: unknown]

const raw = (text: string) => JSON.rawJSON(text)
const powers = { a: raw("1E2"), b: raw("1e16"), c: raw("-0.0") }
const floats = [raw("21.0"), raw("40.0"), raw("-20.0"), raw("0.0")]
const yes = [true, true, true, true]

const keepsTypes: ReadonlyArray<Row> = [
  ["2.5.1 a number stays a number", "{{ n }}", { n: 42 }, 42],
  ["2.5.1 a fraction stays one", "{{ n }}", { n: 1.5 }, 1.5],
  ["2.5.1 text that looks like a number stays text", "{{ zip }}", { zip: "501" }, "501"],
  ["2.5.1 null stays null", "{{ n }}", { n: null }, null],
  ["2.5.1 a boolean stays one", "{{ b }}", { b: false }, false],
  ["2.5.1 a list stays one", "{{ l }}", { l: [1, "2", null] }, [1, "2", null]],
  ["2.5.1 a mapping stays one, its keys in order", "{{ m }}", { m: { z: 1, a: null } }, { z: 1, a: null }],
  ["2.5.1 a 64-bit integer stays exact", "{{ n }}", { n: 7670000000000000123n }, 7670000000000000123n],
  ["2.5.1 an integer computes exactly", "{{ n + 1 }}", { n: 9007199254740993n }, 9007199254740994n],
  [
    "2.5.1 an integer goes through filters exactly",
    "{{ n | default(0) | int }}",
    { n: 7670000000000000123n },
    7670000000000000123n
  ],
  [
    "2.5.1 an integer is read exactly from text",
    "{{ '7670000000000000123' | int }}",
    {},
    7670000000000000123n
  ],
  ["2.5.1 white space around a lone expression", "  \n{{ n }}\n", { n: 1 }, 1],
  ["2.5.1 a comment beside a lone expression", "{# why #}{{ n }}", { n: 1 }, 1],
  ["2.5.2 two expressions are text", "{{ a }}{{ b }}", { a: 1, b: 2 }, "12"],
  ["2.5.2 text is not read again", "{{ a }} ", { a: "[1]" }, "[1]"],
  ["2.5.2 JSON in text stays text", "[{{ a }}]", { a: 1 }, "[1]"],
  ["2.5.3 strings without templates stay", "true", {}, "true"],
  ["2.5.3 a comment's sign alone makes no template", "echo ${#X} ${#a[@]} #}", {}, "echo ${#X} ${#a[@]} #}"],
  ["2.5.3 numbers and null stay", [1, null, true], {}, [1, null, true]],
  ["2.5.4 undefined leaves a mapping", { a: "{{ x }}", b: 1 }, {}, { b: 1 }],
  ["2.5.4 undefined is null in a list", ["{{ x }}"], {}, [null]],
  ["2.5.4 null does not leave a mapping", { a: "{{ x }}" }, { x: null }, { a: null }],
  ["2.5.5 text as it is", "<{{ x }}>", { x: "it's <b>" }, "<it's <b>>"],
  ["2.5.5 booleans in text", "{{ a }} {{ b }}", { a: true, b: false }, "true false"],
  ["2.5.5 null prints nothing", "[{{ x }}]", { x: null }, "[]"],
  ["2.5.5 undefined prints nothing", "[{{ x }}]", {}, "[]"],
  [
    "2.5.5 lists and mappings are JSON in text",
    "x{{ l }}{{ m }}",
    { l: [1, null, "a"], m: { k: true } },
    'x[1,null,"a"]{"k":true}'
  ],
  ["2.5.5 a long integer in text", "id {{ n }}", { n: 7670000000000000123n }, "id 7670000000000000123"],
  ["2.1 data is never rendered", "{{ body }}", { body: "{{ secret }}", secret: 1 }, "{{ secret }}"],
  ["2.1 data inside text is never rendered", "x {{ body }}", { body: "{% for %}" }, "x {% for %}"],
  ["2.5 keys are not rendered", { "{{ a }}": "{{ a }}" }, { a: 1 }, { "{{ a }}": 1 }],
  ["1.14 no HTML escapes", "{{ x | tojson }};", { x: "<&'\">" }, '"<&\'\\">";']
]

const language: ReadonlyArray<Row> = [
  ["2.4 undefined is chainable", "{{ a.b.c[0].d }}", {}, undefined],
  ["2.4 is defined sees through", "{{ a.b.c is defined }}", {}, false],
  ["2.4 absent is in no list", "{{ output.http.status in [500, 502] }}", { output: {} }, false],
  ["1.14 keys before methods", "{{ start.items }}", { start: { items: [1] } }, [1]],
  ["1.14 keys before methods, in a filter", "{{ start.keys | length }}", { start: { keys: "abc" } }, 3],
  ["1.14 a method is called with parentheses", "{{ m.get('a', 0) + m.get('b', 2) }}", { m: { a: 1 } }, 3],
  ["1.14 negative index", "{{ l[-1] }}", { l: [1, 2, 3] }, 3],
  ["1.14 slices", "{{ execution_id[:8] }}", { execution_id: "7670000000000000123" }, "76700000"],
  ["1.14 chained comparison", "{{ 1 < n <= 3 }}", { n: 3 }, true],
  ["1.14 not in", "{{ 'x' not in s }}", { s: "abc" }, true],
  ["1.14 concatenation of lists", "{{ l + [3] }}", { l: [1, 2] }, [1, 2, 3]],
  ["1.14 ~ joins", "{{ 'a' ~ 1 ~ true }}", {}, "a1true"],
  ["1.14 inline if", "{{ 'a' if x else 'b' }}", { x: 0 }, "b"],
  ["1.14 inline if without else", "{{ 'a' if x }}", {}, undefined],
  ["1.14 floor and modulo as in Python", "{{ [-7 // 2, -7 % 3, 7 / 2, 2 ** 10] }}", {}, [-4, 2, 3.5, 1024]],
  [
    "1.14 literals",
    "{{ [True, false, None, 1.5, 'a', {'k': (1, 2)}] }}",
    {},
    [true, false, null, 1.5, "a", { k: [1, 2] }]
  ],
  ["1.14 if and elif", "{% if a %}1{% elif b %}2{% else %}3{% endif %}", { b: 1 }, "2"],
  [
    "1.14 for with else",
    "{% for x in l %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}",
    { l: ["a", "b"] },
    "1a2b"
  ],
  ["1.14 for over nothing", "{% for x in l %}{{ x }}{% else %}none{% endfor %}", {}, "none"],
  [
    "1.14 for with unpacking",
    "{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}",
    { m: { a: 1, b: 2 } },
    "a=1;b=2;"
  ],
  ["2.2 for with a filter", "{% for x in l if x is odd %}{{ x }}{% endfor %}", { l: [1, 2, 3] }, "13"],
  ["2.2 set", "{% set x = 1 %}{{ x + 1 }}", {}, "2"],
  [
    "2.2 namespace outlives a loop",
    "{% set ns = namespace(n=0) %}{% for x in l %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}",
    { l: [1, 2] },
    "3"
  ],
  ["2.2 white space control", "a  {{- x -}}  b", { x: 1 }, "a1b"],
  ["2.2 raw", "{% raw %}{{ x }}{% endraw %}", { x: 1 }, "{{ x }}"],
  ["2.2 braces of a dict do not end the tag", '{{ {"a": {"b": 1}}}}', {}, { a: { b: 1 } }],
  ["2.6 .data of a step is the step", "{{ start.data.x }}", { start: { x: 1 } }, 1],
  ["2.6 .result of a step is the step", "{{ start.result.data.x }}", { start: { x: 1 } }, 1],
  ["2.6 a real data key wins", "{{ start.data }}", { start: { data: 2, x: 1 } }, 2],
  ["2.6 reserved names have no view", "{{ ctx.data }}", { ctx: { x: 1 } }, undefined],
  ["1.14 dollar quotes", "$${{ x }}$$", { x: 1 }, "$$1$$"],
  ["a trailing newline goes", "x{{ a }}\n", { a: 1 }, "x1"]
]

const filters: ReadonlyArray<Row> = [
  [
    "2.3 int of text",
    "{{ ['41' | int, '3.7' | int, 'x' | int, '' | int, null | int, missing | int, true | int, -1.9 | int] }}",
    {},
    [41, 3, 0, 0, 0, 0, 1, -1]
  ],
  ["2.3 int with a fallback", "{{ 'x' | int(7) }}", {}, 7],
  ["2.3 float", "{{ ['1.5' | float, 'x' | float, 2 | float] }}", {}, [1.5, raw("0.0"), raw("2.0")]],
  ["2.3 string", "{{ 12 | string }}", {}, "12"],
  ["a float prints as one", "EUR {{ p }}", { p: raw("20.0") }, "EUR 20.0"],
  ["an exponent prints as in Python", "{{ a }} {{ b }} {{ c }}", powers, "100.0 1e+16 -0.0"],
  [
    "more digits than a double keeps",
    "{{ p }}!",
    { p: raw("3.14159265358979323846") },
    "3.14159265358979323846!"
  ],
  ["a lone expression is the float", "{{ p }}", { p: raw("20.0") }, raw("20.0")],
  ["a float goes on as a float", "{{ [p + 1, p * 2, -p, p - p] }}", { p: raw("20.0") }, floats],
  ["a quotient is a float", "{{ [10 / 2, 10 // 2, 7 / 2, 7 // 2.0] }}", {}, [raw("5.0"), 5, 3.5, raw("3.0")]],
  ["a float literal", "{{ 1.0 }} {{ 2e3 }}", {}, "1.0 2000.0"],
  ["2.3 int of a float", "{{ p | int }}", { p: raw("20.0") }, 20],
  ["2.3 int of a large float", "{{ p | int }}", { p: raw("1e20") }, 100_000_000_000_000_000_000n],
  ["2.3 abs of a float", "{{ p | abs }}", { p: raw("-20.0") }, raw("20.0")],
  ["2.3 sum of floats", "{{ [p, p] | sum }}", { p: raw("20.0") }, raw("40.0")],
  ["a float equals the integer", "{{ [p == 20, 20 == p, p in [20], p != 20.5] }}", { p: raw("20.0") }, yes],
  [
    "a float has its place in an order",
    "{{ [p < 21, p >= 20, p > 19.5, [3, p, 1] | max == 20] }}",
    { p: raw("20.0") },
    yes
  ],
  ["zero is false", "{{ 'a' if p else 'b' }}", { p: raw("0.0") }, "b"],
  ["2.3 unique", "{{ [p, 20] | unique | length }}", { p: raw("20.0") }, 1],
  ["2.3 tojson", "{{ {'p': p} | tojson }}", { p: raw("20.0") }, '{"p":20.0}'],
  [
    "2.3 join and urlencode",
    "{{ [p, 1] | join(',') }} {{ {'p': p} | urlencode }}",
    { p: raw("20.0") },
    "20.0,1 p=20.0"
  ],
  [
    "a float is an index, a slice, a range",
    "{{ [[1, 2][p], 'abc'[p:], range(p) | list] }}",
    { p: raw("1.0") },
    [2, "bc", [0]]
  ],
  ["2.3 bool", "{{ ['no' | bool, 'yes' | bool, 0 | bool, [1] | bool] }}", {}, [false, true, false, true]],
  [
    "2.3 default for undefined and none",
    "{{ [a | default(1), n | d(2), z | default(3)] }}",
    { n: null, z: 0 },
    [1, 2, 0]
  ],
  ["2.3 default(x, true) for what is false", "{{ z | default(3, true) }}", { z: 0 }, 3],
  [
    "2.3 tojson",
    "{{ x | tojson }}",
    { x: { b: null, a: [1, 12345678901234567890n] } },
    '{"b":null,"a":[1,12345678901234567890]}'
  ],
  ["2.3 tojson for SQL", '{{ x | tojson | replace("\'", "\'\'") }}', { x: ["it's"] }, "[\"it''s\"]"],
  ["2.3 tojson with an indent", "{{ x | tojson(2) }}", { x: [1] }, "[\n  1\n]"],
  ["2.3 fromjson", "{{ ['[1]' | fromjson, '{' | fromjson] }}", {}, [[1], null]],
  [
    "2.3 length counts characters",
    "{{ ['añb' | length, '😀' | length, [1, 2] | len, {'a': 1} | count, 5 | length, missing | length] }}",
    {},
    [3, 1, 2, 1, 0, 0]
  ],
  ["2.3 lower of a boolean", "{{ b | lower }}", { b: true }, "true"],
  [
    "2.3 case",
    "{{ ['aB' | upper, 'aB' | lower, 'aB c' | capitalize, 'ab cd' | title] }}",
    {},
    ["AB", "ab", "Ab c", "Ab Cd"]
  ],
  ["2.3 trim", "{{ [' a ' | trim, 'xax' | trim('x')] }}", {}, ["a", "a"]],
  ["2.3 replace", "{{ ['aXa' | replace('a', 'b'), 'aXa' | replace('a', 'b', 1)] }}", {}, ["bXb", "bXa"]],
  [
    "2.3 split",
    "{{ ['a,b' | split(','), ' a  b ' | split, 'a,b,c' | split(',', 1)] }}",
    {},
    [
      ["a", "b"],
      ["a", "b"],
      ["a", "b,c"]
    ]
  ],
  [
    "2.3 join",
    "{{ [['a', 1, true] | join(','), ['a', 'b'] | join, [{'n': 1}] | join(',', attribute='n')] }}",
    {},
    ["a,1,true", "ab", "1"]
  ],
  ["2.3 first and last", "{{ [[1, 2] | first, [1, 2] | last, 'ab' | first] }}", {}, [1, 2, "a"]],
  ["2.3 first of nothing is undefined", "{{ [] | first is defined }}", {}, false],
  ["2.3 list", "{{ 'ab' | list }}", {}, ["a", "b"]],
  ["2.3 unique", "{{ [1, 2, 1, '1'] | unique }}", {}, [1, 2, "1"]],
  ["2.3 sort", "{{ [3, 1, 2] | sort }}", {}, [1, 2, 3]],
  [
    "2.3 sort by attribute, descending",
    "{{ l | sort(attribute='n', reverse=true) | map(attribute='n') }}",
    { l: [{ n: 1 }, { n: 3 }] },
    [3, 1]
  ],
  ["2.3 reverse", "{{ [[1, 2] | reverse, 'ab' | reverse] }}", {}, [[2, 1], "ba"]],
  ["2.3 min and max", "{{ [[3, 1] | min, [3, 1] | max, ['b', 'A'] | min] }}", {}, [1, 3, "A"]],
  ["2.3 sum", "{{ [[1, 2] | sum, l | sum(attribute='n')] }}", { l: [{ n: 1.5 }, { n: 2 }] }, [3, 3.5]],
  [
    "2.3 abs and round",
    "{{ [-2 | abs, 2.567 | round(2), 2.5 | round, 2.1 | round(0, 'ceil')] }}",
    {},
    [2, 2.57, raw("3.0"), raw("3.0")]
  ],
  ["2.3 map by attribute", "{{ l | map(attribute='a.b') }}", { l: [{ a: { b: 1 } }, {}] }, [1, null]],
  ["2.3 map by filter", "{{ ['a'] | map('upper') }}", {}, ["A"]],
  [
    "2.3 selectattr",
    "{{ l | selectattr('ok') | map(attribute='n') }}",
    { l: [{ n: 1, ok: true }, { n: 2 }] },
    [1]
  ],
  [
    "2.3 selectattr with a test",
    "{{ l | selectattr('n', 'gt', 1) | list }}",
    { l: [{ n: 1 }, { n: 2 }] },
    [{ n: 2 }]
  ],
  ["2.3 select and reject", "{{ [[1, 2] | select('odd'), [1, 2] | reject('odd')] }}", {}, [[1], [2]]],
  [
    "2.3 keys, values, items",
    "{{ [m | keys, m | values, m | items] }}",
    { m: { b: 1, a: 2 } },
    [
      ["b", "a"],
      [1, 2],
      [
        ["b", 1],
        ["a", 2]
      ]
    ]
  ],
  ["2.3 get", "{{ [m | get('a'), m | get('x', 5)] }}", { m: { a: 1 } }, [1, 5]],
  ["2.3 base64", "{{ ['añ' | b64encode, 'YcOx' | b64decode] }}", {}, ["YcOx", "añ"]],
  [
    "2.3 urlencode",
    "{{ ['a b&c' | urlencode, {'a': 'b c', 'd': 1} | urlencode] }}",
    {},
    ["a%20b%26c", "a=b%20c&d=1"]
  ],
  ["2.3 escape does nothing", "{{ '<' | e | escape | safe }}", {}, "<"],
  [
    "2.3 range",
    "{{ [range(3), range(1, 3), range(3, 0, -1)] }}",
    {},
    [
      [0, 1, 2],
      [1, 2],
      [3, 2, 1]
    ]
  ],
  ["2.3 dict", "{{ dict({'a': 1}, b=2) }}", {}, { a: 1, b: 2 }]
]

const tests: ReadonlyArray<readonly [string, string, JsonObject, boolean]> = [
  ["2.3 defined", "x is defined", { x: null }, true],
  ["2.3 undefined", "x is undefined", {}, true],
  ["2.3 not defined", "x is not defined", {}, true],
  ["2.3 none", "x is none", { x: null }, true],
  ["2.3 not none", "x is not none", { x: 1 }, true],
  ["2.3 string", "x is string", { x: "" }, true],
  ["2.3 number", "x is number", { x: 5n }, true],
  ["2.3 integer", "x is integer", { x: 1.5 }, false],
  ["2.3 float", "x is float", { x: 1.5 }, true],
  ["2.3 float of an integral value", "x is float", { x: raw("20.0") }, true],
  ["2.3 no integer, though its value is one", "x is integer", { x: raw("20.0") }, false],
  ["2.3 number", "x is number", { x: raw("20.0") }, true],
  ["2.3 even", "x is even", { x: raw("20.0") }, true],
  ["2.3 no mapping", "x is mapping", { x: raw("20.0") }, false],
  ["2.3 boolean", "x is boolean", { x: 0 }, false],
  ["2.3 sequence", "x is sequence", { x: [] }, true],
  ["2.3 mapping", "x is mapping", { x: {} }, true],
  ["2.3 iterable", "x is iterable", { x: 1 }, false],
  ["2.3 in", "x is in [1, 2]", { x: 2 }, true],
  ["2.3 eq", "x is eq 2", { x: 2 }, true],
  ["2.3 equalto", "x is equalto(2)", { x: 3 }, false],
  ["2.3 ==", "x is == 2", { x: 2 }, true],
  ["2.3 odd", "x is odd", { x: 3 }, true],
  ["2.3 even", "x is even", { x: 3 }, false],
  ["2.8 a list that is empty is false", "x", { x: [] }, false],
  ["2.8 bare text is an expression", "a.b and not c", { a: { b: 1 } }, true],
  ["2.8 bare text of a missing name is false", "some_flag", {}, false],
  ["2.8 text that says no", "{{ x }}", { x: " No " }, false],
  ["2.8 text that says something", "{{ x }}", { x: "0.0" }, true],
  ["2.8 mixed text", "{{ x }}{{ y }}", { x: "", y: "" }, false],
  ["2.8 statements", "{% if x %}true{% endif %}", { x: 1 }, true],
  ["2.8 zero is false", "{{ x }}", { x: 0 }, false],
  ["2.8 a status of text compares", "{{ output.status == 'error' }}", { output: { status: "error" } }, true],
  ["2.8 missing is not more", "output.n > 5", { output: {} }, false],
  ["1.14 true is one", "true == 1", {}, true],
  ["1.14 text is no number", "'1' == 1", {}, false],
  ["1.14 deep equality", "a == b", { a: { x: [1n] }, b: { x: [1] } }, true]
]

const failures: ReadonlyArray<readonly [string, string, string, number, number]> = [
  [
    "2.4 arithmetic on undefined",
    "a\n {{ x + 1 }}",
    "'+' does not go with an undefined value and a number",
    2,
    7
  ],
  ["2.4 a syntax error has its place", "{{ x + }}", "unexpected end of the expression", 1, 8],
  ["an unknown filter", "{{ x | nope }}", "unknown filter 'nope'", 1, 6],
  ["an unknown test", "{{ x is nope }}", "unknown test 'nope'", 1, 6],
  ["an unknown function", "{{ nope() }}", "unknown function 'nope'", 1, 4],
  ["an unknown statement", "{% include 'x' %}", "the statement 'include' is not supported", 1, 1],
  ["1.14 Go templates", "docker ps --format '{{ `.Names` }}'", 'unexpected character "`"', 1, 24],
  ["a number without digits", "{{ 0x__proto__ }}", "0x__ is a number without digits", 1, 4],
  ["an open tag", "{{ x", "'{{' is never closed", 1, 1],
  ["an open block", "{% if x %}y", "a block has no 'endif'", 1, 1],
  ["an end without a start", "{% endif %}", "unexpected 'endif'", 1, 1],
  ["division by zero", "{{ 1 / 0 }}", "division by zero", 1, 6],
  ["unlike things do not compare", "{{ 'a' < 1 }}", "cannot compare text and a number", 1, 8],
  ["a dict is not closed", "{{ {'a': 1 }}", "'{{' is never closed", 1, 1],
  ["a list is not closed", "{{ [1 }}", "unexpected end of the tag, expected ','", 1, 7]
]

describe("Template", () => {
  describe.each([
    ["keeps types", keepsTypes],
    ["speaks Jinja", language],
    ["has the filters", filters]
  ])("%s", (_, rows) => {
    it.each(rows)("%s", (_rule, template, variables, expected) => {
      assert.deepStrictEqual(render(template, variables), expected)
    })
  })

  describe("decides conditions", () => {
    it.each(tests)("%s", (_rule, condition, variables, expected) => {
      assert.strictEqual(holds(condition, variables), expected)
    })
    it.each([
      [true, true],
      [false, false],
      [null, false],
      [0, false]
    ])("2.8 %s as it is", (condition, expected) => {
      assert.strictEqual(holds(condition), expected)
    })
  })

  describe("says where it failed", () => {
    it.each(failures)("%s", (_rule, template, detail, line, column) => {
      const error = errorOf({ tool: { url: template } }, {}, { at: "task" })
      assert.strictEqual(error.at, "task.tool.url")
      assert.strictEqual(error.detail, detail)
      assert.deepStrictEqual([error.line, error.column], [line, column])
    })
  })

  it("prints Python literals inside code, and only there", () => {
    const template = { code: "a = {{ a }}\nb = {{ b }}\nc = {{ c }}\nd = '{{ d }}'", url: "{{ a }}/" }
    const variables = { a: true, b: null, c: [1, null, { k: "it's", q: 'a"b\n' }], d: "x" }
    assert.deepStrictEqual(render(template, variables, { pythonKeys: new Set(["code"]) }), {
      code: "a = True\nb = None\nc = [1, None, {'k': \"it's\", 'q': 'a\"b\\n'}]\nd = 'x'",
      url: "true/"
    })
  })

  it("gives back the same object where there is nothing to render", () => {
    const value = { a: [1, { b: "plain" }], c: "x" }
    assert.strictEqual(render(value), value)
  })

  it("looks names up in the first layer that has them", () => {
    assert.strictEqual(render("{{ a }}{{ b }}", {}, { layers: [{ a: 1 }, { a: 2, b: 3 }] }), "13")
  })

  it("compares a path with every spelling of its value", () => {
    const options = { synonyms: [{ path: ["output", "status"] as const, spellings: ["ok", "success"] }] }
    const variables = { output: { status: "ok" } }
    const results = ["== 'ok'", "== 'success'", "!= 'success'", "in ['success']", "== 'error'"].map((test) =>
      render(`{{ output.status ${test} }}`, variables, options)
    )
    assert.deepStrictEqual(results, [true, true, false, true, false])
  })

  it.effect("fetches what is not there, each thing once, and renders again", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const template = yield* Template
      const holder = { _ref: "noetl://execution/1/result/start/1", _store: "memory", count: 2 }
      const value = yield* template.render(
        {
          a: "{{ start.rows[1] }}",
          b: "{{ start.count }} {{ start.rows | length }}",
          c: "Bearer {{ keychain.api.token }}",
          d: { $noetl_ref: { kind: "keychain", name: "api", field: "token" } },
          e: "{{ token('gcp', 'aud') }}",
          f: "{{ start._store }}",
          g: "{{ start.data.rows | length }}"
        },
        {
          layers: [{ start: holder }],
          resolve: (demand) =>
            Effect.sync(() => {
              asked.push(demand.type)
              return demand.type === "reference"
                ? { rows: [10, 11], count: 2 }
                : demand.type === "keychain"
                  ? { token: "{{ t }}" }
                  : "jwt"
            })
        }
      )
      assert.deepStrictEqual(value, {
        a: 11,
        b: "2 2",
        c: "Bearer {{ t }}",
        d: "{{ t }}",
        e: "jwt",
        f: "memory",
        g: 2
      })
      assert.deepStrictEqual(asked.toSorted(), ["keychain", "reference", "token"])
    }).pipe(Effect.provide(Template.layer))
  )

  it.effect("tells the time of the Clock", () =>
    Effect.gen(function* () {
      const template = yield* Template
      const value = yield* template.render(["{{ now() }}", "{{ now('Europe/Berlin') }}"], { layers: [] })
      assert.deepStrictEqual(value, ["1970-01-01T00:00:00.000Z", "1970-01-01T01:00:00.000+01:00"])
    }).pipe(Effect.provide(Template.layer))
  )
})
