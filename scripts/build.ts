/** Bundles the executable, and emits the library with its declarations. `--bundle` leaves the library out. */
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { jsonSchema } from "../src/playbook/jsonSchema.ts"
import { bundle } from "./bundle.ts"

await bundle("dist")
writeFileSync("dist/playbook.schema.json", `${JSON.stringify(jsonSchema(), undefined, 2)}\n`)
rmSync("lib", { recursive: true, force: true })
if (!process.argv.includes("--bundle"))
  execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
console.log("built dist/ and lib/")
