/** Evaluates flake.nix against the stand-in for nixpkgs: every output on every system, and the NixOS module. */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const unit = (nixpkgs: string) => `
  module: let
    stub = (import ${nixpkgs}/flake.nix).outputs { self = null; };
    made = module {
      lib = stub.lib;
      pkgs = stub.legacyPackages.x86_64-linux;
      config.services.noetl-worker = {
        enable = true;
        package = { outPath = "/worker"; meta.mainProgram = "noetl-worker"; };
        environment.NATS_URL = "nats://n:4222";
        environmentFile = "/run/secrets/noetl";
        drainSeconds = 40;
      };
    };
  in made.config.content.systemd.services.noetl-worker
`

/** What is wrong with it. `nix` is the program. */
export const flakeProblems = (nix: string): ReadonlyArray<string> => {
  const folder = mkdtempSync(join(tmpdir(), "flake-"))
  try {
    for (const name of ["flake.nix", "package.json", "k8s"])
      cpSync(name, join(folder, name), { recursive: true })
    cpSync("test/nix", join(folder, "nixpkgs"), { recursive: true })
    const run = (command: ReadonlyArray<string>) =>
      spawnSync(
        nix,
        [
          "--extra-experimental-features",
          "nix-command flakes",
          ...command,
          "--override-input",
          "nixpkgs",
          `path:${folder}/nixpkgs`,
          "--no-write-lock-file"
        ],
        { encoding: "utf8", env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") } }
      )
    const checked = run(["flake", "check", "--no-build", `path:${folder}`])
    if (checked.status !== 0) return [checked.stderr.slice(-3000)]
    const service = run([
      "eval",
      "--json",
      "--impure",
      `path:${folder}#nixosModules.default`,
      "--apply",
      unit(`${folder}/nixpkgs`)
    ])
    if (service.status !== 0) return [service.stderr.slice(-3000)]
    const { environment, serviceConfig } = JSON.parse(service.stdout) as Record<
      string,
      Record<string, unknown>
    >
    const drain = Number(environment?.["WORKER_SHUTDOWN_TIMEOUT_SECONDS"])
    const grace = Number(environment?.["WORKER_GRACE_SECONDS"])
    const stop = Number(serviceConfig?.["TimeoutStopSec"])
    if (!(drain === 40 && drain < grace && grace < stop))
      return [`drain ${drain}, grace ${grace}, stop ${stop}`]
    // It has to notice something, or it would notice nothing.
    writeFileSync(
      join(folder, "flake.nix"),
      readFileSync("flake.nix", "utf8").replaceAll("nodejs_24", "nodejs_2x")
    )
    return run(["flake", "check", "--no-build", `path:${folder}`]).status === 0
      ? ["a misspelt package evaluates"]
      : []
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
