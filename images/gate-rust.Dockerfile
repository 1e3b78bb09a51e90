# The image of the lint gate for Rust projects: the official one with the two components that it leaves out.
#   docker build -t press-play/gate-rust:0.1.0 -f images/gate-rust.Dockerfile images
# A project that names another toolchain (rust-toolchain.toml on its default branch) wants that one here.
FROM rust:1.95.0-slim-bookworm
RUN rustup component add clippy rustfmt
# The user that the chart's security contexts name.
USER 65532:65532
