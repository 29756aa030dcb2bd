# make demo · make test · make lint · make bench · make screens · make export
#
# Each target makes the virtual environment .venv itself, with the newest Python it finds.
#   PYTHON=python3.12   use this Python
#   VENV=folder         use another virtual environment
#   ARGS="..."          arguments for the program or the test runner
#   PHOEBUS=folder      an installed Phoebus, for make screenshots

VENV := .venv
PYTHON :=
ARGS :=

RUN := $(VENV)/bin/python
space := $() $()
MADE := $(VENV)/made$(subst /,_,$(subst $(space),_,$(PYTHON)))

.PHONY: help demo test test-slow lint format bench screens export screenshots java-check clean

help:
	@sed -n '1,8s/^# \{0,1\}//p' Makefile

demo: $(MADE)-run
	@$(VENV)/bin/labioc demo $(ARGS)

test: $(MADE)-test
	@$(RUN) -m pytest -n logical -m "not slow" $(ARGS)

test-slow: $(MADE)-lint
	@$(RUN) -m pytest -m slow $(ARGS)

lint: $(MADE)-lint
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(RUN) -m pyright --pythonpath $(RUN)
	@PYTHONPATH=. $(VENV)/bin/lint-imports

format: $(MADE)-lint
	@$(RUN) -m ruff check --fix
	@$(RUN) -m ruff format

bench: $(MADE)-bench
	@$(RUN) -m benchmarks $(ARGS)

screens: $(MADE)-run
	@$(VENV)/bin/labioc export screens --output opi $(ARGS)

export: $(MADE)-run
	@$(VENV)/bin/labioc export $(ARGS)

screenshots: $(MADE)-run
	@$(RUN) -m scripts.screenshots --phoebus "$(PHOEBUS)" $(ARGS)

java-check: $(MADE)-test
	@$(RUN) -m pytest tests/test_java_client.py $(ARGS)

clean:
	@rm -rf $(VENV) build dist labioc.egg-info .coverage* htmlcov
	@rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find drivers iocs tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# What is installed: the project alone to run it, with the extras of setup.cfg to work on it.
$(MADE)-run: EXTRAS :=
$(MADE)-test: EXTRAS := test
$(MADE)-lint: EXTRAS := test,lint,bench
$(MADE)-bench: EXTRAS := bench

$(MADE)-run $(MADE)-test $(MADE)-lint $(MADE)-bench: setup.cfg pyproject.toml scripts/venv.sh
	@sh scripts/venv.sh "$(VENV)" "$(PYTHON)" "$(EXTRAS)"
	@touch "$@"
