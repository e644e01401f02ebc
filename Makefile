# `make help` says what there is. Everything that is installed goes into the project's own folders (target, .venv,
# node_modules), but for system packages, which come from apt-get where that is possible.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:

RUFF_VERSION := 0.17.6
MYPY_VERSION := 1.20.2
MATURIN_VERSION := 1.16.0
# Clients of WebSocket that the server is tried with.
WEBSOCKET_CLIENTS := websocket-client==1.9.2 websockets==17.4

# One folder for everything that is built.
export CARGO_TARGET_DIR ?= $(CURDIR)/target

# How long each property test tries random input, in seconds. Most run at the same time.
PROPERTY_SECONDS ?= 15

# How long each fuzz target runs, and where its inputs begin: the same ones each time, so that what fails is a change's
# doing. 0 is another beginning each time, for a longer search.
FUZZ_SECONDS ?= 10
FUZZ_SEED ?= 1

# In the order in which mistakes are cheapest to find. The documentation follows the linter, whose build it shares.
STEPS := toolchain format lint documentation features independence suite fuzz conformance benchmarks python package \
	install browser

.PHONY: help run test bench clean $(STEPS)

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

run: ## Start the showcase on 127.0.0.1:9090
	cargo run

test: ## Everything that is checked, as in CI; each step can be made on its own
	@tools/steps $(STEPS)

toolchain: ## The compiler and its tools are there
	@command -v cargo > /dev/null || { echo "cargo is missing: install Rust, see https://rustup.rs" >&2; exit 1; }
	@tools/install-missing "command -v cc" gcc libc6-dev
	rustc --version
	cargo fmt --version
	cargo clippy --version

format: ## The sources are formatted
	cargo fmt --all --check

lint: ## The linter finds nothing, in tests and examples either
	cargo clippy --workspace --all-targets -- -D warnings

documentation: ## The documentation builds without a warning
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

features: ## The crate compiles without its features, and with each alone
	cargo check -p vernal --no-default-features
	cargo check -p vernal --no-default-features --features macros
	cargo check -p vernal --no-default-features --features logger
	cargo check -p vernal --no-default-features --features http2
	cargo check -p vernal --no-default-features --features tls
	cargo check -p vernal --no-default-features --features tls-development
	cargo check -p vernal --no-default-features --features compression
	cargo check -p vernal --no-default-features --features websocket
	cargo check -p vernal --no-default-features --features fuzzing

independence: ## The engine does not know Python
	@tree="$$(cargo tree -p vernal --all-features --edges normal,build --prefix none)"; \
	if grep '^pyo3' <<< "$$tree"; then echo "vernal depends on pyo3" >&2; exit 1; fi; \
	echo "vernal: $$(sort -u <<< "$$tree" | wc -l) crates, pyo3 is not among them"

# One thread for each property test, which share the cores among them.
suite: ## All Rust tests: unit, integration, compile errors, properties, documentation
	@tools/install-missing "command -v openssl" openssl
	@tools/install-missing "command -v haproxy" haproxy
	VERNAL_PROPERTY_SECONDS=$(PROPERTY_SECONDS) RUST_TEST_THREADS=16 cargo test --workspace --features vernal/tls-development

FUZZ_TARGETS = $(notdir $(basename $(wildcard fuzz/targets/*.rs)))

# The counters that lead libFuzzer, as cargo-fuzz asks for them; no sanitizer, which would need a nightly compiler. With
# a target named, cargo leaves them out of build scripts and macros, which could not be linked with them.
FUZZ_FLAGS := -Cpasses=sancov-module -Ccodegen-units=1 $(addprefix -Cllvm-args=-sanitizer-coverage-, \
	level=4 inline-8bit-counters pc-table trace-compares)

fuzz: ## Arbitrary bytes break no promise of the parsers, for FUZZ_SECONDS (10) each
	@tools/install-missing "command -v c++" g++
	@host="$$(rustc -vV | sed -n 's/^host: //p')"; \
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --manifest-path fuzz/Cargo.toml --target-dir $(CARGO_TARGET_DIR)/fuzz \
		--target "$$host" --bins; \
	for target in $(FUZZ_TARGETS); do \
		echo "-- $$target"; \
		mkdir -p fuzz/artifacts/$$target $(CARGO_TARGET_DIR)/fuzz/corpus/$$target; \
		"$(CARGO_TARGET_DIR)/fuzz/$$host/debug/$$target" -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) -timeout=20 -print_final_stats=1 \
			-verbosity=0 -artifact_prefix=fuzz/artifacts/$$target/ \
			$(CARGO_TARGET_DIR)/fuzz/corpus/$$target fuzz/corpus/$$target; \
	done

conformance: .venv/bin/ruff ## The protocols are spoken to the letter
	python3 conformance/http1.py
	python3 conformance/stop_under_load.py --rounds 20 --seconds 0.3
	python3 conformance/http2.py
	.venv/bin/python conformance/websocket_clients.py

benchmarks: ## The benchmarked server compiles
	cargo check --manifest-path bench/Cargo.toml -p vernal-server

python: .venv/bin/ruff ## The Python sources are sound
	.venv/bin/ruff check bench conformance examples python
	.venv/bin/ruff format --check bench conformance examples python

# In the folder of the sources, and so with what cargo has compiled already, as far as that is for the same interpreter.
# From 3.12 on with the library that all those versions have in common; `install` has the one of the newest alone.
package: ## The Python package is tested, with the oldest and the newest interpreter that are here, and 3.11
	@tools/install-missing "command -v redis-server" redis-server
	@for python in $$(tools/pythons); do \
		venv=".venv/$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])')"; \
		echo "-- $$python"; \
		$$python -m venv $$venv; \
		$$venv/bin/python -m pip install --quiet --disable-pip-version-check maturin==$(MATURIN_VERSION) \
			-r python/tests/requirements.txt; \
		$$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r python/tests/extensions.txt; \
		abi3=$$($$python -c 'import sys; print("--features abi3" if sys.version_info >= (3, 12) else "")'); \
		VIRTUAL_ENV="$$PWD/$$venv" $$venv/bin/maturin develop --quiet $$abi3; \
		$$venv/bin/python -m pytest -q python/tests; \
	done; \
	$$venv/bin/python -m pip install --quiet --disable-pip-version-check mypy==$(MYPY_VERSION); \
	$$venv/bin/python -m mypy; \
	cd python; PYTHONPATH=. MYPYPATH=. ../$$venv/bin/python -m mypy.stubtest simple_http_server._engine --mypy-config-file ../pyproject.toml

# What a user does, apart from the sources.
install: ## The package can be installed with pip, and its sample runs
	rm -rf $(CARGO_TARGET_DIR)/installed
	$$(tools/pythons | tail -1) -m venv $(CARGO_TARGET_DIR)/installed
	MATURIN_PEP517_ARGS="--profile=dev" $(CARGO_TARGET_DIR)/installed/bin/python -m pip install --quiet \
		--disable-pip-version-check .
	$(CARGO_TARGET_DIR)/installed/bin/python tools/installed.py

.venv/bin/ruff: Makefile
	@tools/install-missing "python3 -c 'import ensurepip'" python3 python3-venv
	python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check ruff==$(RUFF_VERSION) $(WEBSOCKET_CLIENTS)
	@touch $@

BROWSER_TEST := examples/showcase/browser

browser: ## A browser clicks through the showcase; screenshots go to target/screenshots
	@tools/install-missing "command -v chromium" chromium
	@tools/install-missing "command -v npm" nodejs npm
	cargo build --workspace --bin showcase --example conformance # and so with what the tests were built with
	cd $(BROWSER_TEST) && npm ci --no-audit --no-fund
	cd $(BROWSER_TEST) && CHROMIUM="$$(command -v chromium)" SHOWCASE="$(CARGO_TARGET_DIR)/debug/showcase" \
		SCREENSHOTS="$(CARGO_TARGET_DIR)/screenshots" node --test

bench: ## Compare with other servers (needs wrk and nginx)
	@tools/install-missing "command -v wrk" wrk
	@tools/install-missing "test -x /usr/sbin/nginx" nginx-light
	python3 bench/run.py

clean: ## Remove what was built and installed
	cargo clean
	rm -rf .venv $(BROWSER_TEST)/node_modules
