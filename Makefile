# `make demo` and `make test` do all the set-up that they need, in .venv and .demo beside this file.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

# Libraries are compiled once, and not in each of the many short jobs.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-fast fuzz codes lint docs clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[dev]"
	touch $@

demo: $(STAMP)
	$(BIN)/nnpgen demo

test: $(STAMP) lint codes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --durations 40

# Quantum ESPRESSO and CP2K from Debian, and pseudopotentials; what cannot be had skips its tests, or fails them where NNPGEN_REQUIRE_ALL is set.
codes: $(STAMP)
	sh tests/install_codes.sh
	$(BIN)/python tests/set_up_pseudopotentials.py

test-fast: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"

# Some thousands of damaged outputs through every reader, then files of jobs, graphs and configurations, each in as many
# ways; SEED and DAMAGES draw others.
FUZZED := $(addprefix tests/hostile/test_,damaged_results.py config_mutations.py graphs.py) tests/models/deepmd/test_graph.py
fuzz: export NNPGEN_DAMAGES := $(or $(DAMAGES),170)
fuzz: export NNPGEN_SEED := $(or $(SEED),0)
fuzz: $(STAMP)
	$(BIN)/python tests/hostile/fuzz.py $(NNPGEN_DAMAGES) $(NNPGEN_SEED)
	$(BIN)/python -m pytest -n $(WORKERS) $(FUZZED)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)
	$(BIN)/python docs/generate_reference.py

clean:
	-AIIDA_PATH=.demo $(BIN)/verdi -p nnpgen-demo daemon stop
	rm -rf .demo .venv
