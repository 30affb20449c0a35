# Everything sets itself up: `make demo` and `make test` need only Python 3.11+ (and, on Debian as root, apt).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV_VERSION := 0.13.9
TENSORFLOW := cpu
# The order is that of tests/conftest.py: long groups first, so that both processes end together.
TWO_AT_A_TIME := -n 2 --dist loadgroup --no-loadscope-reorder
export PYTHONPATH :=
# The tests start hundreds of interpreters: let each find what an earlier one compiled.
export PYTHONDONTWRITEBYTECODE :=
# What is printed is seen at once, also where the output is kept in a file.
export PYTHONUNBUFFERED := 1

.PHONY: help setup system demo serve test test-all lint docs format lock clean
help:  ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {v}: set PYTHON=python3.12 or the like")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || ./tools/system-packages.sh python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(STAMP)

setup: $(STAMP)  ## virtual environment with the locked packages

system:  ## system packages (Debian as root; otherwise named) and the viewer that the tests use
	@./tools/system-packages.sh tests
	@./tools/viewer.sh

demo: setup  ## receiving PACS + node + phantom series: writes demo/markers.png
	$(BIN)/foramina demo

serve: setup  ## run the node with config.yaml
	$(BIN)/foramina serve

lint: setup  ## format, style, types, architecture, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

docs: setup  ## the documentation as a site in build/site, every link checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: setup  ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup system lint  ## the suite, under 15 minutes on 2 cores
	$(BIN)/pytest -m "not slow" $(TWO_AT_A_TIME)

test-all: setup system lint  ## the suite with what takes long
	$(BIN)/pytest $(TWO_AT_A_TIME)

lock: setup  ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml --extra cpu -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml --extra cpu --extra openvino --extra dev -c requirements.lock -o requirements-dev.lock

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .cache artefacts
