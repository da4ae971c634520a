/** Bundles the executable and the lease keeper's thread, and emits the library with its declarations. */
import { build, type BuildOptions } from "esbuild"
import { execFileSync } from "node:child_process"
import { chmodSync, rmSync } from "node:fs"

/** Drivers that are native or huge: they are loaded when a tool needs them. */
const external = ["@duckdb/node-api", "snowflake-sdk", "@kubernetes/client-node", "pg-native"]

const shared: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  // Names stay: minified ones would need a call for every function that is made, at run time.
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: "linked",
  external,
  loader: { ".py": "text" },
  // CommonJS packages inside call require; this module is ESM.
  banner: {
    js: "import{createRequire as createRequireForBundle}from'node:module';const require=createRequireForBundle(import.meta.url);"
  }
}

rmSync("dist", { recursive: true, force: true })
rmSync("lib", { recursive: true, force: true })
await build({
  entryPoints: ["src/launch.ts"],
  outfile: "dist/main.js",
  platform: "node",
  format: "esm",
  target: "node18",
  banner: { js: "#!/usr/bin/env node" }
})
await build({ ...shared, entryPoints: ["src/main.ts"], outfile: "dist/program.js" })
await build({
  ...shared,
  entryPoints: ["src/queue/nats/natsLeaseThread.ts"],
  outfile: "dist/natsLeaseThread.js"
})
chmodSync("dist/main.js", 0o755)
if (!process.argv.includes("--bundle"))
  execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
console.log("built dist/main.js, dist/program.js, dist/natsLeaseThread.js and lib/")
