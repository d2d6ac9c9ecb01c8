# Penstock. `make demo` needs only Python 3.11 to 3.14 and Node.js >= 20, `make test` Python 3.11 or 3.12; the rest sets
# itself up.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -p no:pytest-brownie
BOOTSTRAP = command -v $(PYTHON) >/dev/null || { echo "penstock set-up: Python 3.11 to 3.14 is needed and $(PYTHON) is not on PATH" >&2; \
  exit 2; }; $(PYTHON) tools/bootstrap.py $(if $(filter file,$(origin PYTHON)),,--named)
OUT ?= demo-out
OUTCOME ?= published
DEAL ?= deals/dc-water-eib-2016.yaml
PORT ?= 8600
COUNT ?= 25

.DEFAULT_GOAL := help
.PHONY: help setup tools compile demo demo-all serve check test test-fast test-python test-contracts solidity test-solidity test-deep mutants slither fuzzer prove lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## environment, packages, chain, compiler (does nothing the second time)
	@$(BOOTSTRAP)

tools: ## what the checks and tests need besides; kept up to date from then on
	@$(BOOTSTRAP) tests

compile: setup ## compile the contracts if they have changed
	@$(BIN)/python -c "from chain.artifacts import ensure_compiled; ensure_compiled()"

demo: compile ## one deal from its file to the last claim; DEAL=deals/..., OUTCOME=published|twin|high|low
	@$(BIN)/penstock demo $(DEAL) --outcome $(OUTCOME) --out $(OUT)

demo-all: compile ## every deal of the book to its end, a line each
	@$(BIN)/penstock demo-all

serve: compile ## API and pages with three deals in mid-life; PORT=8600
	@$(BIN)/penstock serve --port $(PORT)

check: tools ## formatters, linter, types, import rule between rooms, locks for every Python
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tools/forge.py fmt --check contracts tests/solidity
	@$(BIN)/python tools/resolver.py

TWO = $(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-Otarget)

test: tools compile fuzzer ## everything
	@$(TWO) check solidity test-contracts
	@$(MAKE) --no-print-directory test-python

solidity:
	@$(MAKE) --no-print-directory slither
	@$(MAKE) --no-print-directory test-solidity

test-solidity: tools compile ## forge: fuzz and invariants
	@$(BIN)/python tools/forge.py test

test-contracts: tools compile ## brownie: contracts, security, gas snapshot
	@$(BIN)/brownie test tests/contracts -W ignore::FutureWarning

fuzzer: tools ## schemathesis, in an environment of its own
	@$(BOOTSTRAP) tests schemathesis

test-python: tools compile fuzzer ## pytest: finance, settlement, oracle, chain, api, pages, end to end
	@$(PYTEST) tests --ignore=tests/contracts -n 2 --dist loadfile --no-loadscope-reorder

test-fast: tools compile ## what a change to a formula or a reader breaks, in under three minutes on two idle cores
	@PENSTOCK_FUZZ_CASES=2000 $(PYTEST) tests/finance tests/settlement tests/oracle tests/house -m "not slow" -n 2 --dist loadfile

# One room: make test-finance, test-settlement, test-oracle, test-chain, test-kinds, test-api, test-e2e, test-house.
ROOMS = finance settlement oracle chain kinds api e2e house
.PHONY: $(ROOMS:%=test-%)
$(ROOMS:%=test-%): tools compile
	@$(PYTEST) tests/$(@:test-%=%) -n 2 --dist loadfile --no-loadscope-reorder
test-api: fuzzer

WATERFALLS = tests/settlement/test_settlement_waterfall.py
test-deep: tools compile ## long fuzzing: 10,000 x 64 invariant runs, 200,000 differential cases, 1,000,000 of waterfalls
	@FOUNDRY_PROFILE=deep $(BIN)/python tools/forge.py test
	@PENSTOCK_FUZZ_CASES=200000 $(PYTEST) tests/settlement --deselect $(WATERFALLS)
	@PENSTOCK_FUZZ_CASES=1000000 $(PYTEST) $(WATERFALLS)

mutants: tools compile ## break the code on purpose, COUNT times a room; fails if the tests notice less than 90 %
	@$(BIN)/python tools/mutants.py --count $(COUNT)

slither: tools compile ## static analysis of the contracts
	@$(BIN)/python tools/slither.py

prove: setup ## halmos, in an environment of its own: symbolic proofs, and broken versions that they must refute
	@$(BOOTSTRAP) halmos
	@$(BIN)/python tools/prove.py

lock: setup ## choose versions again and pin them with hashes
	@for name in bootstrap run test schemathesis halmos; do $(BIN)/python -m uv pip compile -q --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	  requirements/$$name.in -o requirements/$$name.lock; done

clean: ## remove everything that is not source
	@rm -rf .venv node_modules .toolchain build out cache reports demo-out .mypy_cache .ruff_cache .pytest_cache
