# `make demo` shows the main job; `make test` sets up and runs everything CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint pytest testbench docs golden catalogues facts bench clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime  ## Preflight, render, rehearse, chat, down: without a GPU.
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash tests/demo.sh

test: lint testbench pytest  ## Set up what the tests need, then lint and run them all.

lint: $(VENV)/.dev  ## ruff, mypy --strict, and the direction of imports.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

testbench:  ## Docker Engine, Compose, base image, sglang's parsers (root on Debian).
	tests/testbench/setup.sh

pytest: $(VENV)/.dev  ## Only the tests.
	$(BIN)/pytest

docs: $(VENV)/.dev  ## Write the generated reference pages again.
	$(BIN)/glm-deploy explain --markdown > docs/reference/rules.md
	$(BIN)/glm-deploy profiles --markdown > docs/reference/profiles.md
	$(BIN)/glm-deploy profiles schema > docs/reference/profile.schema.json

golden: $(VENV)/.dev  ## Write the golden files of the renderers again; review the diff.
	$(BIN)/python tests/render/golden.py

catalogues: $(VENV)/.dev  ## Read the parsers of all sglang releases again, from the registry's wheels.
	PYTHONPATH=tests $(BIN)/python -m testbench.rebuild_catalogues

facts: $(VENV)/.dev  ## Record the hosts in tests/facts again.
	PYTHONPATH=tests $(BIN)/python -m testbench.nvml.record

bench: $(VENV)/.dev  ## Whole-process times as ratios measured in one run.
	$(BIN)/python tests/bench/bench_render.py
	$(BIN)/python tests/bench/bench_lint.py

clean:  ## Remove what make made, the testbench's cache included.
	-tests/testbench/docker-engine.sh stop
	rm -rf $(VENV) .cache dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "glm-deploy needs Python 3.11 or newer: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "The venv module is missing: sudo apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: pyproject.toml | $(VENV)/bin/python
	@echo 'installing glm-deploy into $(VENV)'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo 'installing glm-deploy and what its tests need into $(VENV)'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.runtime
