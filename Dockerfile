# The worker: one bundle, the drivers that cannot be bundled, and a Python for the python tool.
#
#   docker build -t noetl-worker:dev .
#   docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max -t REGISTRY/noetl-worker:TAG --push .
#
# Pin the bases by digest when you release: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Nothing here needs a script of a package: what is native comes as a package of its own.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/bundle.ts scripts/
COPY src src
# The image's Node first on PATH, the tools of the project behind it.
RUN PATH="$PATH:/app/node_modules/.bin" node scripts/build.ts --bundle
RUN npm sbom --package-lock-only --omit=dev --sbom-format cyclonedx > sbom.cdx.json

FROM ${NODE_IMAGE} AS drivers
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# DuckDB, Snowflake and Kubernetes stay outside the bundle. Everything else is inside; the lock still names the versions.
RUN --mount=type=cache,target=/root/.npm \
    npm pkg delete dependencies devDependencies \
    && npm install --ignore-scripts --omit=dev --no-audit --no-fund \
    && find node_modules \( -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.map' -o -name '*.md' \) -type f -delete

FROM ${BASE_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="noetl-worker" \
      org.opencontainers.image.description="A supervised worker for NoETL commands" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A tmpfs takes the mode of the folder it covers, so /var/lib/noetl is open as /tmp is; the journal in it is the worker's
# alone. python3-minimal has no json module. tini reaps what tools leave behind; Node as process 1 does not.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/dpkg.log /var/log/apt \
    && ln -s /usr/bin/python3 /usr/local/bin/python \
    && echo 'worker:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'worker:x:10001:' >> /etc/group \
    && ln -s /app/dist/main.js /usr/local/bin/noetl-worker \
    && ln -s /app/dist/noetl.js /usr/local/bin/noetl \
    && ln -s /app/dist/nebula-worker.js /usr/local/bin/nebula-worker \
    && mkdir -p /var/lib/noetl /var/run/noetl && chmod 1777 /var/lib/noetl
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
COPY --from=drivers /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/package.json /app/sbom.cdx.json ./
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/compile-cache \
    HOME=/tmp \
    LOG_FORMAT=json \
    HEALTH_HOST=0.0.0.0 \
    HEALTH_PORT=9090
RUN install -d -o 10001 -g 10001 compile-cache
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# What the demo runs is compiled once, here: each start reads it. Node keeps a cache for each user, so the worker's own fills it, and
# with the flags of the entry point, of which some are part of what is compiled.
RUN node --enable-source-maps --max-old-space-size-percentage=40 dist/main.js demo > /tmp/demo.txt 2>&1 \
    || { cat /tmp/demo.txt; exit 1; } \
    && rm /tmp/demo.txt && test -n "$(ls compile-cache)"
EXPOSE 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=6 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HEALTH_PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# A part of the memory for JavaScript: the rest is for DuckDB, Python and other children, see docs/operations.md. By default Node would take more
# than a small container has.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/node", "--enable-source-maps", "--max-old-space-size-percentage=40", "--", "/app/dist/main.js"]
