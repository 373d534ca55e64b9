# All files stay inside the checkout: environments in .envs/, the demo's files in .run/.
PYTHON ?= python3
UV := .envs/uv/bin/uv
PIP_OPTIONS := --quiet --disable-pip-version-check
AIRFLOW_3 := .envs/airflow-3.3
AIRFLOW_2 := .envs/airflow-2.11
DBT := .envs/dbt
MUTANTS := .envs/mutants
CELERY := .envs/celery
COSMOS := .envs/cosmos
UI := .envs/ui
NOX := .envs/nox
DOCS := .envs/docs
RELEASE := .envs/release
PEERS := $(patsubst constraints/%.txt,.envs/%,$(wildcard constraints/peers/*.txt))

.DEFAULT_GOAL := help
.PHONY: help demo demo-ui emulator test test-2 matrix chaos chaos-2 simulate peers load load-celery cosmos ui upgrade mutants bench-polling bench-growth bench-starts bench-parse bench-exposures bench-triggerer docs release-check error-reference public-api lint format constraints clean

help:  ## List the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

demo: $(AIRFLOW_3)/.ready $(DBT)/.ready  ## Run dbt, then Hex projects, in a real Airflow, and print the results
	@$(AIRFLOW_3)/bin/python -m demo

demo-ui: $(AIRFLOW_3)/.ready $(DBT)/.ready  ## Run the demo, and leave Airflow's UI running until Ctrl-C
	@$(AIRFLOW_3)/bin/python -m demo --ui

emulator: $(AIRFLOW_3)/.ready  ## Serve the stand-in for Hex's API until Ctrl-C: ARGS="--port 9000", "--help"
	@$(AIRFLOW_3)/bin/python -m hex_emulator $(ARGS)

test: $(AIRFLOW_3)/.ready $(DBT)/.ready  ## Run the tests on Airflow 3.3
	$(AIRFLOW_3)/bin/python -m pytest $(ARGS)

test-2: $(AIRFLOW_2)/.ready $(DBT)/.ready  ## Run the tests that need no Airflow services, on Airflow 2.11
	$(AIRFLOW_2)/bin/python -m pytest -m "not system" $(ARGS)

matrix: $(NOX)/.ready  ## Run the tests on each supported Airflow and Python: ARGS="-l" lists them, "-t 3.1.8" runs some
	PATH="$(CURDIR)/$(dir $(UV)):$$PATH" $(NOX)/bin/nox --envdir .envs/matrix $(ARGS)

chaos: $(AIRFLOW_3)/.ready  ## Kill tasks and services in a real Airflow 3.3, and check their Hex runs
	$(AIRFLOW_3)/bin/python -m pytest tests/chaos $(ARGS)

chaos-2: $(AIRFLOW_2)/.ready  ## Kill tasks and services in a real Airflow 2.11, and check their Hex runs
	$(AIRFLOW_2)/bin/python -m pytest tests/chaos $(ARGS)

simulate: $(AIRFLOW_3)/.ready  ## Explore random stories of a simulated task and its run: ARGS="--seconds 600 --seed 1"
	$(AIRFLOW_3)/bin/python -m tests.simulation.explore $(ARGS)

peers: $(AIRFLOW_3)/.ready $(PEERS:%=%/.ready)  ## Test the emulator with other projects' Hex clients
	$(AIRFLOW_3)/bin/python -m pytest tests/peers $(ARGS)

load: $(AIRFLOW_3)/.ready  ## Run many tasks at once in a real Airflow, within Hex's rate limits
	$(AIRFLOW_3)/bin/python -m pytest tests/load -s $(ARGS)

load-celery: $(CELERY)/.ready  ## The same with Celery: two workers, schedulers and triggerers, some of them killed
	$(CELERY)/bin/python -m pytest tests/load_celery -s $(ARGS)

cosmos: $(COSMOS)/.ready $(DBT)/.ready  ## Run Hex projects after the models that Cosmos and dbt Cloud build
	$(COSMOS)/bin/python -m pytest tests/cosmos $(ARGS)

ui: $(UI)/.ready $(AIRFLOW_2)/.ready $(DBT)/.ready  ## Test the pages of a real Airflow in Chromium, and make the pictures in docs/images
	$(UI)/bin/python -m pytest tests/ui $(ARGS)

upgrade: $(AIRFLOW_3)/.ready  ## Upgrade a real Airflow 2.11 with 0.1.9 to this package, and then to Airflow 3.3
	$(AIRFLOW_3)/bin/python -m pytest tests/upgrade $(ARGS)

mutants: $(MUTANTS)/.ready  ## Change the code of api/ in small ways, and show the changes that tests/api does not detect
	rm -rf mutants
	$(MUTANTS)/bin/mutmut run $(ARGS)
	@$(MUTANTS)/bin/mutmut results | cut -d : -f 1 | xargs -n 1 $(MUTANTS)/bin/mutmut show

bench-polling: $(AIRFLOW_3)/.ready  ## Simulate how late the end of a run is detected, and with how many requests
	@$(AIRFLOW_3)/bin/python -m benchmarks.polling

bench-growth: $(AIRFLOW_3)/.ready  ## Simulate far more waits than one token's limit is for, up to 10,000: half an hour
	@$(AIRFLOW_3)/bin/python -m benchmarks.polling.growth

bench-starts: $(AIRFLOW_3)/.ready  ## Simulate how soon many tasks start their runs under limits that only refusals show
	@$(AIRFLOW_3)/bin/python -m benchmarks.starts

bench-parse: .envs/bench-3.3/.ready .envs/bench-2.11/.ready .envs/peers/airflow-provider-hex/.ready  ## Measure what an import adds to a DAG file's parse time, next to other providers
	@.envs/bench-3.3/bin/python -m benchmarks.parse $(ARGS)

bench-exposures: $(COSMOS)/.ready $(DBT)/.ready  ## Measure what dbt exposures add to a DAG file's parse time, next to Cosmos
	@$(COSMOS)/bin/python -m benchmarks.exposures $(ARGS)

bench-triggerer: .envs/bench-3.3/.ready  ## Measure what a thousand waiting triggers cost, next to the dbt Cloud provider's
	@.envs/bench-3.3/bin/python -m benchmarks.triggerer $(ARGS)

docs: $(DOCS)/.ready  ## Build the documentation: .run/docs/index.html
	@AIRFLOW_HOME=$(CURDIR)/.run/docs-airflow AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING \
		$(DOCS)/bin/sphinx-build --fail-on-warning --quiet -d .run/docs-doctrees docs .run/docs
	@echo "Built .run/docs/index.html"

release-check: $(RELEASE)/.ready  ## Walk through the release checklist: version, changelog, reproducible build, what users install
	@PYTHON=$(PYTHON) TWINE=$(RELEASE)/bin/twine .ci/release-check

error-reference: $(AIRFLOW_3)/.ready  ## Write docs/errors.md, all messages of errors, from the code
	@$(AIRFLOW_3)/bin/python -m docs.error_reference

public-api: $(AIRFLOW_3)/.ready  ## Write docs/public_api.txt, the list of what is public, from the code
	@$(AIRFLOW_3)/bin/python -m docs.public_api

lint: $(AIRFLOW_3)/.ready  ## Check lint, format and types
	$(AIRFLOW_3)/bin/ruff check .
	$(AIRFLOW_3)/bin/ruff format --check .
	$(AIRFLOW_3)/bin/mypy

format: $(AIRFLOW_3)/.ready  ## Format, and fix what lint can fix
	$(AIRFLOW_3)/bin/ruff check --fix .
	$(AIRFLOW_3)/bin/ruff format .

constraints: $(UV)  ## Pin the newest versions that fit each supported Airflow
	constraints/compile $(UV)
	constraints/compile-matrix $(UV)

clean:  ## Remove everything that make has built
	rm -rf .envs .run dist mutants

# Debian's Python has pip only with the package python3-pip, and can make environments only with python3-venv.
$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m pip install $(PIP_OPTIONS) --target .envs/uv --upgrade -c constraints/uv.txt uv; \
	elif $(PYTHON) -m venv --clear .envs/uv >/dev/null 2>&1; then \
		.envs/uv/bin/python -m pip install $(PIP_OPTIONS) -c constraints/uv.txt uv; \
	else \
		echo "pip is needed; on Debian and Ubuntu install it with: apt install python3-pip" >&2; exit 1; \
	fi

.envs/airflow-%/.ready: pyproject.toml constraints/airflow-%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D) -c constraints/airflow-$*.txt -e . --group dev $(if $(filter 3.3,$*),--group lint --group figures)
	@touch $@

.envs/bench-%/.ready: pyproject.toml constraints/bench-%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D) -r constraints/bench-$*.txt -e .
	@touch $@

$(MUTANTS)/.ready $(CELERY)/.ready $(COSMOS)/.ready: .envs/%/.ready: pyproject.toml constraints/airflow-3.3.txt constraints/%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D) -c constraints/airflow-3.3.txt \
		-r constraints/$*.txt -e . --group dev
	@touch $@

$(UI)/.ready: pyproject.toml constraints/airflow-3.3.txt constraints/ui.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D) -c constraints/airflow-3.3.txt \
		-c constraints/ui.txt -e . --group dev --group ui
	@touch $@

$(NOX)/.ready: constraints/nox.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --python $(@D) -r $<
	@touch $@

$(DOCS)/.ready: pyproject.toml constraints/airflow-3.3.txt constraints/docs.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --python $(@D) -c constraints/airflow-3.3.txt -c constraints/docs.txt -e . --group docs
	@touch $@

$(RELEASE)/.ready: constraints/release.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --python $(@D) -c constraints/release.txt twine
	@touch $@

$(DBT)/.ready: constraints/dbt.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --compile-bytecode --python $(@D) -r constraints/dbt.txt
	@touch $@

.envs/peers/%/.ready: constraints/peers/%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	$(UV) pip install --quiet --python $(@D) -r $<
	@touch $@
