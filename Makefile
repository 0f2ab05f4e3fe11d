# Every command of the house. `make` alone lists them. Needs Python 3.11 or newer and make; `make setup` brings the rest.

PYTHON ?= python3
BIN := .venv/bin
# What `make check` runs in seconds; the rest of tests/ belongs to `make test`.
FAST := $(wildcard tests/meta tests/unit)
REST := $(filter-out $(FAST:=/) tests/__pycache__/,$(wildcard tests/*/))
# Further options for pytest: make test ARGS='-x -k refund'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up check rules units test full bench bench-quick docs test-pythons test-frameworks generate

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' \
	    | while IFS='|' read -r name says; do printf '  make %-16s %s\n' "$$name" "$$says"; done

setup: .venv/stamp ## create .venv and install everything from requirements.lock

.venv/stamp: pyproject.toml requirements.lock
	$(PYTHON) tools/setup_venv.py

demo: setup ## three agents, one budget, one minute: see it work
	$(BIN)/figuard demo

up: setup ## run the server and dashboard on this machine
	$(BIN)/figuard up

check: setup ## lint, types, imports between rooms, fast tests (under a minute)
	$(MAKE) --no-print-directory --jobs=2 rules units

rules:
	$(BIN)/ruff check && $(BIN)/ruff format --check --quiet && $(BIN)/lint-imports --no-cache
	$(BIN)/pyright
	$(BIN)/pytest -q -m "not full" -p no:schemathesis -p no:xdist $(wildcard tests/meta)

units:
	$(BIN)/pytest --hypothesis-profile=quick -m "not full" -p no:schemathesis -p no:xdist $(ARGS) $(wildcard tests/unit)

test: check ## check, then every other test but the long ones (under 8 minutes)
	$(if $(REST),$(BIN)/pytest -n 2 --hypothesis-profile=check -m "not full" $(ARGS) tests $(FAST:%=--ignore=%))

full: check test-frameworks ## every test, the long ones and all frameworks too, with coverage
	$(BIN)/coverage run -m pytest -n 2 --hypothesis-profile=full -m "not full" $(ARGS) tests
	$(BIN)/coverage run -m pytest --hypothesis-profile=full -m full $(ARGS) tests && $(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=90 && $(BIN)/coverage report --include='src/figuard/domain/*,src/figuard/engine/*' --fail-under=100

bench: setup ## measure on this machine, against references of the same run (five to six minutes)
	$(BIN)/python -m bench

bench-quick: setup ## the canonical cases alone (about 40 seconds)
	$(BIN)/python -m bench quick

docs: setup ## build the documentation into site/
	$(BIN)/zensical build --strict

test-pythons: setup ## the fast and the store tests under each Python we promise
	$(BIN)/python tools/test_pythons.py

test-frameworks: setup ## the integrations against the real agent frameworks
	$(BIN)/python tools/test_frameworks.py

generate: setup ## write every generated file (codes, API reference, SDK tables)
	$(BIN)/python tools/generate.py
