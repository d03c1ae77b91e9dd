# `make` prints this list. Needs a Rust toolchain (rust-toolchain.toml), Python 3.11 with venv and pip,
# a C compiler and make; what else it takes is installed into .venv and target.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
LOCAL := $(PYTHON) localstack/local.py
DEMO := demo

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: venv-moto ## plant an organization in a local AWS, scan it live, print the report
	cargo build --package posture-cli
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(LOCAL) run moto --seed $(DEMO)/planted.json --log $(DEMO)/server.log -- bash localstack/demo.sh $(DEMO)

.PHONY: test
test: venv-moto venv-localstack ## everything that must hold: unit, catalogue, replay, end-to-end
	POSTURE_MOTO_PYTHON=$$($(LOCAL) venv moto) POSTURE_LOCALSTACK_PYTHON=$$($(LOCAL) venv localstack) \
	  cargo test --workspace
	cargo run --quiet --package posture-cli -- checks test

.PHONY: test-localstack
test-localstack: venv-localstack ## the end-to-end tests against LocalStack only
	POSTURE_LOCALSTACK_PYTHON=$$($(LOCAL) venv localstack) cargo test --package posture-tests localstack

.PHONY: bench
bench: ## the benchmarks; prints figures
	cargo xtask bench

.PHONY: check
check: ## whatever CI runs
	bash .ci/run

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: lint
lint: ## formatting, clippy and the workspace's own lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask lint

.PHONY: generate
generate: ## write the generated docs and schemas anew
	cargo xtask generate

.PHONY: clean
clean: ## remove what builds and demos leave; keeps .venv
	cargo clean
	rm -rf $(DEMO)

.PHONY: venv-moto venv-localstack
venv-moto venv-localstack: venv-%:
	@$(LOCAL) venv $* > /dev/null
