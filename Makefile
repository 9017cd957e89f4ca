# Each target sets itself up in .venv first; `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA := $(wildcard ../shared/data)
export NN_BRIDGE_DATA ?= $(abspath $(DATA))
export POLYAPPROX_CACHE ?= $(CURDIR)/.cache
export OMP_NUM_THREADS ?= 2
export OMP_WAIT_POLICY ?= PASSIVE
# The last bits of a search depend on OpenBLAS's kernels, which it chooses by the maker of the processor; those of the
# records are SkylakeX's, which any processor with AVX-512 can run.
ifneq ($(shell grep -m1 -o avx512vl /proc/cpuinfo 2>/dev/null),)
export OPENBLAS_CORETYPE = SkylakeX
endif
# Byte code is written by the first import and read by all later ones, not made at set-up for what is never imported.
unexport PYTHONDONTWRITEBYTECODE

# A Python 3.10, which OpenFHE's wheel is for; without one its tests are skipped.
HE_PYTHON ?= $(firstword $(shell for one in python3.10 \
	$${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.10.*/bin/python; do \
	"$$one" -c "import sys; sys.exit(sys.version_info[:2] != (3, 10))" 2>/dev/null && echo "$$one"; done))

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: help setup setup-he demo demo-encrypted test test-he coverage bench tables check zoo docs site clean

setup: .venv/.ready  ## an environment of its own, .venv

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable ".[nn,plot,dev]"
	touch $@

# The main job: a proven ReLU, its table and figure, then a real network on it.
demo: setup  ## a proven ReLU, its table and figure, then a real network that computes with it
	$(BIN)/polyapprox make relu --precision 2^-9 --interval -50 50 --output out/relu.json --plot out/relu.png --plot out/relu.svg
	$(BIN)/polyapprox table verify out/relu.json
	$(BIN)/nn-bridge accuracy --network auto --data "$(NN_BRIDGE_DATA)" --limit 500 --interval 50 --interval per-layer --calibration-images 2000 --output out

# A small residual network of digits on ciphertexts, bootstraps included: some 20 processor seconds.
demo-encrypted: setup .venv/.ready-he  ## a small network on ciphertexts, bootstraps included
	$(BIN)/nn-bridge encrypt --network digits --image 0 --ring 2^11 --no-weighted --output out/encrypted-digits.json

test: setup  ## lint, types, tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

# Frameworks for encrypted runs: TenSEAL and Lattigo beside us, OpenFHE in an environment of its own.
setup-he: setup .venv/.ready-he .venv-he310/.ready  ## the frameworks for encrypted runs

.venv/.ready-he: .venv/.ready
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable ".[he]"
	touch $@

.venv-he310/.ready: polyapprox/encrypted/frameworks/interpreter.py
	@if [ -n "$(HE_PYTHON)" ]; then \
	  "$(HE_PYTHON)" -m venv .venv-he310 && \
	  .venv-he310/bin/pip install --quiet --no-compile --disable-pip-version-check \
	    "$$(sed -n 's/^WHEEL = "\(.*\)"/\1/p' $<)" && touch $@; \
	else echo "OpenFHE is left out: no Python 3.10 was found (name one by HE_PYTHON=…)"; fi

# Tables on real ciphertexts, in every framework found.
test-he: setup-he  ## tables on real ciphertexts, in every framework found
	POLYAPPROX_TEST_HE=1 $(BIN)/python -m pytest tests/he -rs
	$(BIN)/python -m pytest tests/docs/test_notebooks.py -k "runs and 10_"

coverage: setup .venv/.ready-he  ## the share of lines and branches that the tests run, by room, on record
	$(BIN)/python tests/checks/covered.py
	$(BIN)/python docs/made/licences_tables.py

bench: setup  ## benchmarks (do nothing else meanwhile)
	$(BIN)/python benchmarks/minimax_vs_sollya.py
	$(BIN)/python benchmarks/composite_vs_lattigo.py
	$(BIN)/python benchmarks/cold.py
	$(BIN)/python benchmarks/networks.py

# Tables and figures of the documentation, made again from code and saved results.
tables: setup  ## tables and figures of the documentation, made again
	for page in tables circuits_tables plans_tables pareto_tables costs_tables noise_tables bootstrapping_tables audits_tables transformers_tables formats_tables encrypted_tables encrypted_network_tables weighted_tables ranges_tables functions_tables guard_tables adversary_tables propagation_tables reach_tables matrix_sign_tables sturdy_tables training_tables paper_tables background_tables all_precisions_tables law_tables beyond_images_tables command_tables zoo_tables licences_tables bibliography_tables gallery_tables rooms; do $(BIN)/python docs/made/$$page.py || exit 1; done

# Slow: ReLU at 2^-4 … 2^-30 with mpmath at 100 digits on 10^5 points each; the guard at 2^-4 … 2^-50; the
# standing adversary, 10^7 points on random calls, all forgeries, 500 true tables.
check: setup  ## slow checks: hours
	$(BIN)/python tests/checks/relu_every_precision.py
	$(BIN)/python tests/checks/guard_every_precision.py
	$(BIN)/python tests/checks/never_dominated.py
	$(BIN)/python tests/checks/wholes.py
	$(BIN)/python tests/checks/back_ends.py
	$(BIN)/python tests/checks/standing_adversary.py
	$(BIN)/python tests/checks/printed_numbers.py
	$(BIN)/polyapprox zoo verify --json > tests/checks/results/zoo.json

zoo: setup  ## all files of the zoo, for downloads from the site (minutes; goes on where it ended)
	$(BIN)/polyapprox zoo build --output docs/_built/zoo --runner joblib

docs: setup  ## the site, in docs/_build/html
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable ".[docs]"
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/made/offline.py docs/_build/html

site: docs  ## the site of this version beside those of others, in docs/_site
	$(BIN)/python docs/made/versions.py docs/_build/html docs/_site "$$($(BIN)/python -c 'from importlib.metadata import version; print(version("polyapprox"))')"

clean:  ## remove environments, cache and what was built
	rm -rf .venv .venv-he310 .cache out docs/_build docs/_built
