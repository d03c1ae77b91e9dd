# `make` prints this list. Needs a Rust toolchain (rust-toolchain.toml), Python 3.11 with venv and pip,
# a C compiler and make; what else it takes is installed into .venv and target.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
LOCAL := $(PYTHON) localstack/local.py
DEMO := demo
CARGO_FUZZ := 0.13.2
FUZZ_SECONDS ?= 60

.PHONY: help
help: ## print this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: venv-moto ## plant an organization in a local AWS, scan it live, print the report
	cargo build --package posture-cli
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(LOCAL) run moto --seed $(DEMO)/planted.json --log $(DEMO)/server.log -- bash localstack/demo.sh $(DEMO)

.PHONY: test
test: venv-moto venv-localstack browser ## everything that must hold: unit, catalogue, replay, end-to-end
	POSTURE_MOTO_PYTHON=$$($(LOCAL) venv moto) POSTURE_LOCALSTACK_PYTHON=$$($(LOCAL) venv localstack) \
	  cargo test --workspace
	cargo run --quiet --package posture-cli -- checks test

.PHONY: test-localstack
test-localstack: venv-localstack ## the end-to-end tests against LocalStack only
	POSTURE_LOCALSTACK_PYTHON=$$($(LOCAL) venv localstack) cargo test --package posture-tests localstack

# The stable compiler is told to take the flags that cargo-fuzz passes to a nightly one.
.PHONY: fuzz
fuzz: ## fuzz the policy engine, FUZZ_SECONDS for each target
	root=$$(realpath -m "$${CARGO_TARGET_DIR:-target}"); \
	test -x "$$root/fuzz/tools/bin/cargo-fuzz" \
	  || cargo install cargo-fuzz --locked --version $(CARGO_FUZZ) --root "$$root/fuzz/tools"; \
	cd crates/policy; \
	for target in document question; do \
	  mkdir -p fuzz/corpus/$$target; \
	  PATH="$$root/fuzz/tools/bin:$$PATH" CARGO_TARGET_DIR="$$root/fuzz" RUSTC_BOOTSTRAP=1 \
	    cargo fuzz run --sanitizer none $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1; \
	done

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

# Debian's Chromium is installed where that can be done without asking; elsewhere the tests say that they are skipped.
.PHONY: browser
browser: ## a Chromium for the browser tests, where there is none
	@if [ -n "$${POSTURE_BROWSER:-}" ] || command -v chromium chromium-browser google-chrome > /dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null; then \
	  exit 0; \
	fi; \
	printf '%s\n' 'browser tests will be skipped: there is no Chromium, and only root on Debian can have it installed here.' \
	  'Install one, or name one in POSTURE_BROWSER.' >&2

.PHONY: venv-moto venv-localstack
venv-moto venv-localstack: venv-%:
	@$(LOCAL) venv $* > /dev/null
