# Everything runs in a virtual environment of its own, from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help install lint fix test demo vectors lock clean

help: ## show the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("trialanchor needs Python 3.11 or newer, this is %s" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

lint: $(STAMP) ## check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: $(STAMP) ## mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(STAMP) lint ## run everything: unit, scenario, vectors, then live with real processes and engines
	sh network/postgres/install.sh
	sh network/dns/install.sh
	$(BIN)/python -m pytest -q -rs -m "not live" --disable-socket --allow-unix-socket
	$(BIN)/python -m pytest -q -rs -m live

demo: $(STAMP) ## run a whole study; register, verify, refute and disclose real data (DATA=folder for your own)
	$(BIN)/python scripts/demo.py $(if $(DATA),--data "$(DATA)")

vectors: $(STAMP) ## build the byte-exact vectors again
	$(BIN)/python tests/vectors/build.py
	$(BIN)/python tests/vectors/scenarios.py

lock: $(STAMP) ## resolve the dependencies anew and pin them with their hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group dev --upgrade --output-file requirements.lock pyproject.toml

clean: ## remove what was built
	rm -rf $(VENV) build .hypothesis .mypy_cache .pytest_cache .ruff_cache
