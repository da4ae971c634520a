/** The Rust engine that newer servers and workers use says the same as ours wherever both have an opinion. */
import { assert, describe, it } from "@effect/vitest"
import { Environment } from "minijinja-js"
import { render } from "./support.ts"

const variables = {
  n: 7,
  z: 0,
  f: 2.5,
  s: "hello world",
  e: "",
  t: true,
  l: [3, 1, 2],
  m: { a: 1, b: "x" },
  users: [
    { name: "Bob", age: 30, ok: true },
    { name: "alice", age: 25, ok: false }
  ],
  deep: { a: { b: [{ c: 5 }] } }
}

const templates = [
  "{{ n + 1 }} {{ n - 10 }} {{ n * f }} {{ n // 2 }} {{ n % 4 }} {{ n ** 2 }} {{ -n }}",
  "{{ n > 3 and f < 3 or false }} {{ not t }} {{ n == 7 }} {{ n != 7 }} {{ 1 < 2 }} {{ n >= 7 }}",
  "{{ 3 in l }} {{ 4 not in l }} {{ 'a' in m }} {{ 'wor' in s }}",
  "{{ s ~ '-' ~ n }} {{ 'ab' * 3 }} {{ 'a' + 'b' }}",
  "{{ s | upper }} {{ s | title }} {{ s | capitalize }} {{ s | length }} {{ l | length }} {{ m | length }}",
  "{{ l | first }} {{ l | last }} {{ l | sort | join(',') }} {{ l | reverse | join(',') }} {{ l | min }} {{ l | max }} {{ l | sum }}",
  "{{ users | map(attribute='name') | join(',') }} {{ users | selectattr('ok') | map(attribute='age') | join }}",
  "{{ users | rejectattr('ok') | map(attribute='name') | join }} {{ users | sort(attribute='age') | map(attribute='age') | join(',') }}",
  "{{ s | replace('world', 'x') }} {{ ' a ' | trim }} {{ s | split(' ') | join('|') }}",
  "{{ missing }}|{{ missing.a.b }}|{{ missing | default('d') }}|{{ e | default('d', true) }}|{{ e | default('d') }}",
  "{{ missing is defined }} {{ n is odd }} {{ n is even }} {{ s is string }} {{ l is sequence }} {{ m is mapping }} {{ n is number }}",
  "{{ 'yes' if t else 'no' }} {{ 'yes' if z else 'no' }}",
  "{% for x in l %}{{ loop.index }}:{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}",
  "{% for x in l if x > 1 %}{{ loop.index0 }}{{ loop.first }}{{ x }};{% else %}none{% endfor %}",
  "{% for x in [] %}x{% else %}none{% endfor %}",
  "{% for k, v in m | items %}{{ k }}={{ v }} {% endfor %}",
  "{% for u in users %}{% for x in l %}{{ u.name[0] }}{{ x }}{{ loop.revindex }} {% endfor %}{% endfor %}",
  "{% set x = 5 %}{{ x }} {% set y %}a{{ x }}b{% endset %}{{ y }}",
  "{% set ns = namespace(t=0) %}{% for x in l %}{% set ns.t = ns.t + x %}{% endfor %}{{ ns.t }}",
  "{% if z %}a{% elif n == 7 %}b{% else %}c{% endif %}",
  "a {%- if t -%} b {%- endif -%} c",
  "{{ deep.a.b[0].c }} {{ deep['a']['b'][-1]['c'] }} {{ deep.a.x.y }}",
  "{{ l[1:] | join(',') }} {{ l[:-1] | join(',') }} {{ s[1:4] }} {{ l[::-1] | join(',') }} {{ l[::2] | join(',') }}",
  "{{ range(5) | join(',') }} {{ range(2, 8, 3) | join(',') }}",
  "{{ [1, 2] == [1, 2] }} {{ {'a': 1} == {'a': 1.0} }} {{ 'a' < 'b' }}",
  "{{ (2.4 | round) == 2 }} {{ 2.567 | round(2) }} {{ -3 | abs }} {{ '42' | int + 1 }} {{ '1.5' | float + 1 }}",
  "{{ m | tojson }} {{ l | tojson }} {{ s | tojson }}",
  "{{ [1, [2, 'x']] | tojson }}",
  "{{ s | first }} {{ 'abc' | last }} {{ [1, 1, 2] | unique | join(',') }}",
  "{% raw %}{{ x }}{% endraw %} {# comment #}!",
  "{{ 'a\\nb' }} {{ \"it's\" }} {{ 'it\\'s' }}",
  "{{ (1, 2)[1] }} {{ [1, 2,][0] }} {{ {'a': 1, 'b': [1]}['b'][0] }}",
  "{{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 10 - 2 - 3 }} {{ 2 + 3 * 4 }} {{ (2 + 3) * 4 }}",
  "{{ not false and true }} {{ true or false and false }} {{ 1 == 1 == true }}",
  "{{ n | string ~ 'x' }} {{ l | list | length }} {{ s | list | length }}",
  "{{ 'x' is in ['x'] }} {{ n is eq 7 }} {{ n is divisibleby 7 }} {{ s is startingwith 'he' }}",
  "{{ 7670000000000000123 + 1 }}",
  "{{ 10 / 2 }} {{ 1.0 }} {{ 2.0 + 1 }} {{ 2.5 | round }} {{ 2 | float }} {{ 2.0 * 2 }} {{ f * 2 }} {{ 1.0 == 1 }}",
  "line one\n{{ n }}\n"
]

describe("Template, beside minijinja", () => {
  const environment = new Environment()
  environment.undefinedBehavior = "chainable"

  it.each(templates)("%s", (template) => {
    // In text on both sides, so that the value is printed.
    assert.strictEqual(render(`>${template}`, variables), environment.renderStr(`>${template}`, variables))
  })
})
