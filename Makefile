# Two commands matter: `make demo` and `make test`. Each sets up what it needs, from Python 3.11 and make alone.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SDK := .venv-sagemaker
SDK_READY := $(SDK)/.ready
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$name; break; }; done)

# jsii starts the node that tools/node.py names: the machine's own if it is recent enough, else the one from PyPI.
export JSII_NODE = $(shell $(BIN)/python tools/node.py 2>/dev/null)
NODE_PATH_DIR = $(dir $(JSII_NODE))
WITH_NODE = PATH="$(CURDIR)/$(BIN):$(NODE_PATH_DIR):$$PATH"
export CDK_DISABLE_CLI_TELEMETRY := true

.PHONY: help demo test test-sagemaker synth format lock facts record-sdk bench mutants clean

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

demo: $(READY)  ## Deploy churn's dev to an embedded account with the real cdk CLI, and let it run on real data
	@$(WITH_NODE) $(BIN)/python -m tools.demo

test: $(READY)  ## Everything that CI checks, but for the SDK itself
	@echo "== ruff: style";               $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy: types";               $(BIN)/mypy
	@echo "== import-linter: the floors"; $(BIN)/lint-imports --no-logo
	@echo "== pytest: behaviour";         $(WITH_NODE) CDK_VALIDATION=false $(BIN)/python -m pytest -n auto --dist worksteal -q --durations=5

test-sagemaker: $(SDK_READY)  ## Conversion of the real SDK's objects, in an environment of its own (half a gigabyte)
	@echo "== pytest: with sagemaker's own SDK"
	@$(SDK)/bin/python -m pytest -c tests_sagemaker/pytest.ini --rootdir . -p no:cacheprovider -q tests_sagemaker

synth: $(READY)  ## The assembly of every account in cdk.out/
	@$(WITH_NODE) node_modules/.bin/cdk synth --quiet '**'
	@find cdk.out -name '*.template.json' | sort

format: $(READY)  ## Format the code
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

lock: $(READY)  ## Remake the lock files from pyproject.toml and package.json
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet --output-file requirements/dev.txt
	@$(BIN)/uv pip compile requirements/sagemaker.in --override requirements/sagemaker-without.txt --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
	  --output-file requirements/sagemaker.txt
	@$(BIN)/python tools/node.py lock

facts: $(READY)  ## Remake the data of constructs_ml/facts from the installed packages
	@$(BIN)/python tools/make_facts.py $$(date +%F)

record-sdk: $(SDK_READY)  ## Record the real SDK's objects for the tests that run without it
	@$(SDK)/bin/python -m tools.record_sdk

bench: $(READY)  ## Ratios: compiling against json.dumps, constructs against L2 code
	@$(WITH_NODE) CDK_VALIDATION=false $(BIN)/python -m benchmarks.compile
	@$(WITH_NODE) CDK_VALIDATION=false $(BIN)/python -m benchmarks.constructs
	@$(BIN)/python -m benchmarks.long_pipeline
	@$(BIN)/python -m benchmarks.rehearsal

mutants: $(READY)  ## Mutation testing of the renderers and the verdicts
	@$(BIN)/mutmut run; $(BIN)/mutmut results

clean:  ## Forget everything that make made
	@rm -rf $(VENV) $(SDK) node_modules cdk.out demo.json rehearsal.html mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(READY): requirements/dev.txt requirements/data.txt package-lock.json pyproject.toml
	@test -n "$(PYTHON)" || { echo "constructs_ml needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@echo "== setting up $(VENV) with $(PYTHON) (once; a few minutes)"
	@$(PYTHON) -m venv $(VENV)
	@echo "== installing the locked Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/data.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "== installing the locked cdk CLI with $$($(BIN)/python tools/node.py)"
	@$(BIN)/python tools/node.py npm ci --silent --no-audit --no-fund
	@touch $@

# Without its dependencies' own resolver: requirements/sagemaker-without.txt leaves some of them out.
$(SDK_READY): requirements/sagemaker.txt
	@test -n "$(PYTHON)" || { echo "constructs_ml needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3"; exit 1; }
	@echo "== setting up $(SDK) with $(PYTHON) (once; a few minutes)"
	@$(PYTHON) -m venv $(SDK)
	@$(SDK)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/sagemaker.txt
	@touch $@
