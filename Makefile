# Everything a newcomer needs; each target sets up what it uses. `make help` lists them.
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check
SAMPLE := 0f6d9c1e-6a0b-4a53-9c57-2f3a4d5e6b70
export DAGSTER_HOME ?= $(CURDIR)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

.venv/runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: put it on the PATH or give PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# Older ones lose the pin of a package that is asked for with an extra.
	$(PIP) 'pip>=25'
	$(PIP) -r requirements.lock
	$(PIP) --no-deps -e .
	@touch $@

.venv/dev: requirements-dev.lock .venv/runtime
	$(PIP) -r requirements-dev.lock
	@# Else many processes of the first tests compile the same modules at once.
	$(BIN)/python -m compileall -qq -j 0 .venv/lib
	@touch $@

.PHONY: install
install: .venv/runtime ## set up the virtual environment

.PHONY: demo
demo: install ## transcribe the sample meeting and show the result
	@$(BIN)/reflector import samples/meeting
	@$(BIN)/reflector run $(SAMPLE)
	@$(BIN)/reflector show $(SAMPLE)
	@echo "\nOpen Dagster's pages with: make dev"

.PHONY: dev
dev: install ## start Dagster's pages and daemon on the same recordings
	@echo "Dagster's pages are at http://127.0.0.1:3000 in some seconds. Its services only print warnings; runs print their events."
	@$(BIN)/dagster dev -w workspace.yaml --log-level warning

.PHONY: serve
serve: install ## receive Daily's webhook and serve the HTTP API, as a trial on this machine
	$(BIN)/reflector serve --trial

.PHONY: test
test: .venv/dev ## run the tests
	$(BIN)/python -m pytest

.PHONY: test-kills
test-kills: .venv/dev ## kill processes at random while recordings are processed; two minutes, in CI beside the tests
	$(BIN)/python -m pytest tests/scenarios/test_kills.py

.PHONY: test-fast
test-fast: .venv/dev ## run the tests that need no server, daemon or browser
	$(BIN)/python -m pytest -m "not slow"

# More files whose tests try examples: here they try four times as many.
EXAMPLES := $(addprefix tests/,test_output.py bench/test_timeline.py consent/test_matching.py consent/test_statements.py \
	costs/test_catalogue.py costs/test_costs.py resources/test_call_cache.py resources/test_gpu.py resources/test_inbox.py \
	resources/test_outgoing.py resources/test_store.py resources/test_tokens.py resources/test_vocabulary.py \
	service/test_compat.py service/test_compat_editing.py service/test_transcripts.py)

.PHONY: test-long
test-long: .venv/dev ## run endurance: a thousand recordings, a hundred random kills, S3, PostgreSQL, Redis and Celery together, benches
	$(BIN)/python -m pytest --hypothesis-profile=long tests/distributed tests/production tests/scenarios/test_kills.py \
		tests/scenarios/test_correction_kills.py \
		tests/bench/test_benches.py tests/bench/test_growth.py tests/discovery/test_arrival.py tests/domain \
		tests/resources/test_daily.py tests/scenarios/test_runnable.py tests/service/test_fuzz.py \
		tests/service/test_openapi.py tests/costs/test_api_document.py $(EXAMPLES)

.PHONY: check
check: .venv/dev ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

.PHONY: bench
bench: .venv/dev ## measure in a few minutes, with ffmpeg beside; page and figures go to .reflector/bench
	$(BIN)/python -m bench

.PHONY: bench-full
bench-full: .venv/dev ## measure everything, an hour or so; page and figures go to docs/ and bench/figures/
	$(BIN)/python -m bench --size full --out bench/figures --docs docs

.PHONY: soak
soak: .venv/dev ## an hour of traffic with failures and kills; every recording must be accounted for
	$(BIN)/python -m bench.soak --minutes 60 --json bench/figures/soak.json

.PHONY: bench-docs
bench-docs: .venv/dev ## write docs/performance.md and its charts from bench/figures/, measuring nothing
	$(BIN)/python -m bench.page

.PHONY: docs
docs: install ## write the generated pages of docs/
	$(BIN)/python -m reflector_assets.settings.main > docs/settings.md
	$(BIN)/python -m reflector_assets.eventlog.docs docs

.PHONY: lock
lock: ## pin all dependencies anew
	uv export --quiet --no-header --no-emit-project --no-annotate --no-dev -o requirements.lock
	uv export --quiet --no-header --no-emit-project --no-annotate --group dev -o requirements-dev.lock
	uv export --quiet --no-header --no-emit-project --no-annotate --no-dev --all-extras -o deploy/requirements.lock
