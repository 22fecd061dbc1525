# make paper   set up, build the paper (results/paper/main.pdf), and verify it
# make smoke   the same paper from a tiny study (results-smoke/paper/main.pdf)
# make audit   verify the built paper down to the data, and run one job of each rule once more
# make crate   pack results, workflow and their description as an RO-Crate (results-crate.zip)
# make test    set up, lint, and run all tests
# make bench   measure all that the README says of speed (hours); JSON goes to benchmarks/
# make slurm   install what the tests of builds on a cluster need besides (Debian, as root)

PYTHON ?= python3
# nproc would count OMP_NUM_THREADS, which has nothing to do with how many jobs fit.
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: paper smoke audit crate test bench slurm lint format setup lock schema clean

paper: setup
	$(BIN)/snakemake --cores $(CORES)
	$(BIN)/audit verify --paranoid

smoke: setup
	$(BIN)/snakemake --cores $(CORES) --profile profiles/smoke

audit: setup
	$(BIN)/audit verify --paranoid
	$(BIN)/audit replay --cores $(CORES)

crate: setup
	$(BIN)/audit crate

test: lint
	$(BIN)/pytest --numprocesses 2

# The prepared data of the full study, and the smoke study, are what some of them measure on.
BENCHMARKS := orchestration efficiency training laws surfaces provenance
bench: setup smoke
	$(BIN)/snakemake --cores $(CORES) --profile profiles/full -- \
	    $(foreach domain,images characters speech digits translation,results-full/data/$(domain).npz)
	mkdir -p benchmarks
	$(foreach name,$(BENCHMARKS),PYTHONPATH=scripts OMP_NUM_THREADS=1 \
	    $(BIN)/python tests/benchmarks/bench_$(name).py --json > benchmarks/$(name).json &&) true

slurm:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends slurm-wlm munge

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

setup: $(INSTALLED)

# Once per lock file; afterwards nothing is asked of the network. The project itself is installed in place.
$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Pins every dependency of pyproject.toml. A build of torch made for one kind of machine is written as its version.
lock: setup
	$(BIN)/pip-compile --quiet --extra dev --strip-extras --allow-unsafe --no-emit-index-url --no-emit-find-links \
	    --output-file requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+.*/\1/' requirements.lock

schema: setup
	PYTHONPATH=scripts $(BIN)/python -m scaling.study > config.schema.json

# Removes what set-up made; results are left alone.
clean:
	rm -rf $(VENV) scripts/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
