/** Images without a Docker engine: the two bases, from a registry or from packages, and builds on top of them. */
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { homedir, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { installed } from "./tools.ts"

const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "noetl-worker", "image")
const bases = {
  debian: "docker.io/library/debian:bookworm-slim",
  node: "docker.io/library/node:24-bookworm-slim"
}
export const limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]

/** Runs a program and shows what it said only when it failed. */
export const run = (program: string, args: ReadonlyArray<string>, cwd?: string): string => {
  const done = spawnSync(program, [...args], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    ...(cwd === undefined ? {} : { cwd })
  })
  if (done.status !== 0) {
    throw new Error(
      `${program} ${args.slice(0, 4).join(" ")} …: ${done.status ?? done.signal}\n${(done.stdout + done.stderr).slice(-6000)}`
    )
  }
  return done.stdout.trim()
}

const has = (name: string): boolean => spawnSync("podman", ["image", "exists", name]).status === 0

export const ensureBases = (): void => {
  if (has(bases.debian) && has(bases.node)) return
  const pulled = Object.values(bases).every(
    (name) => spawnSync("podman", ["pull", "-q", name], { timeout: 120_000, stdio: "ignore" }).status === 0
  )
  if (pulled) return
  console.log("no registry of images: the bases are made from Debian's packages and npm's Node")
  mkdirSync(cache, { recursive: true })
  const root = join(cache, "debian-bookworm.tar")
  if (!existsSync(root)) {
    installed("mmdebstrap", "mmdebstrap")
    const sources = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"].find((path) =>
      existsSync(path)
    )
    run("mmdebstrap", [
      "--variant=minbase",
      "--include=ca-certificates",
      "bookworm",
      join(cache, "new.tar"),
      ...(sources === undefined ? [] : [sources])
    ])
    renameSync(join(cache, "new.tar"), root)
  }
  run("podman", ["import", root, bases.debian])
  const folder = mkdtempSync(join(tmpdir(), "node-base-"))
  try {
    // The package that the lock file names, so that the image has the Node of the tests.
    const node = createRequire(import.meta.url).resolve("node/package.json")
    copyFileSync(join(dirname(node), "bin/node"), join(folder, "node"))
    const [packed] = JSON.parse(run("npm", ["pack", "npm@11", "--json"], folder)) as [{ filename: string }]
    run("tar", ["xzf", packed.filename], folder)
    cpSync(join(folder, "package"), join(folder, "npm"), { recursive: true })
    writeFileSync(
      join(folder, "Dockerfile"),
      `FROM ${bases.debian}\nCOPY --chmod=755 node /usr/local/bin/node\nCOPY npm /usr/local/lib/node_modules/npm\n` +
        "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && chmod 755 /usr/local/lib/node_modules/npm/bin/npm-cli.js\n"
    )
    build(folder, bases.node)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** This machine's authorities, where a mirror needs them, for the time of the build only. */
export const build = (context: string, tag: string): void => {
  const authorities = "/etc/ssl/certs/ca-certificates.crt"
  const npmrc = join(context, "..", "npmrc-for-build")
  writeFileSync(npmrc, `cafile=${authorities}\n`)
  const mounts = existsSync(authorities)
    ? ["-v", `${authorities}:${authorities}:ro`, "-v", `${npmrc}:/root/.npmrc:ro`]
    : []
  run("buildah", [
    "bud",
    "--runtime",
    "runc",
    "--pull-never",
    "--format",
    "docker",
    "--network",
    "host",
    ...limits,
    ...mounts,
    "-t",
    tag,
    context
  ])
}
