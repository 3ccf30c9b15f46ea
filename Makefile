# Every target sets up what it needs; a second run finds it done.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/ready
export PATH := $(BIN):$(PATH)

.PHONY: setup demo test lab lecture bench clean

setup: $(READY)

$(READY): pyproject.toml course/pyproject.toml course/detection_course.json constraints.txt .ci/system-packages
	@.ci/system-packages
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --constraint constraints.txt --editable ./course --editable '.[test]'
	@cp course/detection_course.json $(VENV)/etc/jupyter/jupyter_server_config.d/  # an editable install leaves it out
	@touch $(READY)

demo: $(READY)
	@$(BIN)/autograder demo --out demo

test: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lab: $(READY)
	@$(BIN)/autograder lab --out demo $(LESSON)

bench: $(READY)
	@$(BIN)/python -m tests.bench

lecture: $(READY)
	@$(BIN)/autograder lecture

clean:
	rm -rf $(VENV) demo build *.egg-info course/*.egg-info course/build
