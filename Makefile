# make train   set up, and train the default system on scikit-learn's digits: one to three minutes on two CPU cores
# make test    set up, and run the tests: about twenty minutes on two CPU cores, a part of it compiling, which is kept
# make test-slow  the slow ones too, as .ci/run: parity with PyTorch, hostile input, storage elsewhere, killed processes, wheels
# make test-all   and the long ones, before a release: every default trains, every term in every system, the largest networks
# make optional  the optional packages; make test-optional  the tests that are skipped without them
# make check   lint and types
# make docs    the guides and the pages of all functions as a site, build/site/index.html
# make env     set up alone:  make env PYTHON=python3.12 EXTRAS=test,cuda
PYTHON ?= python3
EXTRAS ?= test
CONSTRAINTS ?= constraints.txt
VENV ?= .venv
BIN := $(VENV)/bin
CONFIG ?= configs/dcgan.py
OPTIONAL ?= hdf5,onnx,video

.PHONY: env train test test-slow test-all optional test-optional check docs clean
env: $(VENV)/ready

$(VENV)/ready: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "jaxgan needs Python 3.11 or newer: try make PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "this Python cannot make environments: install its venv package (Debian: apt install python3-venv)" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'
	@touch $@

train: env
	$(BIN)/python train.py --config=$(CONFIG)

test: env
	$(BIN)/python -m pytest --numprocesses=logical -m 'not slow and not long'

test-slow: env
	$(BIN)/python -m pytest --numprocesses=logical -m 'not long'

test-all: env
	$(BIN)/python -m pytest --numprocesses=logical

# jax2onnx asks for an older orbax-checkpoint, which it does not use.
optional: env
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[$(OPTIONAL)]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) --no-deps jax2onnx

test-optional: env
	$(BIN)/python -m pytest --numprocesses=logical tests/exporting tests/data/test_items.py tests/commands/test_video.py

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: env
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -d build/doctrees docs build/site

clean:
	rm -rf $(VENV) build dist docs/api *.egg-info
