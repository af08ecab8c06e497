# The two commands a newcomer needs are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= --data .demo --port 8080

.PHONY: help demo test lint bench docs clean

help:
	@echo "make demo    start the gateway with sample applications and a simulated Okta"
	@echo "make test    run every test (installs what the machine lacks)"
	@echo "make lint    style, types, layers"
	@echo "make bench   timings, as ratios against a baseline of the same run"
	@echo "make clean   remove what these made"

demo: $(VENV)/.runtime
	@$(BIN)/vestibule demo $(DEMO)

test: $(VENV)/.development
	@sh scripts/test-tools.sh
	@$(BIN)/python -m pytest -n $${WORKERS:-2} --dist loadscope $(PYTEST)

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright src
	$(BIN)/lint-imports

bench: $(VENV)/.development
	@sh scripts/test-tools.sh wrk
	@$(BIN)/python -m bench $(BENCH)

$(VENV)/bin/python:
	@sh scripts/make-venv.sh $(PYTHON) $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Vestibule's dependencies (versions and hashes are locked)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.development: requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing Vestibule and its test tools (versions and hashes are locked)..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) .demo .cache dist
