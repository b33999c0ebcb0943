# Duecourse: `make run` starts it, `make test` tests it. Each makes .venv when needed, from requirements.lock or requirements-dev.lock.
# `make install` only sets it up: .venv/bin/duecourse is its command line, from whatever folder it is called.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Tests run in several processes, a file in one of them; each starts servers of its own, and mostly waits for them.
TOGETHER ?= -n 5 --dist loadfile --no-loadscope-reorder

# Unit and property tests, for the day's work: no server is started.
QUICK := tests/domain tests/test_oracle.py tests/adapters/letters tests/adapters/mail/test_message_builder.py tests/adapters/config

.PHONY: install run test quick check bench letters-report lock format clean

run: install
	@$(BIN)/duecourse up $(ARGS)

install: $(VENV)/.ready $(BIN)/duecourse

# What one process has compiled the others read, whatever this machine is set to.
test quick: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest $(TOGETHER) $(ARGS)

quick: $(VENV)/.ready-to-test
	$(BIN)/python -m pytest -n 2 --dist load $(QUICK) $(ARGS)

check: $(VENV)/.ready-to-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-to-test
	$(BIN)/python -m bench.run $(ARGS)

# Plays the public file of invoices and forty days of the sample, and says what their customers received.
letters-report: $(VENV)/.ready-to-test
	$(BIN)/python -m tests.letters_report

# Pins every package with its hashes, for every platform; names no registry. What tests need stands apart: running Duecourse needs none of it.
PIN := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
lock:
	$(PIN) --upgrade pyproject.toml -o requirements.lock
	$(PIN) --upgrade --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock

format: $(VENV)/.ready-to-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Python compiles what it imports, once; pip would compile everything there is.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes

$(VENV)/.ready: requirements.lock | $(BIN)/python
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.ready-to-test: requirements-dev.lock | $(BIN)/python
	$(INSTALL) -r requirements-dev.lock
	@touch $@

# Runs what lies here, so that a change of the code needs no installation.
$(BIN)/duecourse: Makefile | $(BIN)/python
	@printf '#!/bin/sh\nexec "%s/python" "%s/duecourse.py" "$$@"\n' '$(abspath $(BIN))' '$(CURDIR)' > $@
	@chmod +x $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Duecourse needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
