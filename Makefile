# The contributor's menu: `make help` prints it from the `##` comments below.
# Needs Python 3.11 or newer with venv, git and make; everything else is installed into .venv.
# Kept to what GNU make 3.81 and BSD tools understand.

PYTHON ?= python3
DATA ?= ./data
PORT ?= 8080
LISTS ?= ./listcutter-data
LISTS_PORT ?= 8090
SEEDS ?= 20
HOURS ?= 24
# One more than there are cores: a quarter of their time the tests wait for disks, databases and browsers.
WORKERS = $(shell $(BIN)/python -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
PYTEST_ARGS ?= -n $(WORKERS)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Without build isolation the backend looks for its own program (uv-build) on PATH.
INSTALL_SELF = PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --no-deps --no-build-isolation -e .
CHECKED := $(wildcard src tests bench scripts guard examples)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" $(UPGRADE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help install run run-listcutter alert dev test lint format bench proof docs requirements clean

help: ## print this menu
	@echo "Tocsin: make TARGET [NAME=value ...]"
	@echo
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)$$/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-16s%s\n", $$1, $$2 }'

run: $(VENV)/.ready-run ## start the demo server (DATA=./data PORT=8080)
	@echo "Starting Tocsin with the demo plan on port $(PORT); its data is kept in $(DATA). Stop it with Ctrl-C."
	@exec $(BIN)/tocsin serve --demo --data "$(DATA)" --port $(PORT)

run-listcutter: $(VENV)/.ready-dev ## start List Cutter, the example under guard (LISTS=./listcutter-data LISTS_PORT=8090; FAULTS=9101 for drills)
	@exec env PYTHONPATH=examples/listcutter/src:guard/src $(BIN)/python -m listcutter --data "$(LISTS)" --port $(LISTS_PORT) $(if $(FAULTS),--faults $(FAULTS))

install: $(VENV)/.ready-run ## set up .venv with what Tocsin runs with, and start nothing

alert: $(VENV)/.ready-run ## send a demo alert to the running server (PORT=8080)
	@exec $(BIN)/tocsin alert "Checkout is down" --url http://127.0.0.1:$(PORT)

dev: $(VENV)/.ready-dev ## set up .venv for working on Tocsin

test: $(VENV)/.ready-dev ## check the programs the tests want, then run every test (PYTEST_ARGS=...)
	@sh scripts/system-programs
	$(BIN)/python -m pytest $(PYTEST_ARGS)
	$(BIN)/python -m pytest $(PYTEST_ARGS) guard/tests
	$(BIN)/python -m pytest $(PYTEST_ARGS) examples/listcutter/tests

lint: $(VENV)/.ready-dev ## ruff's rules, ruff's format, mypy's strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CHECKED)

format: $(VENV)/.ready-dev ## let ruff repair what it can, then format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-dev ## measure intake, engine and pages on this machine
	PYTHONPATH=guard/src $(BIN)/python -m bench

proof: $(VENV)/.ready-dev ## the simulator: break things from seeds and check that no page is lost; every change of clocks (SEEDS=20 HOURS=24)
	$(BIN)/python -m tests.sim.proof --seeds $(SEEDS) --hours $(HOURS)

docs: $(VENV)/.ready-dev ## write the reference pages from their definitions
	$(BIN)/python -m scripts.docs

requirements: $(VENV)/.ready-dev ## pin requirements/*.txt again after a change in pyproject.toml (UPGRADE=--upgrade)
	$(COMPILE) --group build -o requirements/run.txt
	$(COMPILE) --group build --group dev -c requirements/run.txt -o requirements/dev.txt

clean: ## remove .venv and caches; data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov dist build
	find src tests bench scripts guard examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# Stamps: a second `make run` starts at once, and a changed requirement file sets up again.
# The development set contains the running set, so one bootstrap serves both.

$(VENV)/.ready-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Tocsin needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version`. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV) with `$(PYTHON) --version` ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.ready-run: $(VENV)/.ready-venv requirements/run.txt pyproject.toml
	@echo "Installing what Tocsin runs with (pinned and hashed in requirements/run.txt) into $(VENV); this happens once ..."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready-venv requirements/dev.txt requirements/run.txt pyproject.toml
	@echo "Installing what Tocsin is developed with (pinned and hashed in requirements/dev.txt) into $(VENV); this happens once ..."
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(INSTALL_SELF)
	@touch $(VENV)/.ready-run $@
