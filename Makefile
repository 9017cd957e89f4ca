# make demo | test | bench: each sets itself up in .venv first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA := $(wildcard ../shared/data)
export NN_BRIDGE_DATA ?= $(DATA)
export POLYAPPROX_CACHE ?= $(CURDIR)/.cache
export OMP_NUM_THREADS ?= 2

.PHONY: setup demo test bench clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[nn,plot,dev]"
	touch $@

demo: setup
	$(BIN)/polyapprox relu --precision 2^-9 --interval -50 50 --output out/relu.json --plot out/relu.png

test: setup
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n 2

bench: setup
	$(BIN)/python benchmarks/minimax_vs_sollya.py

clean:
	rm -rf .venv .cache out

.PHONY: docs
docs: setup
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"
