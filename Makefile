# Each target sets up what it needs: Python 3.11 or newer with venv and pip, nothing else.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
PIP := PYTHONWARNINGS=ignore $(RUN)/pip --disable-pip-version-check --quiet

.PHONY: demo up test test-ci test-all lint bench mutants lock clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.demo  ## the whole life of a sample deposit, then where to look
	@$(RUN)/keepsake demo

up: $(VENV)/.demo  ## Prefect's server and UI, and the procedures
	@$(RUN)/keepsake up

test: $(VENV)/.dev lint  ## what must pass before anything lands
	@$(RUN)/pytest -n 2 --dist loadgroup -m "not long"

test-ci: $(VENV)/.dev  ## a fixed subset of the long runs; may use Debian's packages
	@bash tests/ci/subset.sh

test-all: $(VENV)/.dev lint  ## everything
	@$(RUN)/pytest -n 2 --dist loadgroup

lint: $(VENV)/.dev
	@$(RUN)/ruff check --quiet .
	@$(RUN)/ruff format --check --quiet .
	@$(RUN)/mypy
	@$(RUN)/lint-imports --no-cache >$(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }

bench: $(VENV)/.dev  ## ours beside the peers and the disk; see docs/benchmarks.md
	@$(RUN)/python -m tests.benchmarks.packaging

mutants: $(VENV)/.dev  ## break the consent gate in every way; none may survive
	@bash tests/ci/mutants.sh

lock: $(VENV)/.dev  ## write down the versions in use
	@$(RUN)/pip freeze --exclude-editable --exclude keepsake | grep -v '@' > requirements.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Keepsake needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml requirements.lock
	@echo "Setting up in $(VENV) (once) …"
	@$(PIP) install --constraint requirements.lock --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml requirements.lock
	@echo "Setting up in $(VENV) (once) …"
	@$(PIP) install --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/.demo

clean:
	@rm -rf $(VENV) var build *.egg-info mutants
