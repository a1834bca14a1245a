# The server as an image: docker build -t auth-api:local .
# Pin the base by digest where you build for others: --build-arg NODE_IMAGE=node:24.21.0-trixie-slim@sha256:…
ARG NODE_IMAGE=node:24.21.0-trixie-slim

# Production packages only. Their layer changes with the lock file, not with the source.
FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY server/package.json server/
COPY test/package.json test/
COPY deploy/image/sbom.mjs /
RUN --mount=type=cache,target=/root/.npm,sharing=locked \
    npm ci --omit=dev --workspace server --ignore-scripts --no-fund --no-audit \
 && npm sbom --omit=dev --package-lock-only --workspace server --sbom-format cyclonedx | node /sbom.mjs > /sbom.cdx.json \
 && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -iname '*.md' -o -name '*.test.js' \) -delete

# The program as few files. Reading them once here leaves compiled code that every start finds.
FROM packages AS program
COPY server/bin server/bin
COPY server/bundle server/bundle
COPY server/src server/src
COPY server/migrations server/migrations
COPY server/openapi.json LICENSE ./
COPY deploy/image/warm-up.mjs ./
RUN mv openapi.json server/ && node server/bundle/make.mjs server/dist && install -d -o 1000 -g 1000 server/dist/compiled
USER 1000:1000
RUN node warm-up.mjs
USER 0:0
RUN rm -r warm-up.mjs node_modules/esbuild node_modules/@esbuild node_modules/.bin/esbuild \
 && chown -R 0:0 server/dist && chmod -R a+rX server/dist

FROM ${NODE_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="auth-api" \
      org.opencontainers.image.description="A production authentication server: accounts, sessions, tokens." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# Nothing installs packages here: no package manager of Node's, and nothing that could be used against us.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* /usr/local/include/node \
 && install -d -o 1000 -g 1000 -m 0750 /app/data
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    METRICS_PORT=9464 \
    NODE_OPTIONS=--disable-warning=ExperimentalWarning
WORKDIR /app
# Owned by root: the server cannot change what it runs.
COPY --from=program /app ./
COPY --from=packages /sbom.cdx.json ./
# By number, so that Kubernetes' runAsNonRoot can tell.
USER 1000:1000
EXPOSE 3000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/server/bin/probe.mjs"]
# Node is process 1: it takes SIGTERM and SIGHUP itself, and starts no children that would need reaping.
ENTRYPOINT ["node", "/app/server/bin/auth-api.mjs"]
CMD ["serve"]
