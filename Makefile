# `make help` lists what there is. Everything that is made lands in .venv, .tools and dist, which git ignores.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Options for pytest, for example: make unit PYTEST="-k plan -x"
PYTEST ?=
# Halves of the list to start with, so that what a file makes once is made once; then whoever is idle takes over.
RUN_PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST)
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
PINS := pyproject.toml requirements.lock
# Some images set it. Here hundreds of processes start, each of which would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Press Play needs Python 3.11 or later, PYTHON=$(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# What the sandbox needs, and no more: the first `make demo` must not wait for compilers and linters.
$(RUNTIME): $(PINS) | $(VENV)/bin/python
	$(PIP) install -c requirements.lock -e '.[sandbox]'
	@touch $@

$(DEV): $(PINS) | $(RUNTIME)
	$(PIP) install -c requirements.lock -e '.[dev]'
	@touch $@

.PHONY: venv
venv: $(DEV) ## Make .venv with everything that development needs

.PHONY: demo
demo: $(RUNTIME) ## Play the demo project in the sandbox, from backlog to merged pull requests
	$(BIN)/pressplay play --fresh

.PHONY: test
test: lint verify unit conformance chart-test scenarios ## Everything that CI runs

.PHONY: test-fast
test-fast: $(DEV) ## For a change, in about a minute: ruff, types, the unit tests that it touches, one play
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(RUN_PYTEST) $$($(BIN)/python tests/support/touched.py) tests/scenarios/test_play.py::test_tasks_narrows_the_play

.PHONY: lint
lint: $(DEV) ## Linters, types, layers, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/yamllint --strict .
	git ls-files '*.sh' .ci/run tools/get | xargs $(BIN)/shellcheck

.PHONY: unit
unit: $(DEV) ## Unit tests
	@# A file stays in one process: what is slow is what a file makes once, and imports of githubkit's models.
	$(RUN_PYTEST) --dist loadfile tests/unit

.PHONY: conformance
conformance: $(DEV) ## The sandbox's engine against what a real Argo did
	$(RUN_PYTEST) tests/conformance

.PHONY: chart-test
chart-test: $(DEV) tools ## The chart: helm-unittest, and every rendering against every schema
	$$(tools/get helm-unittest) --strict --file '../tests/chart/unittest/*_test.yaml' ./chart
	$(RUN_PYTEST) tests/chart

.PHONY: scenarios
scenarios: $(DEV) ## Whole plays, kills and hostile input
	$(RUN_PYTEST) tests/scenarios

.PHONY: tools
tools: ## Get helm, helm-unittest, kubeconform and a registry: from PATH, else built into .tools
	@for tool in helm helm-unittest kubeconform registry; do PYTHON=$(PYTHON) tools/get $$tool >/dev/null; done

.PHONY: generate
generate: $(DEV) tools ## Write the files that are generated and committed
	$(BIN)/pressplay generate

.PHONY: verify
verify: $(DEV) tools ## Fail where a generated file is not what `make generate` would write
	$(BIN)/pressplay generate --verify

.PHONY: package
package: $(DEV) tools ## Validate, generate, lint and package the chart into dist
	$(BIN)/pressplay package

.PHONY: lock
lock: ## Pin every dependency anew (requirements.lock), from pyproject.toml
	rm -rf .cache/lock
	$(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip --disable-pip-version-check --quiet install -e '.[dev]'
	{ echo '# Every dependency, direct or not, at the version that is tested. Made by `make lock`; pip reads it as constraints.'; \
	  .cache/lock/bin/python -m pip --disable-pip-version-check freeze --exclude-editable; } > requirements.lock
	rm -rf .cache/lock

.PHONY: e2e
e2e: $(DEV) tools ## On a real cluster (KUBECONFIG), with a real Argo; not part of test
	$(BIN)/python -m pytest --timeout 0 $(PYTEST) tests/e2e

.PHONY: mutants
mutants: $(DEV) ## Change the modules that guard something, one place at a time: which changes does no test notice?
	@# mutmut finds a package in src alone.
	rm -rf .cache/mutants && mkdir -p .cache/mutants
	cp -R scripts .cache/mutants/src
	cp -R tests schemas chart docs pyproject.toml .cache/mutants
	cd .cache/mutants && $(CURDIR)/$(BIN)/mutmut run $(MUTANTS)
	cd .cache/mutants && $(CURDIR)/$(BIN)/mutmut results

.PHONY: coverage
coverage: $(DEV) ## Lines and branches of the package that the unit tests reach
	$(BIN)/coverage run -m pytest -p no:xdist $(PYTEST) tests/unit
	$(BIN)/coverage report --skip-covered --sort cover

.PHONY: kill
kill: $(DEV) ## The long kill tests: every flow, killed at every commit point in turn
	PRESSPLAY_KILL=full $(RUN_PYTEST) --timeout 0 $$(grep -l -r killing tests/scenarios) tests/bench/test_kill_demo.py

.PHONY: faults
faults: $(DEV) ## Every fault of GitHub's at every call of two flows, and every schedule of events
	PRESSPLAY_FAULTS=full $(RUN_PYTEST) --timeout 0 tests/scenarios/test_github_faults.py tests/scenarios/test_event_storms.py \
	  tests/scenarios/test_moving_schedules.py

.PHONY: projects
projects: $(DEV) tools ## Five projects with their real toolchains, each from its backlog to a merged pull request
	PRESSPLAY_PROJECTS=all $(BIN)/python -m pytest --timeout 0 -v $(PYTEST) tests/projects

# Coding agents' command lines, at the versions of tests/agents/package.json.
.cache/agents/.installed: tests/agents/package.json
	mkdir -p .cache/agents && cp tests/agents/package.json .cache/agents
	cd .cache/agents && npm install --no-audit --no-fund --no-package-lock --no-update-notifier
	@touch $@

.PHONY: agents
agents: $(DEV) .cache/agents/.installed ## Claude Code, Codex, opencode and Gemini CLI from npm, driven by a scripted model
	$(BIN)/python -m pytest --timeout 1200 -v $(PYTEST) tests/agents

.PHONY: test-long
test-long: $(DEV) ## The gates over the whole corpus (tests/corpus), with real toolchains: an hour or two
	$(BIN)/pressplay eval tests/corpus --jobs $$(nproc) $(EVAL)

.PHONY: bench
bench: $(DEV) ## Figures, as a table and as dist/bench.json: plans, makespans, large plays, a storm, calls
	$(BIN)/python -m pytest --timeout 0 -p no:xdist --deselect tests/bench/test_kill_demo.py $(PYTEST) tests/bench

.PHONY: clean
clean: ## Remove what was made, except .tools
	rm -rf $(VENV) dist build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
