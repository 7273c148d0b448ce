# The virtual environment's Python; README's commands make it.
PYTHON ?= .venv/bin/python

.PHONY: check format lint types tests
check: lint types tests

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

tests:
	$(PYTHON) -m pytest
