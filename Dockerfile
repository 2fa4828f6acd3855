# syntax=docker/dockerfile:1
# The default image holds the static binary and nothing else:
#     docker run --rm -v "$PWD:/configs:ro" proxylint nginx.conf
# `--target shell` adds Alpine's shell, which CI systems such as GitLab need to run scripts in an image.

FROM rust:1.95-alpine AS build
WORKDIR /source
COPY Cargo.toml Cargo.lock build.rs README.md ./
COPY benches benches
COPY grammars grammars
COPY src src
# Alpine's own target is musl and links statically. The caches keep the dependencies between builds.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked && cp target/release/proxylint /proxylint

FROM alpine:3.22 AS shell
COPY --from=build /proxylint /usr/local/bin/proxylint
USER 65532:65532
WORKDIR /configs
CMD ["proxylint"]

FROM scratch
COPY --from=build /proxylint /proxylint
USER 65532:65532
WORKDIR /configs
ENTRYPOINT ["/proxylint"]
