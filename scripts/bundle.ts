/** The executable as a bundle: the launcher, the program and the thread of the leases, side by side in a folder. */
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild"
import { chmodSync, rmSync } from "node:fs"
import { join } from "node:path"
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

/** The executables: `main.js` starts `program.js`, another one the program of its own name. */
const launchers = ["main.js", "noetl.js", "nebula-worker.js"]

/** Writes the bundle into a folder, which is emptied first. */
export const bundle = async (folder: string): Promise<void> => {
  rmSync(folder, { recursive: true, force: true })
  for (const name of launchers)
    await build({
      entryPoints: ["src/launch.ts"],
      outfile: join(folder, name),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node18",
      // Behind the two dashes --env-file is a flag of the program, not of Node.
      banner: { js: "#!/usr/bin/env -S node --" }
    })
  // What is imported on first use, and what both entries share, is a file of its own. All lie side by side: the thread's entry
  // is found beside whichever file starts it.
  const { metafile } = await build({
    ...shared,
    entryPoints: {
      program: "src/main.ts",
      "noetl-program": "src/noetl.ts",
      "nebula-worker-program": "src/nebula-worker.ts",
      natsLeaseThread: "src/queue/nats/natsLeaseThread.ts",
      postgresLeaseThread: "src/queue/postgres/postgresLeaseThread.ts"
    },
    outdir: folder,
    chunkNames: "[name]-[hash]",
    splitting: true,
    metafile: true,
    plugins: [namedExports]
  })
  refuseDefaultOnly(metafile)
  for (const name of launchers) chmodSync(join(folder, name), 0o755)
}
