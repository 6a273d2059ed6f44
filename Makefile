# `make` sets up .venv and runs the default grid. PYTHON=python3.12 and CORES=8 may be given to any target.
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)

VENV := .venv
PIP := $(VENV)/bin/python -m pip
READY := $(VENV)/.ready
# Snakemake's jobs call `python -m actbench`: they must find the Python of .venv first.
ACTIVE := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
SNAKEMAKE := $(ACTIVE) snakemake --cores $(CORES)
# Snakemake locks the folder while it works; only a kill -9 or a power cut leaves the lock. Whether another Snakemake,
# perhaps of another machine, still works here cannot be told from it: that is for a person to say.
STOPPED := trap 'echo "Stopped; finished networks are kept, and the same command goes on." >&2; exit 130' INT
LOCKED := { code=$$?; ls .snakemake/locks/*.lock >/dev/null 2>&1 && \
  echo "This folder is locked. If no other make or snakemake is at work in it: make unlock" >&2; exit $$code; }

.DEFAULT_GOAL := grid
.PHONY: grid smoke unlock figures reference test lint bench lock faults

grid: $(READY)  ## train config/config.yaml and leave tables, statistics, figures and the report
	@$(STOPPED); $(SNAKEMAKE) || $(LOCKED)

smoke: $(READY)  ## the whole workflow on a tiny grid, about 2 minutes
	@$(STOPPED); $(SNAKEMAKE) --configfile config/smoke.yaml || $(LOCKED)

unlock: $(READY)  ## free this folder after a kill -9 or a power cut; finished networks are kept
	$(SNAKEMAKE) --unlock

figures: $(READY)  ## redraw every figure from the reference result, without training
	$(ACTIVE) python -m actbench figure config/config.yaml --results results/reference --figures figures/reference

reference: $(READY)  ## keep the results of the default grid as the reference, less what no figure reads: the largest parts
	rm -rf results/reference && mkdir -p results/reference/default/tables
	cp -p results/default/tables/*.parquet results/default/tables/.*.sha256 results/reference/default/tables
	rm -f results/reference/default/tables/layers.parquet results/reference/default/tables/.layers.parquet.sha256
	cp -pr results/default/stats results/default/claims.csv results/default/.claims.csv.sha256 results/reference/default
	rm -f results/reference/default/stats/explorer* results/reference/default/stats/.explorer*

test: $(READY)  # one process more than cores: some tests wait for a cluster or a browser
	$(ACTIVE) pytest --numprocesses $$(($(CORES) + 1)) --dist loadfile --no-loadscope-reorder --durations 25

lint: $(READY)
	$(ACTIVE) ruff check
	$(ACTIVE) ruff format --check
	$(ACTIVE) mypy
	$(ACTIVE) snakefmt --check workflow
	$(ACTIVE) snakemake --lint

bench: $(READY)  ## compare the speed with what people use instead, on one idle core, in three quarters of an hour
	$(PIP) install --quiet --constraint requirements.lock --editable '.[bench]'
	$(ACTIVE) python benchmarks/speed.py

faults: $(READY)  ## kill, damage and starve everything, in more than an hour; the figures are in tests/faults/results.md
	mkdir -p build/faults
	$(ACTIVE) python tests/faults/kills.py --rounds 200 --seed 1 > build/faults/kills.jsonl
	$(ACTIVE) python tests/faults/workflow_kills.py --rounds 5 --seed 1 > build/faults/workflow_kills.jsonl
	$(ACTIVE) python tests/faults/sharing.py --users 4 --times 5 > build/faults/sharing.jsonl
	$(ACTIVE) PYTHONPATH=tests python tests/faults/damage.py --times 20 --seed 1 > build/faults/damage.jsonl
	$(ACTIVE) pytest tests/faults > build/faults/pytest.txt
	$(ACTIVE) python tests/faults/summary.py build/faults > tests/faults/results.md

# A sound .venv is brought up to date, any other is made afresh. The mark is touched last, so that an
# interrupted installation is taken up again.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, found: $$($(PYTHON) --version 2>&1). Name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(VENV)/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --quiet --requirement requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Write requirements.lock and environment.yml anew: the newest versions that pyproject.toml allows. What only a GPU
# build of torch brings is left out: torch itself pins it.
lock:
	$(PYTHON) -m venv --clear build/lock
	build/lock/bin/python -m pip install --quiet --editable '.[dev]'
	{ sed -n '/^#/p' requirements.lock; build/lock/bin/python -m pip freeze --all --exclude actbench --exclude pip \
	  | sed -e 's/^\(torch==[0-9.]*\)+.*/\1/' -e '/^nvidia-/d' -e '/^triton==/d' -e '/^cuda-/d' \
	  | LC_ALL=C sort -f; } > build/requirements.lock
	mv build/requirements.lock requirements.lock
	{ sed '/^      - /d' environment.yml; sed -n 's/^[^#]/      - &/p' requirements.lock; } > build/environment.yml
	mv build/environment.yml environment.yml
