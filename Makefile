# Everything that is typed here has a line in `make help`, which is also what `make` alone says.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The tests start many processes: none of them should compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
PEERS := .venv-peers
INSTALLED_PEERS := $(PEERS)/.installed

.PHONY: help
help: ## Show this list
	@echo "make run starts everything, make test tests everything. All targets:"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "ARGS=... is handed on by run, test, chaos, bench and train: make run ARGS='--api-port 9000'"

.PHONY: run
run: install ## Install what is missing, then serve API (:8000) and web cabinet (:8001)
	@exec $(BIN)/augury serve $(ARGS)

.PHONY: test
test: install-dev ## Run the whole test suite
	$(BIN)/pytest --numprocesses 3 --dist loadfile $(ARGS)

.PHONY: soak
soak: install-dev ## Run the storms, crashes and generated requests for longer than the suite does
	SOAK=true $(BIN)/pytest --timeout 3600 tests/api/test_schemathesis.py tests/ledger/test_oracle.py tests/payments/test_histories.py tests/predictions/test_batch_columns.py tests/predictions/test_batch_parquet.py tests/predictions/test_storm.py tests/predictions/test_job_storm.py tests/predictions/test_batch_storm.py tests/payments/test_payment_storm.py tests/registry/test_moves_under_load.py tests/ui/test_browser_every_place.py $(ARGS)

.PHONY: chaos
chaos: install-dev ## Kill, pause and restart every process under load: make chaos ROUNDS=50 SEED=7
	SOAK=true CHAOS_ROUNDS=$(ROUNDS) CHAOS_SEED=$(SEED) $(BIN)/pytest -q tests/chaos $(ARGS)

.PHONY: check
check: install-dev ## Check format, lint, types, import directions and house rules
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_house_rules.py

.PHONY: format
format: install-dev ## Format the code and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: screenshots
screenshots: install-dev ## Take a picture of every page of the cabinet into screenshots/
	PYTHONPATH=tests $(BIN)/python -m ui.screenshots $(ARGS)

.PHONY: bench
bench: install ## Measure what a sale costs on this machine
	$(BIN)/augury bench $(ARGS)

.PHONY: train
train: install-dev ## Train the shipped credit models again: make train DATA=credit_risk.csv
	@test -n "$(DATA)" || { echo "Name the CSV file: make train DATA=credit_risk.csv" >&2; exit 2; }
	$(BIN)/augury train credit --data "$(DATA)" $(ARGS)

.PHONY: install
install: $(INSTALLED) ## Install what the service needs into .venv, from hashes in requirements.lock

.PHONY: install-dev
install-dev: $(INSTALLED_DEV) ## Install what tests, checks and training need too

.PHONY: peers
peers: install-dev $(INSTALLED_PEERS) ## Try servers of other people, installed into .venv-peers (500 MB)
	$(BIN)/pytest tests/peers $(ARGS)

.PHONY: lock
lock: install-dev ## Write the lock files again after a change of dependencies
	$(BIN)/uv export --no-emit-project --no-annotate --no-header --extra ui --extra stripe --extra yookassa --extra market --no-dev --group build -o requirements.lock
	$(BIN)/uv export --no-emit-project --no-annotate --no-header --extra ui --extra stripe --extra yookassa --extra parquet --extra s3 --extra worker --extra market --no-dev --group build -o requirements-image.lock
	$(BIN)/uv export --no-emit-project --no-annotate --no-header --all-extras --all-groups -o requirements-dev.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet requirements-peers.in -o requirements-peers.lock

.PHONY: deploy-check
deploy-check: install-dev ## Run the Dockerfile's build steps here, in a throw-away folder, and try what they give
	$(BIN)/pytest --numprocesses 0 tests/deploy/check_image.py

.PHONY: clean
clean: ## Remove the environments, caches and build output; data/ stays
	rm -rf $(VENV) $(PEERS) dist .cache .*_cache .hypothesis .coverage* catboost_info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Augury needs Python 3.11 or newer, and there is no $(PYTHON) here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Augury needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# A stamp says what is installed, so that a second run is instant. What tests need includes what the
# service needs, in the same versions, so the larger install gives both stamps.
$(INSTALLED): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV); the first time takes a few minutes."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages and the tools for tests into $(VENV); the first time takes a few minutes."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $(INSTALLED) $@

$(INSTALLED_PEERS): requirements-peers.lock | $(BIN)/python
	@echo "Installing the locked packages of the peers into $(PEERS)."
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r requirements-peers.lock
	@touch $@
