# Everything runs in .venv; the first use of a target installs what it needs, later ones only look.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check up assets real-samples bench validate fuzz lock format

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed  ## Install everything into .venv

.venv/.installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Stockwatch needs Python 3.11 or newer; set PYTHON=python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv …"
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' requirements.lock)"
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@touch $@

demo: setup  ## Run the main job in a real Airflow on sample feeds; sends nothing (about 6 minutes)
	@$(BIN)/python scripts/demo.py

test: setup tests/slack_server/node_modules/.installed tests/browser/node_modules/.installed  ## Run all tests, real Airflow, Slack server and browser included
	@$(BIN)/python -m pytest

tests/slack_server/node_modules/.installed: tests/slack_server/package-lock.json .venv/.installed
	@echo "installing the Slack test server …"
	@$(BIN)/python -m tests.slack_server.install
	@touch $@

tests/browser/node_modules/.installed: tests/browser/package-lock.json tests/browser/unpack.mjs .venv/.installed
	@echo "installing the test browser …"
	@$(BIN)/python -m tests.browser.install
	@touch $@

check: setup  ## Lint, types, import contracts, settings, lock
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > .import_linter.log 2>&1 || { cat .import_linter.log; exit 1; }
	@$(BIN)/python -m include.stockwatch.cli check-config
	@STOCKWATCH_CONFIG=docs/examples/osa $(BIN)/python -m include.stockwatch.cli check-config
	@$(BIN)/python scripts/lock.py --check

up: setup  ## Start Airflow with its UI on 127.0.0.1 (PORT, default 8080); prints URL and login
	@$(BIN)/python scripts/local_airflow.py

assets: setup  ## Build what the board serves to browsers from assets/
	@$(BIN)/python scripts/assets.py

real-samples: setup  ## Read the partner files in DIR and compare with their READMEs
	@$(BIN)/python scripts/real_samples.py $(DIR)

bench: setup  ## Measure speed as ratios in one run
	@$(BIN)/python scripts/bench.py

validate: setup  ## Hold the check against worlds with known truth and write docs/validation.md (about 6 minutes)
	@$(BIN)/python scripts/validate.py

RUNS ?= 1000000
fuzz: setup  ## Read RUNS damaged files per reader (READER=x12 for one); failures stay in var/fuzz
	@$(BIN)/python scripts/fuzz.py --runs $(RUNS) $(if $(READER),--reader $(READER))

lock: setup  ## Resolve requirements*.txt again into requirements.lock
	@$(BIN)/python scripts/lock.py

format: setup  ## Format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .
