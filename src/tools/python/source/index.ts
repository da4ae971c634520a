/**
 * The program that a Python process starts with: `python -c <program> run` works one command, `serve` forks for
 * each. It is text in a module, because a bundle has no files beside it.
 */
import { convert } from "./convert.ts"
import { execute } from "./execute.ts"
import { serve } from "./serve.ts"

/** The working directory must not offer its own `json.py` to us; programs get it back. */
const head = String.raw`
import sys
sys.path[:] = [entry for entry in sys.path if entry not in ("", ".")]
import ast, json, math, os
`

export const program = [head, convert, execute, serve].join("\n")
