# Every check is one command, the same for people, hooks and CI.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONHASHSEED := 0
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.PHONY: help setup demo test lint types imports check bench bench-serving bench-fleet bench-batch bench-monitoring bench-sweep kill swaps kernel simulate docs lock lowest clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: .venv/.ready  ## fill .venv with everything, pinned

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Assay needs Python 3.11 to 3.13; $(PYTHON) is $$($(PYTHON) -V 2>&1). Run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "setting up .venv (once, about two minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[local,alerts,delta,otel,postgres,stream,tracking,dev]'
	@$(BIN)/python -m compileall -q src || true
	@touch $@

demo: setup  ## a simulated year of a bank's campaign through every phase, in about a minute
	@$(BIN)/assay demo

test: setup  ## every test, with doctests and coverage
	$(BIN)/python -m pytest -n 2 --dist worksteal --doctest-modules --cov --cov-report=term:skip-covered

lint: setup  ## style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup  ## types, strict
	$(BIN)/mypy

imports: setup  ## imports point down only
	$(BIN)/lint-imports

check: lint types imports test  ## all checks

bench: setup  ## measure, beside the best peers
	$(BIN)/python -m bench

bench-serving: setup  ## the gateway beside bare servers, FastAPI and MLflow: ratios and targets
	$(BIN)/python -m bench.serving $(ARGS)

bench-fleet: setup  ## two thousand agents that follow one server
	$(BIN)/python -m bench.fleet $(ARGS)

bench-batch: setup  ## score a Parquet file beside a bare loop of ONNX Runtime
	$(BIN)/python -m bench.batch_scoring $(ARGS)

kill: setup  ## kill gateways, servers, controllers and writers at random, and count what is lost
	$(BIN)/python -m bench.kill $(ARGS)

swaps: setup  ## swap versions and roll back under load, and count what failed
	$(BIN)/python -m bench.swaps $(ARGS)

bench-sweep: setup  ## monitor 50 and 500 models at once, and print CPU per model
	$(BIN)/python -m bench.sweep $(ARGS)

bench-monitoring: setup  ## profile a million rows and more, beside plain scans and peers
	$(BIN)/python -m bench.monitoring $(ARGS)

kernel: setup  ## compile the loops that count into cells anew
	$(BIN)/python -m bench.make_kernel

simulate: setup  ## simulate what is watched: wrong decisions, coverage, sample sizes
	$(BIN)/python -m bench.simulate

docs: setup  ## write the reference pages and the worked examples anew
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_worked.py

lock:  ## pin everything anew, from pyproject.toml
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet 'uv>=0.9'
	@.venv-lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
		--no-emit-index-url --no-annotate --no-header --quiet --output-file constraints.txt
	@rm -rf .venv-lock

clean:  ## take away what the checks left behind
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
