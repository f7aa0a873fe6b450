# Everything here sets itself up: the environment is made when it is missing or pyproject.toml has changed.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
TERSER := terser@5.51.2

.PHONY: help demo test check fast bench screenshots tag clean

help:
	@echo "make demo    a demo shop, the vendors' sandbox and Gatepost, to click through (options: DEMO=\"--port 8001\")"
	@echo "make test    everything that is checked, a browser included"
	@echo "make fast    style, types and the quick tests"
	@echo "make bench   what it can carry on this machine"
	@echo "make tag     the tag's script, after a change of its modules (needs npm)"

demo: $(VENV)/run
	@exec $(BIN)/gatepost demo $(DEMO)

test: check
	@$(PYTHON) tests/install_browser.py
	@$(PYTHON) -m pytest tests

fast: check
	@$(PYTHON) -m pytest tests -m "not browser and not chaos"

check: $(VENV)/test
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/test
	@$(PYTHON) -m benchmarks --write

screenshots: $(VENV)/test
	@$(PYTHON) -m tests.screenshots

tag:
	@npm install --silent --no-package-lock --prefix .tools $(TERSER)
	@node .ci/tag.mjs .tools

clean:
	rm -rf $(VENV) .tools dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# One environment: first what running needs, then what testing needs.

$(VENV)/run: pyproject.toml
	@sh .ci/environment $(VENV) .
	@touch $@

$(VENV)/test: pyproject.toml $(VENV)/run
	@sh .ci/environment $(VENV) ".[test]"
	@touch $@
