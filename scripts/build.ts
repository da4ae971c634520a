/** Bundles the executable and the lease keeper's thread, and emits the library with its declarations. */
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild"
import { execFileSync } from "node:child_process"
import { chmodSync, rmSync } from "node:fs"
import { createRequire } from "node:module"

/** Drivers that are native or huge: they are loaded when a tool needs them. */
const external = ["@duckdb/node-api", "snowflake-sdk", "@kubernetes/client-node", "pg-native"]

/** CommonJS packages that are imported on first use: a bundle in several files would give them a default export only. */
const commonJs = ["undici", "yaml"]

const namedExports: Plugin = {
  name: "named exports of CommonJS packages",
  setup: (bundle) => {
    const require = createRequire(import.meta.url)
    const filter = new RegExp(`^(${commonJs.join("|")})$`)
    bundle.onResolve({ filter }, ({ namespace, path }) =>
      namespace === "wrapped" ? undefined : { path, namespace: "wrapped", sideEffects: false }
    )
    bundle.onLoad({ filter, namespace: "wrapped" }, ({ path }) => {
      const names = Object.keys(require(path) as object).filter((name) => /^(?!default$)\w+$/.test(name))
      const contents = `import whole from "${path}"; export default whole; export const { ${names.join(", ")} } = whole`
      return { contents, resolveDir: process.cwd() }
    })
  }
}

/** Another such package would fail only when it is used. */
const refuseDefaultOnly = ({ outputs }: Metafile) => {
  const wrong = Object.values(outputs).filter(
    ({ entryPoint, exports }) =>
      entryPoint !== undefined && !entryPoint.startsWith("src/") && exports.join() === "default"
  )
  if (wrong.length > 0)
    throw new Error(
      `imported on first use, but CommonJS: ${wrong.map(({ entryPoint }) => entryPoint).join(", ")}. Add it to the list commonJs.`
    )
}

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
// What is imported on first use, and what both entries share, is a file of its own. All lie side by side: the thread's entry is
// found beside whichever file starts it.
const { metafile } = await build({
  ...shared,
  entryPoints: { program: "src/main.ts", natsLeaseThread: "src/queue/nats/natsLeaseThread.ts" },
  outdir: "dist",
  chunkNames: "[name]-[hash]",
  splitting: true,
  metafile: true,
  plugins: [namedExports]
})
refuseDefaultOnly(metafile)
chmodSync("dist/main.js", 0o755)
if (!process.argv.includes("--bundle"))
  execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" })
console.log("built dist/main.js, dist/program.js, dist/natsLeaseThread.js and lib/")
