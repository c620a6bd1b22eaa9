# make demo and make test each work alone on a fresh clone: they make .venv, install and run.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := PYTHONUNBUFFERED=1 $(BIN)/python -m

.PHONY: help demo test lint types tests clean

help:
	@echo "make demo   train on built-in synthetic motion, evaluate, write demo/report/index.html"
	@echo "make test   every check and test"
	@echo "make clean  remove the virtual environment and the demo"

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[report]'
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: $(VENV)/installed
	rm -rf demo
	$(RUN) tf_elepose.train --config=configs/quickstart.py --workdir=demo/run
	$(RUN) tf_elepose.evaluate --workdir=demo/run --output=demo/metrics.json --figures=demo/report
	@echo "Look at demo/report/index.html"

# What takes seconds comes first; types are a part beside the tests.
test: lint
	$(PARALLEL) $(PARTS:%=test-%) types

lint: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/installed-test
	$(BIN)/pyright --pythonpath $(BIN)/python

# In parts, each a process of its own: TensorFlow keeps every graph of a process, and all parts in one would need
# several GB. Two parts run side by side, for most of a test's time is Python's; JOBS=1 needs half the memory. Each imports
# TensorFlow, so there are no more parts than memory asks for. The longest start first, so that none is left alone at the
# end. What no part names is in `others`.
JOBS ?= 2
WORKERS := tests/training/test_multi_worker.py tests/methods/test_replicas.py
COMMANDS := tests/test_train.py tests/test_train_mistakes.py tests/test_evaluate.py $(WORKERS)
NETWORKS := tests/nn tests/methods tests/conformance
TRAINING := tests/training tests/recipes
EXPORTS := tests/export
OTHERS := tests $(foreach part,$(COMMANDS) $(NETWORKS) $(TRAINING) $(EXPORTS),--ignore=$(part))
PARTS := others commands training networks exports
PARALLEL = $(MAKE) --no-print-directory --jobs=$(JOBS) --keep-going --output-sync=target
PYTEST = $(BIN)/python -m pytest --quiet

tests: $(VENV)/installed-test
	$(PARALLEL) $(PARTS:%=test-%)

.PHONY: $(PARTS:%=test-%)
test-commands test-exports test-others: test-%:
	$(PYTEST) $($(shell echo $* | tr a-z A-Z))

test-networks test-training: test-%:
	$(PYTEST) $($(shell echo $* | tr a-z A-Z)) $(WORKERS:%=--ignore=%)

clean:
	rm -rf $(VENV) demo
