# `make demo` shows everything at work, `make test` tests it; both begin by installing into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SINGER_TOOLS := .venv-singer-tools
AUDIT := .venv-audit
DBT := .venv-dbt
MELTANO := .venv-meltano
DEPLOY := .venv-deploy
AIRFLOW := .venv-airflow
INSTALLED := $(VENV)/.installed

# What pip and setuptools have to say of themselves helps nobody here; errors are still shown.
PIP_QUIETLY := PYTHONWARNINGS=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

# A second make waits for the first, and then has nothing left to do.
ONE_AT_A_TIME = exec 9<setup.py && flock 9 \
	&& if [ $@ -nt setup.py ] && [ $@ -nt pyproject.toml ]; then exit 0; fi

.DEFAULT_GOAL := help
.PHONY: help install demo test test-servers test-seekdb test-galera test-group-replication test-page test-meltano test-deploy test-airflow test-bare test-dbt lint check-tap test-pythons test-wheel bench bench-quick soak interop interop-taps interop-write-back audit clean

help: ## say what there is to make
	@awk -F ': .*## ' '/^[a-z-]+: .*## / {printf "make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## install everything into .venv

demo: $(INSTALLED) $(SINGER_TOOLS)/.installed ## run the whole: portal, tap, target, reports, and again
	@$(BIN)/python -m demo

test: $(INSTALLED) ## run all tests, on a private MariaDB and a portal on loopback
	@$(BIN)/python -m pytest $(PYTEST_ARGUMENTS)

# What needs a server, and so what a server may break.
SERVER_TESTS := tests/target tests/report tests/test_pipeline.py
SERVERS := mariadb mariadb-11.8 mysql-9 mysql-5.6
test-servers: $(INSTALLED) ## run the tests of what needs a server on each server of the family, clusters too
	@failed=0; for server in $(SERVERS); do \
		echo "On $$server:"; \
		TEST_SERVER=$$server $(BIN)/python -m pytest -q $(SERVER_TESTS) $(PYTEST_ARGUMENTS) || failed=1; \
	done; for cluster in test-galera test-group-replication; do \
		$(MAKE) --no-print-directory $$cluster || failed=1; \
	done; exit $$failed

test-seekdb: $(INSTALLED) ## run them on seekdb, the engine of OceanBase
	@TEST_SERVER=seekdb $(BIN)/python -m pytest -q $(SERVER_TESTS) $(PYTEST_ARGUMENTS)

test-galera: $(INSTALLED) ## run the tests of a target whose server is a Galera cluster
	@TEST_SERVER=galera $(BIN)/python -m pytest tests/target/test_galera.py $(PYTEST_ARGUMENTS)

test-group-replication: $(INSTALLED) ## run the tests of a target whose servers are a group of MySQL 9
	@TEST_SERVER=group-replication $(BIN)/python -m pytest \
		tests/target/test_group_replication.py $(PYTEST_ARGUMENTS)

test-page: $(INSTALLED) ## look at the page of the reports in a browser, with axe-core
	@command -v chromium >/dev/null || $(PYTHON) -m private_servers.packages chromium
	@$(PIP_QUIETLY) $(BIN)/python -m pip install --quiet --editable '.[test-page]'
	@$(BIN)/python -m pytest tests/report/test_page_in_browser.py $(PYTEST_ARGUMENTS)

test-meltano: $(INSTALLED) $(MELTANO)/.installed ## run deploy/meltano with Meltano, in a venv of its own
	@MELTANO=$(CURDIR)/$(MELTANO)/bin/meltano $(BIN)/python -m pytest tests/test_meltano.py $(PYTEST_ARGUMENTS)

test-deploy: $(INSTALLED) $(DEPLOY)/.installed ## check the files of deploy/ by the schemas of those that read them
	@DEPLOY_TOOLS=$(CURDIR)/$(DEPLOY)/bin $(BIN)/python -m pytest tests/test_deploy.py $(PYTEST_ARGUMENTS)

test-bare: ## run make demo, twice, in a bare Debian; as root, see BARE_ARGUMENTS='--help'
	@$(PYTHON) -m tests.bare $(BARE_ARGUMENTS)

test-dbt: $(INSTALLED) $(DBT)/.installed ## run the dbt project on what tap and target have loaded
	@$(BIN)/python -m pytest tests/test_dbt.py $(PYTEST_ARGUMENTS)

test-airflow: $(INSTALLED) $(AIRFLOW)/.installed ## run the DAG of deploy/airflow/ in a real Airflow
	@$(BIN)/python -m pytest tests/test_airflow.py $(PYTEST_ARGUMENTS)

lint: $(INSTALLED) ## check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check-tap: $(INSTALLED) $(SINGER_TOOLS)/.installed ## validate the tap's output with singer-check-tap
	@$(BIN)/python -m demo --only-check-tap

test-pythons: $(INSTALLED) ## run the tests on every Python from 3.10 on that is on this machine
	@$(BIN)/python -m demo.pythons

test-wheel: $(INSTALLED) ## install sdist and wheel alone on every Python here, and run all commands
	@$(BIN)/python -m tests.wheel

bench: $(INSTALLED) ## measure target, tap and reports, beside other ways and programs; see benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

bench-quick: $(INSTALLED) ## see in three minutes whether tap, target or page have become slower by a fifth
	@$(BIN)/python -m benchmarks.quick

interop: $(INSTALLED) ## load all streams into other Singer targets
	@$(BIN)/python -m demo.interop

interop-taps: $(INSTALLED) ## load taps of PyPI by target-mysql and compare each value; TAPS='NAME...' chooses some
	@$(BIN)/python -m demo.interop_taps $(TAPS)

interop-write-back: $(INSTALLED) ## log the calls of a MySQL table in HubSpot, by taps of PyPI
	@$(BIN)/python -m demo.interop_write_back

soak: $(INSTALLED) ## run 20,000 schedules of edits, faults and kills
	@SCHEDULES=20000 $(BIN)/python -m pytest -q tests/tap/test_every_source.py

audit: $(INSTALLED) $(AUDIT)/.installed ## ask pip-audit whether advisories name an installed package
	@$(BIN)/python -m demo.audit

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-* .demo build dist dbt/target dbt/logs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	@# Debian splits venv from python3.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -m private_servers.packages python3-venv
	@$(ONE_AT_A_TIME); echo "Installing into $(VENV) ..."; \
		$(PYTHON) -m venv $(VENV) \
		&& $(PIP_QUIETLY) $(BIN)/python -m pip install --quiet --upgrade pip \
		&& $(PIP_QUIETLY) $(BIN)/python -m pip install --quiet --editable '.[dev]' \
		&& touch $@

# singer-check-tap pins versions of its own (attrs 16.3.0): it lives apart.
$(SINGER_TOOLS)/.installed: $(INSTALLED)
	@$(ONE_AT_A_TIME); $(PYTHON) -m venv $(SINGER_TOOLS) \
		&& $(PIP_QUIETLY) $(SINGER_TOOLS)/bin/python -m pip install --quiet 'singer-tools>=0.4.1,<0.5' 'singer-python>=6.8,<7' \
		&& touch $@

# Meltano pins many packages.
$(MELTANO)/.installed: $(INSTALLED)
	@$(ONE_AT_A_TIME); $(PYTHON) -m venv $(MELTANO) \
		&& $(PIP_QUIETLY) $(MELTANO)/bin/python -m pip install --quiet 'meltano>=4.4,<5' \
		&& touch $@

# Kubernetes' schemas take 100 MB.
$(DEPLOY)/.installed: $(INSTALLED)
	@$(ONE_AT_A_TIME); $(PYTHON) -m venv $(DEPLOY) \
		&& $(PIP_QUIETLY) $(DEPLOY)/bin/python -m pip install --quiet 'kubernetes-validate>=1.30' 'check-jsonschema>=0.30,<1' \
		&& touch $@

# What audits the packages is not among them.
$(AUDIT)/.installed: $(INSTALLED)
	@$(ONE_AT_A_TIME); $(PYTHON) -m venv $(AUDIT) \
		&& $(PIP_QUIETLY) $(AUDIT)/bin/python -m pip install --quiet 'pip-audit>=2.7,<3' \
		&& touch $@

# dbt pins many packages, and lags behind the newest Python: any that it supports makes its venv.
$(DBT)/.installed: $(INSTALLED) dbt/requirements.txt
	@exec 9<dbt/requirements.txt && flock 9; python=$$($(BIN)/python -m demo.pythons 3.12 3.11 3.10 3.13) \
		&& $$python -m venv $(DBT) \
		&& $(PIP_QUIETLY) $(DBT)/bin/python -m pip install --quiet --requirement dbt/requirements.txt \
		&& touch $@

# Airflow's packages would change the versions of ours.
$(AIRFLOW)/.installed: $(INSTALLED)
	@$(ONE_AT_A_TIME); $(PYTHON) -m venv $(AIRFLOW) \
		&& $(PIP_QUIETLY) $(AIRFLOW)/bin/python -m pip install --quiet \
			'apache-airflow>=3.1,<4' 'apache-airflow-providers-sqlite>=4,<5' \
		&& touch $@
