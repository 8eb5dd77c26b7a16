# One command each:  make up · make demo · make test
# Needs Python >= 3.11 with pip, and make. Everything else is brought into .tools and .venv.

PYTHON ?= python3
# Tests run side by side, but for those that use Docker: they count what a daemon has before and after.
JOBS   ?= 3
FAST   := not nats and not docker and not browser and not slow
BIN    := .venv/bin
STAMP  := .venv/.complete
UV     := $(PYTHON) tools/uv.py
LOCK   := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
          --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup up demo test check seeds bench lock clean

help:
	@echo "make up       start Quarterdeck here: engine, log, container instances, console"
	@echo "make demo     a guided tour that ends by itself"
	@echo "make test     every test; says in its last lines what could not run here"
	@echo "make check    what is checked before a merge: format, lint, types, imports, the fast tests"
	@echo "make seeds    simulate whole clusters with faults: make seeds N=1000"
	@echo "make bench    measurements; some, or a shorter watch: make bench BENCH='endurance --seconds 20'"
	@echo "make setup    only .venv, with everything in it"
	@echo "make lock     renew requirements/*.txt"

setup: $(STAMP)

$(STAMP): pyproject.toml tools/uv.py $(wildcard requirements/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which: make PYTHON=python3.12")'
	@echo "· making .venv"
	@$(UV) venv --quiet --clear --no-project --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv
	@echo "· installing what requirements/*.txt pins"
	@$(UV) pip sync --quiet --python .venv --require-hashes requirements/run.txt requirements/extras.txt requirements/dev.txt
	@echo "· installing quarterdeck itself, editable"
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
	@echo "· ready: .venv/bin/quarterdeck"

up: setup
	@$(BIN)/quarterdeck up

demo: setup
	@$(BIN)/quarterdeck demo

test: setup
	@$(BIN)/pytest --numprocesses $(JOBS) --dist loadfile -m "not docker"
	@$(BIN)/pytest -m docker

check: setup
	@echo "· format"  && $(BIN)/ruff format --check
	@echo "· lint"    && $(BIN)/ruff check
	@echo "· types"   && $(BIN)/mypy
	@echo "· imports" && $(BIN)/lint-imports --no-logo
	@echo "· tests"   && $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile -m "$(FAST)"

seeds: setup
	@$(BIN)/python -m tests.simulation --seeds $(or $(N),1000) --first $(or $(FIRST),0)

bench: setup
	@$(BIN)/python -m benchmarks $(BENCH)

# Versions only move when `make lock` is asked to move them: make lock UPGRADE=--upgrade
lock:
	@$(UV) pip compile $(LOCK) $(UPGRADE) pyproject.toml --output-file requirements/run.txt
	@$(UV) pip compile $(LOCK) $(UPGRADE) pyproject.toml --all-extras --constraints requirements/run.txt --output-file requirements/extras.txt
	@$(UV) pip compile $(LOCK) $(UPGRADE) --group dev --constraints requirements/extras.txt --output-file requirements/dev.txt
	@$(UV) pip compile $(LOCK) $(UPGRADE) --group uv --output-file requirements/uv.txt

clean:
	rm -rf .venv .tools build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
