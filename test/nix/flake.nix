# Stands in for nixpkgs where it cannot be fetched: the names that ../../flake.nix uses, and no others, so that a
# misspelt one does not evaluate.
{
  outputs =
    { self }:
    let
      lib = rec {
        genAttrs =
          names: f:
          builtins.listToAttrs (
            map (name: {
              inherit name;
              value = f name;
            }) names
          );
        hasSuffix =
          suffix: text:
          let
            n = builtins.stringLength suffix;
            m = builtins.stringLength text;
          in
          m >= n && builtins.substring (m - n) n text == suffix;
        optional = condition: value: if condition then [ value ] else [ ];
        optionalAttrs = condition: set: if condition then set else { };
        makeBinPath = packages: builtins.concatStringsSep ":" (map (one: "${one}/bin") packages);
        getExe = one: "${one}/bin/${one.meta.mainProgram}";
        mkIf = condition: content: { inherit condition content; };
        mkEnableOption = description: { inherit description; };
        mkOption = option: option;
        types = {
          package = "package";
          str = "str";
          path = "path";
          attrsOf = type: { inherit type; };
          nullOr = type: { inherit type; };
          ints.positive = "positive";
        };
      };
      packagesOf =
        system:
        let
          make =
            name: more:
            derivation {
              inherit name system;
              builder = "/bin/sh";
              # What the flake gives is evaluated to the last string.
              args = [ (builtins.unsafeDiscardStringContext (builtins.toJSON more)) ];
            };
          names = [
            "bash"
            "coreutils"
            "python3"
            "nodejs_24"
            "nats-server"
            "natscli"
            "postgresql_17"
            "kubectl"
            "kind"
            "kubernetes-helm"
            "kustomize"
            "prometheus"
            "makeWrapper"
            "autoPatchelfHook"
            "tini"
            "cacert"
            "nixfmt"
          ];
        in
        lib.genAttrs names (name: make name { })
        // {
          inherit system;
          stdenv.cc.cc.lib = make "gcc-lib" { };
          mkShell = shell: make "shell" shell;
          runCommand = name: attributes: script: make name { inherit attributes script; };
          importNpmLock = {
            __functor = _: settings: make "npm-deps" settings;
            npmConfigHook = make "npm-config-hook" { };
          };
          buildNpmPackage =
            settings: make "${settings.pname}-${settings.version}" settings // { inherit (settings) meta; };
          dockerTools = {
            fakeNss = make "fake-nss" { };
            buildLayeredImage = settings: make "${settings.name}.tar.gz" settings;
          };
        };
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs [
        "x86_64-linux"
        "aarch64-linux"
        "aarch64-darwin"
      ] packagesOf;
    };
}
