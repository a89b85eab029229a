PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: run test check format lock matrix soak wheel clean

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Crosswire needs Python 3.11 or newer; set PYTHON=python3.12, say.")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/installed  ## start the app on http://localhost:8501
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: $(VENV)/installed-dev  ## run every test that this machine can run
	$(BIN)/pytest -n 4 --dist loadgroup

check: $(VENV)/installed-dev  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## compile requirements.txt for Linux and macOS, Python 3.11 to 3.13 (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate requirements.in requirements-test.in -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate requirements-dev.in -o requirements-dev.txt

matrix: $(VENV)/installed-dev  ## audit what people use, each in an environment of its own, and write docs/audit.md
	$(BIN)/python -m tests.audit.matrix

soak: $(VENV)/installed-dev  ## make every fault while users talk to the real application, and write docs/reliability.md
	$(BIN)/python -m tests.faults --page

wheel: $(VENV)/installed  ## build dist/crosswire-….whl
	$(BIN)/python -m hatchling build -t wheel -d dist

clean:
	rm -rf $(VENV) .crosswire dist
