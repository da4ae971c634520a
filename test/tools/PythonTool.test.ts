import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { realpathSync } from "node:fs"
import type { Json, JsonObject } from "../../src/domain/Json.ts"
import { aCall, runTool, suite } from "../../src/testing/suites/ToolSuite.ts"
import { findProgram } from "../../src/tools/process/findProgram.ts"
import { defaults as processDefaults, ProcessOptions } from "../../src/tools/process/ProcessOptions.ts"
import { Interpreter } from "../../src/tools/python/Interpreter.ts"
import { defaults, PythonOptions } from "../../src/tools/python/PythonOptions.ts"
import { PythonTool } from "../../src/tools/PythonTool.ts"
import type { ToolCall } from "../../src/tools/Tool.ts"
import { Toolbox } from "../../src/tools/Toolbox.ts"
import { EgressOptions } from "../../src/tools/http/Egress.ts"
import { longTime, processesWith } from "./process/leftBehind.ts"

/** Found once: behind a shim it takes a while. */
const interpreter = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
  encoding: "utf8"
}).trim()

const options = {
  ...processDefaults,
  environment: { PATH: process.env["PATH"], HOME: "/tmp", NATS_TOKEN: "worker-secret" },
  grace: Duration.millis(300)
}
const toolOf = (warm: boolean, python = interpreter) =>
  PythonTool.layer.pipe(
    Layer.provide(EgressOptions.layerDevelopment),
    Layer.provide(Layer.succeed(ProcessOptions, options)),
    Layer.provide(Layer.succeed(PythonOptions, { ...defaults, warm, interpreter: python }))
  )
const layerOf = (warm: boolean) => Toolbox.layer(PythonTool).pipe(Layer.provide(toolOf(warm)))
const python = (code: string, config: JsonObject = {}, more: Partial<ToolCall> = {}) =>
  runTool(aCall("python", { code, ...config }, more))
const raw = (text: string) => JSON.rawJSON(text)
const pythonWith = (code: string, variables: JsonObject) => runTool(aCall("python", { code }, { variables }))

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "")

const values: ReadonlyArray<readonly [string, string, Json]> = [
  ["an assigned result", "result = {'a': 1}", { a: 1 }],
  ["a returned value", "return [1, 2]", [1, 2]],
  ["a value returned from a branch", "if n > 1:\n    return 'big'\nreturn 'small'", "big"],
  ["a value returned from a loop", "for i in range(9):\n    if i == n:\n        return i", 2],
  [
    "a value returned through try and with",
    "import contextlib\ntry:\n    with contextlib.suppress(ValueError):\n        return 1\nfinally:\n    n = 0",
    1
  ],
  ["the value of main", "def main():\n    return 3", 3],
  [
    "the value of an async main",
    "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 3",
    3
  ],
  [
    "the value of main with its inputs by name",
    "def main(n, word, missing='m'):\n    return [n, word, missing]",
    [2, "w", "m"]
  ],
  ["the value of main with all inputs", "def main(**inputs):\n    return sorted(inputs)", ["n", "word"]],
  ["the value of main with the context", "def main(context):\n    return context['step']", "step"],
  ["a returned value before an assigned one", "result = 1\nreturn 2", 2],
  ["an assigned result before main", "result = 1\ndef main():\n    return 2", 1],
  ["main when result is None", "result = None\ndef main():\n    return 2", 2],
  ["an assigned result after an empty return", "result = 1\nreturn", 1],
  ["nothing", "x = 1", null],
  ["nothing after an empty return, main or not", "def main():\n    return 1\nreturn", null],
  ["an assignment to an input before a return", "n = n + 1\nif n:\n    n += 1\n    return n", 4],
  [
    "a function that sees its siblings",
    "import math\ndef a():\n    return math.floor(n / 2)\ndef b():\n    return a() + 1\nresult = b()",
    2
  ],
  [
    "a function that sees its siblings, with a return",
    "import math\nif False:\n    return 0\ndef a():\n    return math.floor(n / 2)\ndef b():\n    global n\n    n = 10\n    return a()\nreturn b()",
    5
  ],
  ["annotated names", "x: int = 1\ny: int\nclass C:\n    z: int = 2\nreturn x + C.z", 3],
  [
    "walrus, comprehension and except names",
    "try:\n    raise KeyError('k')\nexcept KeyError as error:\n    kept = error.args[0]\nif (m := n) and [k := i for i in range(3)]:\n    return [m, k, kept]",
    [2, 2, "k"]
  ],
  ["a future import", "from __future__ import annotations\nimport json\nreturn json.dumps(n)", "2"],
  [
    "main once, guard or not",
    "calls = []\ndef main():\n    calls.append(1)\n    return len(calls)\nif __name__ == '__main__':\n    main()",
    1
  ],
  ["a guard without main", "if __name__ == '__main__':\n    result = 'ran'", "ran"],
  [
    "a dataclass of its own",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\n    y: list\nresult = P(1, [P(2, [])])",
    { x: 1, y: [{ x: 2, y: [] }] }
  ],
  [
    "pickling",
    "import pickle\nclass P:\n    pass\nresult = type(pickle.loads(pickle.dumps(P()))).__name__",
    "P"
  ]
]

const conversions: ReadonlyArray<readonly [string, Json]> = [
  ["float('nan')", null],
  ["[float('inf'), -float('inf'), 1.5]", [null, null, 1.5]],
  ["{'a': float('nan')}", { a: null }],
  ["2**62 + 1", 4611686018427387905n],
  ["-(2**53)", -9007199254740992n],
  ["(1, (2, 3))", [1, [2, 3]]],
  ["{3, 1, 2}", [1, 2, 3]],
  ["frozenset(['b', 'a'])", ["a", "b"]],
  ["__import__('decimal').Decimal('1.10')", "1.10"],
  ["datetime.datetime(2024, 1, 2, 3, 4, 5)", "2024-01-02T03:04:05"],
  ["datetime.date(2024, 1, 2)", "2024-01-02"],
  ["datetime.timedelta(minutes=1)", JSON.rawJSON("60.0")],
  ["b'\\x00\\xff'", "AP8="],
  ["uuid.UUID(int=1)", "00000000-0000-0000-0000-000000000001"],
  ["__import__('pathlib').Path('/a')", "/a"],
  ["__import__('enum').Enum('E', {'A': 5}).A", 5],
  ["__import__('collections').namedtuple('T', 'x y')(1, 2)", [1, 2]],
  ["__import__('collections').deque([1])", [1]],
  ["range(3)", [0, 1, 2]],
  ["(i for i in range(2))", [0, 1]],
  ["{'a': 1}.keys()", ["a"]],
  ["{1: 'a', None: 'b', True: 'c', 1.5: 'd'}", { "1": "c", null: "b", "1.5": "d" }],
  ["{(1, 2): 'a'}", { "(1, 2)": "a" }],
  ["{datetime.date(2024, 1, 2): 1}", { "2024-01-02": 1 }],
  ["'\\ud800 ü 😀'", "\ud800 ü 😀"],
  ["1 + 2j", "(1+2j)"],
  ["''", ""],
  ["False", false]
]

const failures: ReadonlyArray<readonly [string, string, string, string, RegExp]> = [
  [
    "an exception",
    "x = 1\nraise ValueError('bad')",
    "ValueError: bad",
    "ValueError",
    /line 2, in <module>\n {4}raise ValueError/
  ],
  [
    "an exception with a return in the program",
    "x = 1\nif x:\n    raise KeyError('k')\nreturn 1",
    "KeyError: 'k'",
    "KeyError",
    /"<step>", line 3, in <module>/
  ],
  [
    "an exception in a function",
    "def f():\n    return 1 / 0\nresult = f()",
    "ZeroDivisionError: division by zero",
    "ZeroDivisionError",
    /line 3, in <module>[^]*line 2, in f/
  ],
  [
    "an exception in main",
    "\n\ndef main():\n    raise OSError('x')",
    "OSError: x",
    "OSError",
    /line 4, in main/
  ],
  ["an exception of its own", "class Mine(Exception):\n    pass\nraise Mine()", "Mine", "Mine", /line 3/],
  ["a mistake in the syntax", "x = 1\nif x\n    y = 2", "", "SyntaxError", /line 2/],
  [
    "a result that contains itself",
    "result = []\nresult.append(result)",
    "ValueError: the result contains itself",
    "ValueError",
    /./
  ],
  [
    "main that needs what is not there",
    "def main(nobody):\n    pass",
    "TypeError: main() needs 'nobody', and neither the input nor the context has it",
    "TypeError",
    /./
  ],
  [
    "a library that is not there",
    "import no_such_library",
    "ModuleNotFoundError: No module named 'no_such_library'",
    "ModuleNotFoundError",
    /line 1/
  ]
]

for (const warm of [true, false]) {
  const name = warm ? "PythonTool, warm" : "PythonTool, a process each"
  const time = longTime()
  suite(name, PythonTool, toolOf(warm), {
    kind: "python",
    works: { code: "result = {'a': [1, None]}" },
    broken: [
      { config: {}, at: "code" },
      { config: { code: " " }, at: "code" },
      { config: { code: { a: 1 } }, at: "code" },
      { config: { code_b64: "???" }, at: "code_b64" },
      { config: { code: "1", timeout: "soon" }, at: "timeout" },
      { config: { code: "1", libs: 5 }, at: "libs" },
      { config: { code: "1", libs: { "a b": "c" } }, at: "libs.a b" },
      { config: { code: "1", libs: { a: "os; evil()" } }, at: "libs.a" },
      { config: { code: "1", python: "no-such-python" }, at: "python" },
      { config: { code: "1", deps: { packages: ["x"] } }, at: "deps.packages" },
      { config: { code: "1", cwd: "/no/such/place" }, at: "cwd" },
      { config: { script: { source: { type: "tape" } } }, at: "script.source.type" }
    ],
    endless: {
      code: `import subprocess, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '${time}'], start_new_session=True, env={})\nsubprocess.run(['sleep', '${time}'])`
    },
    begun: () => processesWith(`sleep\0${time}`).length === 2,
    leftBehind: () => processesWith(time)
  })

  describe(name, { concurrent: true }, () => {
    layer(layerOf(warm), { excludeTestServices: true })((it) => {
      it.effect.each(values)("takes %s", ([, code, value]) =>
        Effect.gen(function* () {
          const result = yield* python(code, { args: { n: 2, word: "w" } })
          assert.deepStrictEqual([result.error?.traceback, result.data], [undefined, value])
        })
      )

      it.effect("turns values into JSON", () =>
        Effect.gen(function* () {
          const list = yield* python(`result = [${conversions.map(([code]) => code).join(", ")}]`)
          assert.strictEqual(list.error?.traceback, undefined)
          const got = list.data as ReadonlyArray<Json>
          for (const [at, [code, value]] of conversions.entries())
            assert.deepStrictEqual(got[at], value, code)
          assert.strictEqual((yield* python("result = float('nan')")).data, null)
        })
      )

      it.effect.each(failures)("reports %s", ([, code, message, exception, traceback]) =>
        Effect.gen(function* () {
          const result = yield* python(code)
          assert.strictEqual(result.status, "error")
          if (message !== "") assert.strictEqual(result.error?.message, message)
          assert.deepStrictEqual([result.error?.exception, result.exitCode], [exception, 1])
          assert.match(result.error?.traceback ?? "", traceback)
          assert.notInclude(result.error?.traceback ?? "", "<string>")
          assert.strictEqual(result.stderr, result.error?.traceback)
        })
      )

      it.effect("leaves no process that has shed its limit, its environment and its session", () =>
        Effect.gen(function* () {
          const time = longTime()
          const code = [
            "import resource, subprocess",
            "resource.setrlimit(resource.RLIMIT_RSS, (12345, 12345))",
            "nothing = dict(stdin=-3, stdout=-3, stderr=-3, env={}, start_new_session=True)",
            `subprocess.Popen(['/bin/sh', '-c', '/usr/bin/setsid sleep ${time} & exit'], **nothing).wait()`,
            "result = 1"
          ].join("\n")
          const result = yield* python(code)
          assert.deepStrictEqual([result.error?.traceback, result.data], [undefined, 1])
          assert.deepStrictEqual(processesWith(time), [])
        })
      )

      it.effect("takes no result that another process wrote to its channel", () =>
        Effect.gen(function* () {
          // Whatever reaches the channel, it lacks the word that this command's program was given.
          const forged = `import os\nos.write(3, b'{"ok":true,"value":"forged"}')\nos._exit(0)`
          const result = yield* python(forged)
          assert.deepInclude(result.error, { code: "RESULT_UNREADABLE" })
          assert.notInclude(JSON.stringify(result), 'forged"}')
          const before = yield* python(
            `import os\nos.write(3, b'{"ok":true,"value":"forged"}\\n')\nresult = 1`
          )
          assert.deepInclude(before.error, { code: "RESULT_UNREADABLE" })
        })
      )

      it.effect("keeps what is printed apart from the result", () =>
        Effect.gen(function* () {
          const result = yield* python(
            "import sys\nprint('out', 'ü')\nprint('err', file=sys.stderr)\nresult = 1"
          )
          assert.deepStrictEqual([result.data, result.stdout, result.stderr], [1, "out ü\n", "err\n"])
          const child = yield* python(
            "import subprocess\nsubprocess.run(['sh', '-c', 'echo child; echo x >&3'])"
          )
          assert.strictEqual(child.stdout, "child\n")
          assert.strictEqual(child.data, null)
        })
      )

      it.effect("provides names: inputs, the context, and the usual modules", () =>
        Effect.gen(function* () {
          const names = yield* python(
            [
              "result = [[a, args, input_data, data, context['before']],",
              "  [context['args'], context.get('execution_id'), variables, execution_id, step],",
              "  [json.dumps(1), os.sep, datetime.date(2024, 1, 2).year, len(str(uuid.uuid4()))]]"
            ].join("\n"),
            { input: { a: 1 } },
            { variables: { before: { x: 1 } }, executionId: "613000000000000001" as never }
          )
          const args = { a: 1 }
          const id = "613000000000000001"
          assert.deepStrictEqual(names.data, [
            [1, args, args, args, { x: 1 }],
            [args, id, { before: { x: 1 } }, id, "step"],
            ["1", "/", 2024, 36]
          ])
        })
      )

      it.effect("lets an input have any name", () =>
        Effect.gen(function* () {
          const inputs = { input_data: 1, data: 2, context: 3, json: 4, args: 5, big: 613000000000000001n }
          const result = yield* python("result = [input_data, data, context, json, args, big + 1]", {
            args: inputs
          })
          assert.deepStrictEqual(result.data, [1, 2, 3, 4, 5, 613000000000000002n])
        })
      )

      it.effect("does not take an input called result for the program's", () =>
        Effect.gen(function* () {
          const args = { result: "given" }
          assert.strictEqual((yield* python("x = result", { args })).data, null)
          assert.strictEqual(
            (yield* python("def main(result):\n    return result + '!'", { args })).data,
            "given!"
          )
          assert.strictEqual((yield* python("result = result + '!'", { args })).data, "given!")
          assert.strictEqual((yield* python("result = 1", { args: { result: 1 } })).data, 1)
        })
      )

      it.effect("merges the step's arguments, the tool's args and its input", () =>
        Effect.gen(function* () {
          const config = { args: { b: 2, c: 2 }, input: { c: 3 } }
          assert.deepStrictEqual((yield* python("result = args", config, { args: { a: 1, b: 1 } })).data, {
            a: 1,
            b: 2,
            c: 3
          })
        })
      )

      it.effect.each<readonly [string, Json, string, Json]>([
        ["an alias", { m: "math" }, "result = m.floor(1.5)", 1],
        ["a dotted module", { "os.path": "os.path" }, "result = os.path.sep", "/"],
        [
          "a name from a module",
          { datetime: { from: "datetime", import: "datetime" } },
          "result = datetime(2024, 1, 2).year",
          2024
        ],
        [
          "a name from a module by an alias",
          { D: { from: "decimal", import: "Decimal" } },
          "result = D('1.0')",
          "1.0"
        ],
        [
          "several names",
          { x: { from: "math", import: ["floor", "ceil"] } },
          "result = [floor(1.5), ceil(1.5)]",
          [1, 2]
        ],
        ["a list of what must be there", ["json", "pip"], "import json\nresult = 1", 1]
      ])("imports libs: %s", ([, libs, code, value]) =>
        Effect.gen(function* () {
          const result = yield* python(code, { libs })
          assert.deepStrictEqual([result.error, result.data], [undefined, value])
        })
      )

      it.effect("says which libs are missing, and leaves line numbers alone", () =>
        Effect.gen(function* () {
          const missing = yield* python("result = 1", { libs: ["no-such-thing>=2", "os"] })
          assert.strictEqual(
            missing.error?.message,
            "ModuleNotFoundError: Required libraries are not installed: no-such-thing"
          )
          const shifted = yield* python("raise ValueError()", { libs: { m: "math", n: "json" } })
          assert.match(shifted.error?.traceback ?? "", /line 1, in/)
        })
      )

      it.effect("takes its program in base64", () =>
        Effect.gen(function* () {
          const encoded = Buffer.from("result = 'ü'").toString("base64")
          assert.strictEqual((yield* python("result = 0", { code_b64: encoded })).data, "ü")
          assert.strictEqual((yield* runTool(aCall("python", { code_base64: encoded }))).data, "ü")
        })
      )

      it.effect.each<readonly [string, string, string, number, Json | undefined]>([
        ["sys.exit()", "result = 1\nimport sys\nsys.exit()", "", 0, 1],
        ["sys.exit(3)", "import sys\nsys.exit(3)", "Python script exited with code 3", 3, undefined],
        [
          "sys.exit('words')",
          "import sys\nsys.exit('words')",
          "Python script exited with code 1",
          1,
          undefined
        ],
        ["os._exit(0)", "import os\nos._exit(0)", "", 0, null],
        ["os._exit(4)", "import os\nos._exit(4)", "Python script exited with code 4", 4, undefined],
        [
          "a signal",
          "import os\nos.kill(os.getpid(), 9)",
          "Python script was killed by SIGKILL",
          137,
          undefined
        ],
        ["abort", "import os\nos.abort()", "Python script was killed by SIGABRT", 134, undefined]
      ])("understands an end by %s", ([, code, message, exitCode, data]) =>
        Effect.gen(function* () {
          const result = yield* python(code)
          assert.deepStrictEqual(
            [result.error?.message ?? "", result.exitCode, result.data],
            [message, exitCode, data]
          )
        })
      )

      it.effect.each<readonly [string, string]>([
        ["closes it", "import os\nos.close(3)\nresult = {'a': 1}"],
        ["closes all it has", "import os\nos.closerange(3, 64)\nresult = {'a': 1}"],
        ["opens a file in its place", "import os\nos.close(3)\nfile = open('/dev/null', 'w')\nresult = [1]"]
      ])("fails when the descriptor of its result is gone: a program %s", ([, code]) =>
        Effect.gen(function* () {
          const result = yield* python(code)
          assert.deepStrictEqual([result.status, result.exitCode], ["error", 1])
          assert.include(result.stderr ?? "", "closed descriptor 3, which is for its result")
        })
      )

      it.effect("needs no descriptor for a result that it does not have", () =>
        Effect.gen(function* () {
          assert.strictEqual((yield* python("import os\nos.close(3)")).status, "success")
        })
      )

      it.effect("tells floats from integers, in and out", () =>
        Effect.gen(function* () {
          const args = { p: JSON.rawJSON("20.0"), n: 20, big: JSON.rawJSON("1e16") }
          const result = yield* python("result = [type(p).__name__, type(n).__name__, p, n, big, -0.0]", {
            args
          })
          assert.deepStrictEqual(result.data, ["float", "int", raw("20.0"), 20, raw("1e+16"), raw("-0.0")])
        })
      )

      it.effect("reads the author's names in its context", () =>
        Effect.gen(function* () {
          const code = "result = [context['step'], context['execution_id'], context['args']]"
          const variables = { step: "s1", execution_id: "mine", args: "own" }
          assert.deepStrictEqual((yield* pythonWith(code, variables)).data, ["s1", "mine", "own"])
        })
      )

      it.effect("ends at its deadline with what was written until then", () =>
        Effect.gen(function* () {
          const result = yield* python("import time\nprint('begun')\ntime.sleep(60)", {
            timeout_seconds: "2.5"
          })
          assert.deepStrictEqual([result.status, result.stdout], ["timeout", "begun\n"])
          assert.strictEqual(result.error?.message, "Execution timed out after 2.5 seconds")
        })
      )

      it.effect("waits for threads and exit handlers, as Python does", () =>
        Effect.gen(function* () {
          const code = [
            "import atexit, threading, time",
            "atexit.register(lambda: print('at exit'))",
            "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()",
            "result = 1"
          ].join("\n")
          const result = yield* python(code)
          assert.deepStrictEqual([result.data, result.stdout], [1, "thread\nat exit\n"])
        })
      )

      it.effect("takes the answer of the program, not of a child that it forked", () =>
        Effect.gen(function* () {
          const result = yield* python(
            "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\nresult = 'parent' if pid else 'child'"
          )
          assert.strictEqual(result.data, "parent")
        })
      )

      it.effect("runs in its own directory and environment, without the worker's secrets", () =>
        Effect.gen(function* () {
          const code =
            "result = [os.getcwd(), os.environ.get('A'), 'NATS_TOKEN' in os.environ, os.path.exists('/proc/self/environ') and 'worker-secret' in open('/proc/self/environ').read()]"
          const result = yield* python(code, { cwd: "/usr", env: { A: 1 }, inherit_env: true })
          assert.deepStrictEqual(result.data, ["/usr", "1", false, false])
        })
      )

      it.effect("has its own four descriptors and no other", () =>
        Effect.gen(function* () {
          const code =
            "import os\nwith os.scandir('/proc/self/fd') as entries:\n    result = sorted(int(e.name) for e in entries if os.path.exists(e.path) and not os.readlink(e.path).endswith('/fd') and os.readlink(e.path) != '/dev/null')"
          assert.deepStrictEqual((yield* python(code)).data, [1, 2, 3])
        })
      )

      it.effect("shows its inputs to nobody by way of the process list", () =>
        Effect.gen(function* () {
          const code =
            "word = 'hunt' + 'er2'\nresult = word in open('/proc/self/cmdline').read() + open('/proc/%d/cmdline' % os.getppid()).read()"
          assert.strictEqual((yield* python(code, { args: { password: "hunter2" } })).data, false)
        })
      )

      it.effect("obeys limits", () =>
        Effect.gen(function* () {
          const memory = yield* python("x = bytearray(900_000_000)", { limits: { memory: "600MB" } })
          assert.deepStrictEqual([memory.error?.kind, memory.error?.exception], ["limit", "MemoryError"])
          const cpu = yield* python("while True: pass", { limits: { cpu_seconds: 1 } })
          assert.strictEqual(cpu.error?.code, "CPU_TIME")
          const file = yield* python(
            "import tempfile\nwith tempfile.TemporaryFile(buffering=0) as file:\n    file.write(b'x' * 99999)\n    file.write(b'x')",
            {
              limits: { file_size: 1024 }
            }
          )
          assert.strictEqual(file.status, "error")
        })
      )

      it.effect("hands a large result and large inputs over whole", () =>
        Effect.gen(function* () {
          const text = "x".repeat(3_000_000)
          const result = yield* python("result = text + 'y'", { args: { text } })
          assert.strictEqual(textOf(result.data).length, 3_000_001)
        })
      )

      it.effect("refuses a result that nobody could read", () =>
        Effect.gen(function* () {
          const result = yield* python("result = []\nfor _ in range(500): result = [result]")
          assert.deepStrictEqual([result.error?.kind, result.error?.code], ["limit", "RESULT_UNREADABLE"])
        })
      )

      it.effect("gives the author's credentials to the program", () =>
        Effect.gen(function* () {
          const credential = { name: "db", type: "postgres", data: Redacted.make({ password: "p" }) }
          const auth = { primary: undefined, named: new Map([["pg", credential]]) }
          assert.deepStrictEqual((yield* python("result = auth['pg']", {}, { auth })).data, {
            password: "p"
          })
        })
      )

      it.effect("tells kinds of exceptions apart", () =>
        Effect.gen(function* () {
          const kinds = yield* Effect.forEach(
            ["TimeoutError()", "ConnectionRefusedError()", "Exception()"],
            (exception) =>
              Effect.map(python(`raise ${exception}`), ({ error }) => [error?.kind, error?.retryable])
          )
          assert.deepStrictEqual(kinds, [
            ["timeout", true],
            ["connection", true],
            ["tool_error", false]
          ])
        })
      )

      it.effect("runs with settings that Python reads when it starts", () =>
        Effect.gen(function* () {
          const result = yield* python(
            "import sys\nresult = [sys.flags.hash_randomization, sys.path.count('/extra')]",
            {
              env: { PYTHONHASHSEED: "0", PYTHONPATH: "/extra" }
            }
          )
          assert.deepStrictEqual(result.data, [0, 1])
        })
      )
    })
  })
}

const versions = [
  "python3.8",
  "python3.9",
  "python3.10",
  "python3.11",
  "python3.12",
  "python3.13",
  "python3.14"
].flatMap((version) => {
  const found = findProgram(version, process.env["PATH"], undefined)
  try {
    return found === undefined
      ? []
      : [
          execFileSync(found, ["-c", "import sys; print(sys.executable)"], {
            encoding: "utf8",
            stdio: "pipe"
          }).trim()
        ]
  } catch {
    return []
  }
})

describe("a warm process that was started with more", () => {
  it.live("gives a program no variable that the program did not ask for", () =>
    Effect.gen(function* () {
      const generous = { ...options, inheritEnv: true, environment: { ...options.environment, EDITOR: "vi" } }
      const tool = PythonTool.layer.pipe(
        Layer.provide(EgressOptions.layerDevelopment),
        Layer.provide(Layer.succeed(ProcessOptions, generous)),
        Layer.provide(Layer.succeed(PythonOptions, { ...defaults, interpreter }))
      )
      const code = "result = sorted(name for name in os.environ if name in ('EDITOR', 'PATH'))"
      const both = yield* Effect.all([python(code), python(code, { inherit_env: false })]).pipe(
        Effect.provide(Toolbox.layer(PythonTool).pipe(Layer.provide(tool)))
      )
      assert.deepStrictEqual(
        both.map(({ data }) => data),
        [["EDITOR", "PATH"], ["PATH"]]
      )
    })
  )
})

describe("every Python on this machine", () => {
  it.live.each([...new Set([realpathSync(interpreter), ...versions])])("works: %s", (path) =>
    Effect.gen(function* () {
      for (const warm of [true, false]) {
        const results = yield* Effect.forEach(
          values,
          ([, code]) => python(code, { args: { n: 2, word: "w" } }),
          {
            concurrency: 2
          }
        ).pipe(Effect.provide(Toolbox.layer(PythonTool).pipe(Layer.provide(toolOf(warm, path)))))
        assert.deepStrictEqual(
          results.map(({ data, error }) => error?.message ?? data),
          values.map(([, , value]) => value)
        )
      }
    })
  )
})

describe("the interpreter", () => {
  const found = (settings: { interpreter?: string }, environment: Record<string, string | undefined>) =>
    Effect.flatMap(Interpreter, ({ found }) => found).pipe(
      Effect.provide(
        Interpreter.layer.pipe(
          Layer.provide(Layer.succeed(PythonOptions, { ...defaults, ...settings })),
          Layer.provide(Layer.succeed(ProcessOptions, { ...options, environment }))
        )
      )
    )

  it.live("is found by setting, by variable or on the PATH, and reported", () =>
    Effect.gen(function* () {
      const PATH = process.env["PATH"]
      for (const [settings, environment] of [
        [{ interpreter }, {}],
        [{}, { PYTHON_PATH: interpreter }],
        [{}, { PATH }]
      ] as const) {
        const { info } = yield* found(settings, environment)
        assert.strictEqual(info?.path, interpreter)
        assert.match(info?.version ?? "", /^3\.\d+\.\d+$/)
      }
    })
  )

  it.live("may be missing: then commands say so", () =>
    Effect.gen(function* () {
      assert.include(
        (yield* found({ interpreter: "/bin/true" }, {})).problem,
        "does not answer as Python does"
      )
      assert.include((yield* found({}, { PATH: "/nowhere" })).problem, "python3 is not on the PATH")
      const exit = yield* Effect.exit(
        python("result = 1").pipe(
          Effect.provide(Toolbox.layer(PythonTool).pipe(Layer.provide(toolOf(true, "/no/python"))))
        )
      )
      assert.strictEqual(exit._tag, "Failure")
    })
  )
})
