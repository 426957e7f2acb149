# Everything a user types. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

STACK ?= dev
SCALE ?= 0.01
# embedded: the engine of this project; pulumi: the official CLI on PATH.
ENGINE ?= embedded
PYTHON ?= python3
# Port of the local Snowflake; empty: 8084 or the next free one.
LOCAL_PORT ?=
ARGS ?=

BIN := .venv/bin
LOGISTICS := $(BIN)/logistics
ON_PORT := $(if $(LOCAL_PORT),--port $(LOCAL_PORT))

.PHONY: help install analysis handlers dev up preview policy down summary docs reference pictures test test-fast bench format check pins clean

help: ## Say what can be typed
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: STACK=$(STACK) SCALE=$(SCALE) ENGINE=$(ENGINE) LOCAL_PORT=$(LOCAL_PORT) PYTHON=$(PYTHON)"

up: install handlers ## Deploy STACK, load data of SCALE, run the tasks, show what came of it
	@$(LOGISTICS) up --stack $(STACK) --scale $(SCALE) --engine $(ENGINE) $(ON_PORT)

preview: install policy ## Show what `make up` would change, and check it by the policy pack (ARGS go to pulumi preview)
	@$(LOGISTICS) preview --stack $(STACK) --engine $(ENGINE) $(ON_PORT) $(ARGS)

down: install ## Destroy every stack on the local Snowflake and stop it
	@$(LOGISTICS) down --engine $(ENGINE)

summary: install ## Show what is deployed and who sees what of it
	@$(LOGISTICS) summary --stack $(STACK) --engine $(ENGINE)

docs: install ## Write the documentation site to build/site: catalog, lineage, who sees what, environments
	@$(LOGISTICS) docs

reference: dev ## Write docs/reference.md from the commands and settings
	@$(LOGISTICS) docs --reference

pictures: dev ## Write docs/pictures: the dashboard on an account of its own, by Chromium
	@$(BIN)/python tests/support/pictures.py

install: .venv/.installed ## Set up the virtual environment; start nothing

analysis: .venv/.installed-analysis ## The same, with what quality, optimizer, models and dashboard need

dev: .venv/.installed-dev ## The same, with what tests and checks need

# uv comes from PATH, else from the package index into the environment itself.
.venv/.installed: requirements/run.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make install PYTHON=python3.12" >&2; exit 2; }
	@echo "▸ Environment          .venv from $(PYTHON), requirements/run.txt"
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@$(call uv,$(BIN)/python,-r requirements/run.txt)
	@$(call uv,$(BIN)/python,--no-deps -e .)
	@$(call bytecode,$(BIN)/python)
	@touch $@

.venv/.installed-analysis: requirements/analysis.txt .venv/.installed
	@echo "▸ Environment          requirements/analysis.txt"
	@$(call uv,$(BIN)/python,-r requirements/analysis.txt)
	@$(call bytecode,$(BIN)/python)
	@touch $@

policy: .venv/.installed-policy ## Set up the policy pack's environment

# pulumi-policy wants an older protobuf than the connector, so it lives apart.
.venv/.installed-policy: requirements/policy.txt .venv/.installed
	@echo "▸ Environment          requirements/policy.txt"
	@test -x .venv/policy/bin/python || $(BIN)/python -m venv --without-pip .venv/policy
	@$(call uv,.venv/policy/bin/python,-r requirements/policy.txt)
	@$(call bytecode,.venv/policy/bin/python)
	@touch $@

handlers: .venv/.installed-handlers ## Set up what Python functions and procedures of the local Snowflake run in

# An environment of its own: Snowpark wants an older connector.
.venv/.installed-handlers: requirements/handlers.txt .venv/.installed
	@echo "▸ Environment          requirements/handlers.txt"
	@test -x .venv/handlers/bin/python || $(BIN)/python -m venv --without-pip .venv/handlers
	@$(call uv,.venv/handlers/bin/python,-r requirements/handlers.txt)
	@$(call bytecode,.venv/handlers/bin/python)
	@touch $@

.venv/.installed-dev: requirements/dev.txt .venv/.installed .venv/.installed-handlers .venv/.installed-policy
	@echo "▸ Environment          requirements/dev.txt"
	@$(call uv,$(BIN)/python,-r requirements/dev.txt)
	@$(call bytecode,$(BIN)/python)
	@touch $@

define uv
if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(1) $(2); \
else test -x $(BIN)/uv || { $(BIN)/python -m ensurepip --upgrade >/dev/null && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }; \
$(BIN)/uv pip install --quiet --python $(1) $(2); fi
endef

# Where Python is told not to cache bytecode (PYTHONDONTWRITEBYTECODE, usual in containers), each process would compile all that it imports.
UNUSED_CODE := /(tests?|_pytest_plugin|debugpy|pygments/(lexers|styles)|sklearn/datasets|matplotlib/backends/qt_editor|tpchgen_cli)/
bytecode = test -z "$$PYTHONDONTWRITEBYTECODE" || $(1) -m compileall -q -j 0 -x '$(UNUSED_CODE)' $$($(1) -c 'import sysconfig; print(sysconfig.get_path("purelib"))') embedded logistics components >/dev/null || true

test: dev ## Run all tests (ARGS go to pytest)
	@$(BIN)/pytest tests --ignore=tests/benchmarks -n auto $(ARGS)

test-fast: dev ## Run the tests that take no longer than a few seconds
	@$(BIN)/pytest tests --ignore=tests/benchmarks -n auto -m "not slow" $(ARGS)

bench: dev ## Measure speed, as ratios and counts (ARGS: server queries tasks platform)
	@$(BIN)/python tests/benchmarks/run.py $(ARGS)

format: dev ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

check: dev ## Format, lint, types, import rules, spelling, SQL
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/typos
	@$(BIN)/sqlfluff lint sql
	@$(BIN)/zizmor --offline --quiet .github/workflows
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@PYTHONPATH=. $(BIN)/python tests/support/limits.py --check

pins: dev ## Write the exact versions of all requirements anew
	@for set in run analysis dev handlers policy remote; do uv pip compile --quiet --universal --no-header --no-annotate --python-version 3.11 requirements/$$set.in -o requirements/$$set.txt; done

clean: ## Remove the virtual environment, the local Snowflake's data, and caches (stop it first: make down)
	@if [ -x $(LOGISTICS) ]; then $(LOGISTICS) local stop; fi
	@rm -rf .venv .local .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
