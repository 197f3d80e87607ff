# make demo    see it work                make test    run the tests
# make check   all that must hold         make bench   timings beside a peer
# make coverage   which lines the tests run
#
# Needs Python >= 3.11, make and the package registry; everything else is set up in $(VENV). The tests start PostgreSQL and
# MariaDB, which have to be installed: apt-get install postgresql mariadb-server

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
EXAMPLE := example_project
MLPROJ := $(BIN)/mlproj --project-dir $(EXAMPLE)
BASE   := $(VENV)/.installed-base
DEV    := $(VENV)/.installed-dev
BENCH  ?= --n 1000 --runs 3 --dbt

.DEFAULT_GOAL := help
.PHONY: help demo test check coverage bench clean reference

help:
	@sed -n 's/^# //p' Makefile | head -3

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "mlproj needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "'$(PYTHON)' comes without venv or ensurepip. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Editable, so that the sources are what runs. Newer pyproject.toml, newer installation.
$(BASE): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DEV): $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(BASE)

demo: $(BASE)
	@echo "── mlproj plan: what is new, and what a build would do"
	$(MLPROJ) plan
	@echo "── mlproj build: features, training datasets, models"
	$(MLPROJ) build
	@echo "── mlproj ls: everything in the project"
	$(MLPROJ) ls
	@echo "── mlproj models: what was trained, and how good it is"
	$(MLPROJ) models
	@echo
	@echo "What you have just built stands in $(EXAMPLE)/. Where to look next:"
	@echo "  $(MLPROJ) show income@2            the data of a feature group"
	@echo "  $(MLPROJ) show income_model@2.1    a model's card"
	@echo "  $(MLPROJ) plan                     nothing to do: everything stands"
	@echo "  edit $(EXAMPLE)/feature_groups/income.v1.sql, and plan again"
	@echo "  docs/getting-started.md"

test: $(DEV)
	$(BIN)/python -m pytest -n auto --dist worksteal

# pytest comes last: its summary line is the last word.
check: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/generate_reference.py --check
	$(BIN)/python -m pytest -n auto --dist worksteal

# Measuring makes the tests half as slow again, so that it is no part of the check.
coverage: $(DEV)
	$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term

reference: $(DEV)
	$(BIN)/python scripts/generate_reference.py

bench: $(DEV)
	$(BIN)/python benchmarks/compile.py $(BENCH)

clean:
	rm -rf $(EXAMPLE)/.mlproj $(EXAMPLE)/target build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
	[ ! -e $(VENV)/.installed-base ] && [ ! -e $(VENV)/.installed-dev ] || rm -rf $(VENV)
