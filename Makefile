# Every target does its own setup once; calling it again sets nothing up.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEV := .venv/dev
BROWSER := .venv/browser
MUTANTS := .venv/mutants
DOCS := .venv/docs
# Bytecode is compiled only for imported modules. uv ignores pip's settings, such as a private index, so pip is used if there are any.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
UV := $(shell command -v uv 2>/dev/null)
install = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python $(1) || )$(PIP) $(1)
# A run starts dozens of Python processes: kindgate is compiled once for all of them, even if the environment disables bytecode.
export PYTHONDONTWRITEBYTECODE :=

# kubernetes-validate has each schema twice, and kindgate reads only the strict one: 54 MB less, in half as many files.
UNUSED := .venv/lib/python*/site-packages/kubernetes_validate/kubernetes-json-schema/v*-local

# Tests of what tests and measures kindgate, and of the workflows: a change to kindgate itself rarely affects them.
SLOW := $(addprefix tests/unit/,apps bench faults forked matrix mutants player tools test_workflow_conditions.py test_workflows.py)

.DEFAULT_GOAL := help
.PHONY: help e2e podman test slow browser lint workflows adopt faults matrix mutants cycles github-smoke bench false-alarms startup docs links clean

help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("kindgate needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=") if sys.version_info < (3, 11) else None'
	@echo "installing the Python packages that judging needs into .venv: about 130 MB to download, usually under a minute"
	@$(PYTHON) -m venv .venv
	@$(call install,--require-hashes -r requirements.lock)
	@rm -rf $(UNUSED)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $(READY)

# Tools that check the code; a run needs none of them.
$(DEV): $(READY) requirements-dev.lock
	@echo "installing the Python packages of tests and linters into .venv: about 50 MB to download"
	@$(call install,--require-hashes -r requirements-dev.lock)
	@touch $(DEV)

e2e: $(READY) ## judge the application on a real KinD cluster (starts a container engine if none is running)
	$(BIN)/kindgate engine install
	$(BIN)/python -m pytest -m e2e $(ARGS)

podman: $(READY) ## the same with rootful Podman, even while Docker is running
	KINDGATE_ENGINE=podman $(BIN)/python -m pytest -m e2e $(ARGS)

test: $(DEV) ## unit tests; no container engine needed
	$(BIN)/python -m pytest tests/unit $(SLOW:%=--ignore=%) -n 3 --dist worksteal $(ARGS)

slow: $(DEV) ## unit tests of the bundled shop, the test tools, benchmarks and workflows
	$(BIN)/python -m pytest $(SLOW) -n 3 --dist worksteal $(ARGS)

$(BROWSER): $(DEV) tests/browser/requirements.lock tests/browser/package-lock.json
	$(BIN)/python -m tests.tools.install_browser
	$(call install,--require-hashes -r tests/browser/requirements.lock)
	npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent
	@touch $(BROWSER)

browser: $(BROWSER) ## the report's page in a real Chromium, with axe and an HTML checker
	$(BIN)/python -m pytest tests/browser -m browser $(ARGS)

lint: $(DEV) ## ruff, mypy, import contracts, manifests and workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet --persona pedantic .github
	$(BIN)/python tests/tools/lint_workflows.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

workflows: $(DEV) ## run every workflow command in a clean clone
	$(BIN)/kindgate engine install
	$(BIN)/python -m pytest tests/workflows -p no:xdist -rP $(ARGS)

adopt: $(DEV) ## install a wheel in another repository and judge its application on a real cluster
	$(BIN)/kindgate engine install
	$(BIN)/python -m pytest tests/adopt -p no:xdist -rP $(ARGS)

faults: $(READY) ## inject every fault on real clusters; ONLY="NAME ..." selects some, ARGS=--list lists them
	$(BIN)/kindgate engine install
	$(BIN)/python -m tests.faults $(foreach name,$(ONLY),--only $(name)) $(ARGS)

matrix: $(DEV) ## test supported Pythons, engines, hosts and registries; ONLY="PATTERN" selects cells, ARGS=--list lists them; writes docs/support.md
	$(BIN)/kindgate engine install
	$(BIN)/python -m tests.matrix $(if $(ONLY),--only "$(ONLY)") $(ARGS)

$(MUTANTS): $(DEV) tests/mutants/requirements.lock
	$(call install,--require-hashes -r tests/mutants/requirements.lock)
	@touch $(MUTANTS)

mutants: $(MUTANTS) ## mutation testing for MINUTES=60; resumes where it stopped; ARGS=--score shows the score
	$(BIN)/python -m tests.mutants --minutes $(or $(MINUTES),60) $(ARGS)

cycles: $(READY) ## create, test and delete a small cluster CYCLES=50 times and check for leaks; resumes where it stopped
	$(BIN)/kindgate engine install
	$(BIN)/python -m tests.faults.cycles --count $(or $(CYCLES),50) $(ARGS)

github-smoke: $(READY) ## check docs/unproven.md on a scratch repository: REPO=owner/name [FORK=owner/name] [ARGS=--yes]; needs GITHUB_TOKEN
	@$(BIN)/python -m tests.tools.github_smoke "$(REPO)" $(if $(FORK),--fork "$(FORK)") $(ARGS)

bench: $(DEV) ## measure the load engine and the verdicts; writes bench/results.json
	$(BIN)/python -m bench

false-alarms: $(READY) ## compare the application with itself on a real cluster; fails if the verdict is FAIL more often than chance allows
	$(BIN)/kindgate engine install
	$(BIN)/python -m bench.false_alarms $(ARGS)

startup: $(READY) ## measure the time to the first test, relative to a bare kind create cluster
	$(BIN)/kindgate engine install
	$(BIN)/python -m bench.startup

$(DOCS): $(READY) docs/requirements.lock
	@echo "installing the Python packages of the documentation site into .venv: about 20 MB to download"
	@$(call install,--require-hashes -r docs/requirements.lock)
	@touch $(DOCS)

docs: $(DOCS) ## write the pages that are generated from the code, and build the site into docs/_build/html; a warning or a dead internal link is an error
	$(BIN)/python -m kindgate.cli.options_page > docs/options.md
	$(BIN)/python -m kindgate.cli.commands_page > docs/commands.md
	$(BIN)/python -m kindgate.plugin.fixtures_page > docs/fixtures.md
	$(BIN)/python -m tests.tools.api_page > docs/api.md
	$(BIN)/python -m kindgate.report.schema > docs/report.schema.json
	$(BIN)/python -m kindgate.load.burst_document > docs/load-result.schema.json
	$(BIN)/python -m kindgate.workload.schema > docs/workload.schema.json
	$(BIN)/python -m kindgate.slo.schema > docs/slo.schema.json
	$(BIN)/python -m sphinx -b html --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/html

links: docs ## check the documentation's links to other sites
	$(BIN)/python -m sphinx -b linkcheck --quiet --fresh-env --fail-on-warning --keep-going docs docs/_build/links

clean: ## delete this folder's clusters, stop the engine that kindgate started, remove everything installed here
	@if [ -x $(BIN)/kindgate ]; then $(BIN)/kindgate down; $(BIN)/kindgate engine stop; fi
	find bench kindgate tests -name __pycache__ -prune -exec rm -rf {} +
	rm -rf __pycache__ .venv docs/_build tests/browser/node_modules artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
