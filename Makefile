# `make test` is the gate. Everything runs in .venv, made from requirements-dev.lock.

BIN := .venv/bin
TYPED := skill/swarm.py skill/launcher skill/kimi_swarm tests bench publishing

# Compiled files go beside the tools, never under skill/.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/pycache

.DEFAULT_GOAL := help
.PHONY: help venv test lint e2e format bench publish-check publish manifest bundle lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

venv: ## make .venv if the lock has changed
	@.ci/venv

test: lint ## lint, then every test that needs no network
	$(BIN)/python -m pytest -n 3  # tests wait more than they work

lint: venv ## format, lint, strict types, import contracts, dead code, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	PYTHONPATH=skill $(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/codespell

e2e: venv ## the real programs; installs what it needs into the cache
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "e2e and not alone" tests/e2e
	$(BIN)/python -m pytest -n 0 -m "e2e and alone" tests/e2e

format: venv ## put the sources in shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: venv ## measure side by side; results in bench/results
	$(BIN)/python -m bench

publish-check: venv ## is it fit to be published? With the marketplace's own program
	$(BIN)/python -m publishing check
	$(BIN)/python -m pytest -n 0 -m e2e tests/e2e/test_publish.py

publish: venv ## lay what the commit publishes in dist/, and show the command
	@$(BIN)/python -m publishing release

manifest: venv ## write the actions and the schemas of their answers anew
	PYTHONPATH=skill $(BIN)/python -m publishing.manifest

bundle: venv ## make the form that hosts take as a plugin, in dist/
	@$(BIN)/python -m publishing bundle

lock: ## solve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --quiet --upgrade -o requirements.lock
	uv pip compile pyproject.toml --extra mcp --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate --quiet --upgrade \
	    -c requirements.lock -o requirements-mcp.lock \
	    $$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' requirements.lock)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	    --generate-hashes --no-header --no-annotate --quiet --upgrade \
	    -c requirements.lock -c requirements-mcp.lock -o requirements-dev.lock

clean: ## remove .venv and every tool's cache
	@"$$(.ci/python)" -I -c "import shutil, sys; \
	    [shutil.rmtree(p, ignore_errors=True) for p in sys.argv[1:]]" \
	    .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	    build dist
