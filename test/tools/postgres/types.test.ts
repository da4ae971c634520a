import { assert, layer as testLayer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { isObject, type Json, type JsonObject } from "../../../src/domain/Json.ts"
import { aCall, runTool } from "../../../src/testing/suites/ToolSuite.ts"
import { PostgresTool } from "../../../src/tools/PostgresTool.ts"
import { Toolbox } from "../../../src/tools/Toolbox.ts"
import { EgressOptions } from "../../../src/tools/http/Egress.ts"
import { serverOfFile } from "../../support/PostgresServer.ts"

const server = serverOfFile()
const toolbox = Toolbox.layer(PostgresTool).pipe(
  Layer.provide(PostgresTool.layer.pipe(Layer.provide(EgressOptions.layerDevelopment)))
)
const select = (sql: string, more: JsonObject = {}) =>
  Effect.map(runTool(aCall("postgres", { ...server.current.settings, query: sql, ...more })), (result) => {
    assert.strictEqual(result.status, "success", result.error?.message)
    return result.data !== undefined && isObject(result.data) ? result.data : {}
  })
const value = (expression: string, more: JsonObject = {}) =>
  Effect.map(select(`SELECT ${expression} AS x`, more), ({ column_types, rows }) => [
    (column_types as ReadonlyArray<string>)[0],
    (rows as ReadonlyArray<JsonObject>)[0]?.["x"]
  ])

const big = 9_223_372_036_854_775_807n

testLayer(toolbox, { excludeTestServices: true })("A value of PostgreSQL", (it) => {
  it.effect.each<readonly [string, string, Json]>([
    ["NULL::int", "int4", null],
    ["true", "bool", true],
    ["(-32768)::int2", "int2", -32_768],
    ["2147483647", "int4", 2_147_483_647],
    ["9007199254740991", "int8", 9_007_199_254_740_991],
    ["9223372036854775807", "int8", big],
    ["4294967295::oid", "oid", 4_294_967_295],
    ["0.1::float4", "float4", 0.1],
    ["0.1::float8 + 0.2", "float8", 0.1 + 0.2],
    ["'NaN'::float8", "float8", null],
    ["'-Infinity'::float4", "float4", null],
    ["1.50::numeric(10,2)", "numeric", "1.50"],
    [
      "123456789012345678901234567890.123456789::numeric",
      "numeric",
      "123456789012345678901234567890.123456789"
    ],
    ["'NaN'::numeric", "numeric", "NaN"],
    ["'it''s'", "text", "it's"],
    ["'x'::varchar(5)", "varchar", "x"],
    ["'x'::char(3)", "bpchar", "x  "],
    ["'x'::name", "name", "x"],
    [`'{"a": [1, 9223372036854775807]}'::jsonb`, "jsonb", { a: [1, big] }],
    ["'null'::json", "json", null],
    ["'\"x\"'::json", "json", "x"],
    ["'2024-02-29'::date", "date", "2024-02-29"],
    ["'infinity'::date", "date", "infinity"],
    ["'03:04:05.5'::time", "time", "03:04:05.5"],
    ["'03:04:05+02'::timetz", "timetz", "03:04:05+02"],
    ["'2024-01-02 03:04:05'::timestamp", "timestamp", "2024-01-02T03:04:05"],
    ["'2024-01-02 03:04:05.5'::timestamp", "timestamp", "2024-01-02T03:04:05.500000"],
    ["'2024-07-02 03:04:05.123456+02'::timestamptz", "timestamptz", "2024-07-02T01:04:05.123456+00:00"],
    ["'2024-01-01 00:30:00+01'::timestamptz", "timestamptz", "2023-12-31T23:30:00+00:00"],
    ["'0044-03-15 12:00:00 BC'::timestamp", "timestamp", "0044-03-15 12:00:00 BC"],
    ["'0044-03-15 12:00:00+00 BC'::timestamptz", "timestamptz", "0044-03-15 12:00:00+00 BC"],
    ["'294276-12-31 23:59:59.999999'::timestamp", "timestamp", "294276-12-31T23:59:59.999999"],
    ["'294276-12-31 23:59:59.999999+00'::timestamptz", "timestamptz", "294276-12-31T23:59:59.999999+00:00"],
    ["'4713-01-01 BC'::date", "date", "4713-01-01 BC"],
    ["'5874897-12-31'::date", "date", "5874897-12-31"],
    ["'infinity'::timestamp", "timestamp", "infinity"],
    ["'-infinity'::timestamptz", "timestamptz", "-infinity"],
    ["ARRAY['infinity'::timestamptz, '-infinity']", "timestamptz[]", ["infinity", "-infinity"]],
    ["'1 2 3'::int2vector", "int2vector", "1 2 3"],
    ["'1 2'::oidvector", "oidvector", "1 2"],
    ["'12024-01-02 03:04:05+00'::timestamptz", "timestamptz", "12024-01-02T03:04:05+00:00"],
    ["'1 year 2 days 03:00'::interval", "interval", "1 year 2 days 03:00:00"],
    ["'6E9E2D1C-7C3C-4B6B-9B9B-000000000001'::uuid", "uuid", "6e9e2d1c-7c3c-4b6b-9b9b-000000000001"],
    ["'\\x00ff10'::bytea", "bytea", "AP8Q"],
    ["'192.168.0.1/24'::inet", "inet", "192.168.0.1/24"],
    ["'10.0.0.0/8'::cidr", "cidr", "10.0.0.0/8"],
    ["'08:00:2b:01:02:03'::macaddr", "macaddr", "08:00:2b:01:02:03"],
    ["int4range(1, 5)", "int4range", "[1,5)"],
    ["'{[1,2),[5,6)}'::int4multirange", "int4multirange", "{[1,2),[5,6)}"],
    ["'(1,2)'::point", "point", "(1,2)"],
    ["B'101'", "bit", "101"],
    ["'$1,000.50'::money", "money", "$1,000.50"],
    ["'<a/>'::xml", "xml", "<a/>"],
    ["'a:1'::tsvector", "tsvector", "'a':1"],
    ["'pg_class'::regclass", "regclass", "pg_class"],
    ["ROW(1, 'a b')", "record", '(1,"a b")'],
    ["ARRAY[1, NULL, 3]", "int4[]", [1, null, 3]],
    ["'{}'::int[]", "int4[]", []],
    [
      "ARRAY[[1, 2], [3, 4]]",
      "int4[]",
      [
        [1, 2],
        [3, 4]
      ]
    ],
    ["'[0:1]={5,6}'::int[]", "int4[]", [5, 6]],
    [`ARRAY['a,b', '"', '\\', 'NULL', '', '{}', NULL]`, "text[]", ["a,b", '"', "\\", "NULL", "", "{}", null]],
    ["ARRAY[1.10, 2]::numeric[]", "numeric[]", ["1.10", "2"]],
    ["ARRAY[true, false]", "bool[]", [true, false]],
    ["ARRAY[9223372036854775807]", "int8[]", [big]],
    [`ARRAY['{"a": 1}'::jsonb]`, "jsonb[]", [{ a: 1 }]],
    ["ARRAY['2024-01-02 03:04:05'::timestamp]", "timestamp[]", ["2024-01-02T03:04:05"]],
    ["ARRAY['\\x00ff'::bytea]", "bytea[]", ["AP8="]],
    ["ARRAY['((1,2),(0,0))'::box, '((3,4),(0,0))']", "box[]", ["(1,2),(0,0)", "(3,4),(0,0)"]],
    ["(SELECT array_agg(x) FROM generate_series(1, 3) AS g(x))", "int4[]", [1, 2, 3]]
  ])("keeps what it says: %s", ([expression, type, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* value(expression), [type, expected])
    })
  )

  it.effect("of a type that the database defines is read too, in arrays as well", () =>
    Effect.gen(function* () {
      yield* Effect.suspend(() =>
        server.current
          .query(`CREATE TYPE mood AS ENUM ('sad', 'so so'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
          CREATE TYPE pair AS (a int, b text); CREATE DOMAIN money_like AS numeric; CREATE DOMAIN price AS money_like;
          CREATE DOMAIN moods AS mood[]; CREATE DOMAIN moment AS timestamp`)
      )
      const sql = `SELECT 'so so'::mood AS enum, ARRAY['sad', 'so so']::mood[] AS enums, 5::positive AS domain,
        ARRAY[5]::positive[] AS domains, ARRAY[1.10, 2]::price[] AS prices,
        ARRAY['{sad,"so so"}'::moods] AS nested, ARRAY['2024-01-02 03:04:05'::moment] AS moments, (1, 'x y')::pair AS pair, ARRAY[(1, 'x y')::pair, NULL] AS pairs`
      const first = yield* select(sql)
      const expected = {
        enum: "so so",
        enums: ["sad", "so so"],
        domain: 5,
        domains: [5],
        prices: ["1.10", "2"],
        nested: [["sad", "so so"]],
        moments: ["2024-01-02T03:04:05"],
        pair: '(1,"x y")',
        pairs: ['(1,"x y")', null]
      }
      assert.deepStrictEqual<unknown>(first["rows"], [expected])
      assert.deepStrictEqual<unknown>(first["column_types"], [
        "mood",
        "mood[]",
        "int4",
        "positive[]",
        "price[]",
        "moods[]",
        "moment[]",
        "pair",
        "pair[]"
      ])
      // Known by now.
      assert.deepStrictEqual<unknown>((yield* select(sql))["rows"], [expected])
      assert.deepStrictEqual<unknown>((yield* select(sql, { as_objects: false }))["rows"], [
        Object.values(expected)
      ])
    })
  )

  it.effect("is a number or text as the author wishes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* value("1.5::numeric", { numeric_as: "number" }), [
        "numeric",
        1.5
      ])
      assert.deepStrictEqual<unknown>(yield* value("ARRAY[1.5]::numeric[]", { numeric_as: "number" }), [
        "numeric[]",
        [1.5]
      ])
      assert.deepStrictEqual<unknown>(yield* value("9223372036854775807", { bigint_as: "string" }), [
        "int8",
        "9223372036854775807"
      ])
    })
  )

  it.effect("is an instant in UTC in every year that PostgreSQL has", () =>
    Effect.gen(function* () {
      const data = yield* select(
        `SET timezone = 'Asia/Kolkata'; SELECT '294276-12-31 18:00:00.5+00'::timestamptz AS last,
          '275760-09-13 00:00:01+00'::timestamptz AS js, '0001-01-01 00:00:00+00'::timestamptz AS first,
          '0400-02-29 23:00:00+00'::timestamptz AS leap, '0001-12-31 23:00:00.25+00 BC'::timestamptz AS before,
          '4714-11-24 00:00:00+00 BC'::timestamptz AS earliest`
      )
      assert.deepStrictEqual<unknown>(data["rows"], [
        {
          last: "294276-12-31T18:00:00.500000+00:00",
          js: "275760-09-13T00:00:01+00:00",
          first: "0001-01-01T00:00:00+00:00",
          leap: "0400-02-29T23:00:00+00:00",
          before: "0001-12-31 23:00:00.25+00 BC",
          earliest: "4714-11-24 00:00:00+00 BC"
        }
      ])
    })
  )

  it.effect("does not depend on how the session writes dates", () =>
    Effect.gen(function* () {
      const data = yield* select(
        "SET timezone = 'America/New_York'; SELECT '2024-01-02 03:04:05+00'::timestamptz AS x"
      )
      assert.deepStrictEqual<unknown>(data["rows"], [{ x: "2024-01-02T03:04:05+00:00" }])
    })
  )
})
