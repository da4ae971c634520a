{
  description = "A supervised worker for NoETL commands";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ];
      each = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      isLinux = system: nixpkgs.lib.hasSuffix "-linux" system;
      package = builtins.fromJSON (builtins.readFile ./package.json);
      # Of the tools: the shell tool's shell and the python tool's Python.
      programs = pkgs: [
        pkgs.bash
        pkgs.coreutils
        pkgs.python3
      ];
    in
    {
      packages = nixpkgs.lib.genAttrs systems (
        system:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          worker = pkgs.buildNpmPackage {
            pname = package.name;
            version = package.version;
            src = self;
            nodejs = pkgs.nodejs_24;
            # Hashes come from package-lock.json: there is none to keep current here.
            npmDeps = pkgs.importNpmLock { npmRoot = self; };
            npmConfigHook = pkgs.importNpmLock.npmConfigHook;
            npmFlags = [ "--ignore-scripts" ];
            # DuckDB's library is built for another loader.
            nativeBuildInputs = [
              pkgs.makeWrapper
            ]
            ++ nixpkgs.lib.optional (isLinux system) pkgs.autoPatchelfHook;
            buildInputs = nixpkgs.lib.optional (isLinux system) pkgs.stdenv.cc.cc.lib;
            postInstall = ''
              wrapProgram $out/bin/noetl-worker --prefix PATH : ${nixpkgs.lib.makeBinPath (programs pkgs)}
            '';
            meta.mainProgram = "noetl-worker";
          };
        in
        {
          default = worker;
          noetl-worker = worker;
        }
        // nixpkgs.lib.optionalAttrs (isLinux system) {
          image = pkgs.dockerTools.buildLayeredImage {
            name = "noetl-worker";
            tag = package.version;
            contents = [
              pkgs.dockerTools.fakeNss
              pkgs.cacert
              pkgs.tini
              worker
            ]
            ++ programs pkgs;
            extraCommands = "mkdir -p tmp var/lib/noetl && chmod 1777 tmp var/lib/noetl";
            config = {
              Entrypoint = [
                "${pkgs.tini}/bin/tini"
                "--"
                "${worker}/bin/noetl-worker"
              ];
              User = "10001:10001";
              Env = [
                "HOME=/tmp"
                "HEALTH_HOST=0.0.0.0"
                "LOG_FORMAT=json"
                "SSL_CERT_FILE=${pkgs.cacert}/etc/ssl/certs/ca-bundle.crt"
              ];
              ExposedPorts."9090/tcp" = { };
            };
          };
        }
      );

      apps = nixpkgs.lib.genAttrs systems (system: {
        default = {
          type = "app";
          program = "${self.packages.${system}.default}/bin/noetl-worker";
        };
      });

      devShells = each (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.nodejs_24
            pkgs.python3
            pkgs.nats-server
            pkgs.natscli
            pkgs.postgresql_17
            pkgs.kubectl
            pkgs.kind
            pkgs.kubernetes-helm
            pkgs.kustomize
            pkgs.prometheus
          ];
        };
      });

      checks = each (pkgs: {
        package = self.packages.${pkgs.system}.default;
        manifests =
          pkgs.runCommand "noetl-worker-manifests"
            {
              nativeBuildInputs = [
                pkgs.kustomize
                pkgs.kubernetes-helm
              ];
            }
            ''
              mkdir $out
              for name in base overlays/kind overlays/gke overlays/production pools/batch; do
                kustomize build ${self}/k8s/$name > $out/''${name//\//-}.yaml
              done
              helm template noetl ${self}/k8s/helm/noetl-worker > $out/chart.yaml
            '';
      });

      formatter = each (pkgs: pkgs.nixfmt);

      nixosModules.default =
        {
          config,
          lib,
          pkgs,
          ...
        }:
        let
          options = config.services.noetl-worker;
        in
        {
          options.services.noetl-worker = {
            enable = lib.mkEnableOption "the NoETL worker";
            package = lib.mkOption {
              type = lib.types.package;
              default = self.packages.${pkgs.system}.default;
              description = "The worker.";
            };
            environment = lib.mkOption {
              type = lib.types.attrsOf lib.types.str;
              default = { };
              example = {
                NATS_URL = "nats://nats.example:4222";
                NOETL_SERVER_URL = "http://noetl.example:8082";
              };
              description = "Settings, as environment variables.";
            };
            environmentFile = lib.mkOption {
              type = lib.types.nullOr lib.types.path;
              default = null;
              description = "A file with the secret ones: NATS_PASSWORD and the like.";
            };
            drainSeconds = lib.mkOption {
              type = lib.types.ints.positive;
              default = 90;
              description = "How long commands may go on after the unit is stopped.";
            };
          };
          config = lib.mkIf options.enable {
            systemd.services.noetl-worker = {
              description = "NoETL worker";
              wantedBy = [ "multi-user.target" ];
              wants = [ "network-online.target" ];
              after = [ "network-online.target" ];
              environment = {
                WORKER_STATE_DIR = "/var/lib/noetl-worker";
                WORKER_SHUTDOWN_TIMEOUT_SECONDS = toString options.drainSeconds;
                WORKER_GRACE_SECONDS = toString (options.drainSeconds + 20);
                HEALTH_HOST = "127.0.0.1";
              }
              // options.environment;
              serviceConfig = {
                ExecStart = lib.getExe options.package;
                EnvironmentFile = lib.mkIf (options.environmentFile != null) options.environmentFile;
                Restart = "on-failure";
                RestartSec = 5;
                # The worker ends its tools itself; what is left after that is killed.
                KillMode = "mixed";
                TimeoutStopSec = options.drainSeconds + 30;
                DynamicUser = true;
                StateDirectory = "noetl-worker";
                ProtectSystem = "strict";
                ProtectHome = true;
                PrivateTmp = true;
                PrivateDevices = true;
                NoNewPrivileges = true;
                CapabilityBoundingSet = "";
                RestrictSUIDSGID = true;
                LockPersonality = true;
              };
            };
          };
        };
    };
}
