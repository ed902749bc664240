# Two commands do all of their own set-up on a machine with Python 3.11: `make demo`, `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check

demo: $(VENV)/demo
	$(BIN)/python -m jobs.demo --output out/demo

test: $(VENV)/test check
# Two processes: the tests wait for clusters and servers half of their time. Whole files stay together.
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/demo $(VENV)/test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
# uv takes a sixth of pip's time; pip stays for a mirror that only its own settings name.
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -e '.[$(notdir $@)]' \
	|| $(BIN)/pip install --quiet --disable-pip-version-check -e '.[$(notdir $@)]'
	touch $@
