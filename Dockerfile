# Builds one program of the workspace as a static binary in an otherwise empty image:
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse --short HEAD) .
#   docker build --build-arg PACKAGE=functions --build-arg BIN=image-worker-poll … .
# The programs are couch-client, which sends a prompt to the queue, and image-worker-poll, which draws the prompts in the queue.

# The list of parts (SBOM) is of the context, too: the binary does not say which crates are in it, and Cargo.lock does.
ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
# By digest, of the index over all architectures: a tag is moved. Another registry's copy: --build-arg BUILDER=…@sha256:…
ARG BUILDER=rust:1.95-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082
FROM ${BUILDER} AS build
ARG PACKAGE=couch-client
WORKDIR /workspace
# A static glibc. Programs that use it ask DNS themselves where, as in an empty image, no nsswitch.conf and no NSS modules
# are; on a distribution they would load that one's modules. The target is named so that build scripts and macros, which
# run here, are left dynamic. Cargo reads these variables.
ENV RUSTFLAGS="-C target-feature=+crt-static" \
    CARGO_TERM_COLOR=never
# Dependencies first, with empty sources: this layer holds until a manifest or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
COPY client/Cargo.toml client/
COPY functions/Cargo.toml functions/
COPY deployer/Cargo.toml deployer/
COPY deployer-test/Cargo.toml deployer-test/
COPY xtask/Cargo.toml xtask/
COPY benchmark/Cargo.toml benchmark/
COPY examples/alerts/Cargo.toml examples/alerts/
COPY examples/api-with-table/Cargo.toml examples/api-with-table/
COPY examples/authorizer/Cargo.toml examples/authorizer/
COPY examples/cron-job/Cargo.toml examples/cron-job/
COPY examples/fan-out/Cargo.toml examples/fan-out/
COPY examples/mail-templates/Cargo.toml examples/mail-templates/
COPY examples/nightly-cleanup/Cargo.toml examples/nightly-cleanup/
COPY examples/ordered-work/Cargo.toml examples/ordered-work/
COPY examples/short-links/Cargo.toml examples/short-links/
COPY examples/static-site/Cargo.toml examples/static-site/
COPY examples/stream-to-index/Cargo.toml examples/stream-to-index/
COPY examples/thumbnailer/Cargo.toml examples/thumbnailer/
COPY examples/upload-form/Cargo.toml examples/upload-form/
COPY examples/url-streaming/Cargo.toml examples/url-streaming/
COPY examples/webhook-to-queue/Cargo.toml examples/webhook-to-queue/
RUN for member in client functions deployer deployer-test xtask benchmark examples/*; do mkdir -p $member/src && touch $member/src/lib.rs; done \
    && cargo build --locked --release --package $PACKAGE --lib --target $(rustc -vV | sed -n 's/^host: //p')
COPY client client
COPY functions functions
ARG BIN=couch-client
# Cargo compares times, and the empty sources may be younger than those of the checkout.
RUN find client functions -name '*.rs' -exec touch {} + \
    && cargo build --locked --release --package $PACKAGE --bin $BIN --target $(rustc -vV | sed -n 's/^host: //p') \
    && mkdir -p out && cp target/*/release/$BIN out/program

FROM scratch
ARG BIN=couch-client
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=
LABEL org.opencontainers.image.title="${BIN}" \
      org.opencontainers.image.description="${BIN} of Couch Explorers" \
      org.opencontainers.image.source="https://github.com/couch-explorers/deployer" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /workspace/out/program /program
USER 65532:65532
# No port to ask: the client ends by itself, and the worker's health is the age of the queue's oldest message.
HEALTHCHECK NONE
STOPSIGNAL SIGTERM
ENTRYPOINT ["/program"]
