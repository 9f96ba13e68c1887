# Everything a fresh clone needs: `make` says what there is.

PYTHON ?= python3
VENV ?= .venv
EXTRAS := train,dev
SOURCES := relik_ml converters indexes recipes tests benchmarks

# The environment of the person who calls make stays out of the one that make builds.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PYTHONNOUSERSITE = 1

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint types check docs wheel clean

help: ## this list
	@echo "relik-ml: Russian text in, a linked and cited graph out"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@echo
	@echo "Settings: PYTHON (3.11 or newer, now $(PYTHON)) and VENV (now $(VENV)). pip's own apply as well,"
	@echo "for example PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL to take the CPU build of torch."

demo: $(VENV)/base.stamp ## install the base package, annotate the texts in examples/ru
	$(BIN)/relik-ml annotate --lang ru --view examples/ru

test: lint types check ## install everything, then ruff, mypy and all quick tests

lint: $(VENV)/full.stamp ## ruff: faults, style, import order and formatting
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/full.stamp ## mypy --strict over all code, tests and benchmarks
	$(BIN)/mypy

check: $(VENV)/full.stamp ## the quick tests, offline, two at a time
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2

docs: $(VENV)/docs.stamp ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

wheel: $(VENV)/full.stamp ## build the wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove the environment and everything built
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11: name a newer one, for example make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than the pins once they are installed, so a second call installs nothing.
$(VENV)/base.stamp: $(PINS) | $(VENV)/bin/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/full.stamp: $(PINS) | $(VENV)/bin/python
	$(INSTALL) --editable ".[$(EXTRAS)]"
	@touch $@ $(VENV)/base.stamp

$(VENV)/docs.stamp: $(PINS) | $(VENV)/bin/python
	$(INSTALL) --editable ".[docs]"
	@touch $@ $(VENV)/base.stamp
