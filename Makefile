# Each target does its own set-up first: a virtual environment in .venv with the packages of requirements.txt.
PYTHON ?= python3
PY := .venv/bin/python
READY := .venv/installed
NOTEBOOK ?= $(firstword $(sort $(wildcard notebooks/part*.ipynb)))

.DEFAULT_GOAL := help
.PHONY: help doctor run site lab progress grade test messages prove bench gpu build outputs ablation clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

doctor:  ## tell what is here to run the course with, and what to do about what is missing
	@$$(test -x $(PY) && echo $(PY) || echo $(PYTHON)) tools/doctor.py

run: $(READY)  ## run the solution notebooks into build/, at full size (PART=1: one part; FULL=1: Part 3's whole training, too)
	@FULL=$(FULL) $(PY) -m tools.run $(PART)

site: $(READY)  ## make a site to read from the stored outputs, into build/site, for any screen (HAND_OUT=1: without solutions)
	@$(PY) -m pip install --quiet --requirement docs/requirements.txt
	@$(PY) -m tools.site $(if $(HAND_OUT),--hand-out)

lab: $(READY)  ## open JupyterLab on the first exercise notebook (NOTEBOOK=path: on another)
	@$(PY) -m jupyterlab $(NOTEBOOK)

test: $(READY)  ## check everything that is fast to check
	@$(PY) -m pytest -p no:nbval -n auto --dist worksteal -m "not slow"

progress: $(READY)  ## show which exercises of your saved notebooks pass (PART=1: of one part)
	@$(PY) -m tools.progress $(PART)

grade: $(READY)  ## grade what a class has handed in, into tables and a gradebook in grades/ (SUBMISSIONS=folder or zip; ROSTER=csv)
	@test -n "$(SUBMISSIONS)" || { echo "Say where they are: make grade SUBMISSIONS=folder" >&2; exit 1; }
	@$(PY) -m tools.grade "$(SUBMISSIONS)" $(if $(ROSTER),--roster "$(ROSTER)")

messages: $(READY)  ## write what each wrong answer is told into build/messages.md, to be read
	@mkdir -p build && $(PY) -m tools.messages $(PART) > build/messages.md && echo "see build/messages.md"

prove: $(READY)  ## check the slow rest: trainings, mutants of the solutions, every answer under 200 seeds (SEEDS=50: fewer)
	@SEEDS=$(SEEDS) $(PY) -m pytest -p no:nbval -n auto --dist worksteal -m slow

bench: $(READY)  ## measure how fast the course is, against the least there is to do and against other libraries (ROWS="train unet": some)
	@$(PY) -m tools.bench $(ROWS)

gpu: $(READY)  ## with an NVIDIA GPU: run what asks for one, then measure (nine minutes)
	@$(PY) -m pytest -p no:nbval -n auto --dist worksteal -m "not slow" -k "cuda or verdict"
	@$(PY) -m tools.bench gpu-steps gpu-waits gpu-minutes

build: $(READY)  ## build the notebooks from solutions/part*.py
	@$(PY) -m tools.build

outputs: build  ## run the solution notebooks, store their outputs and pictures
	@$(PY) -m tools.run --outputs $(PART)

ablation: $(READY)  ## measure what each change of Part 3 brings (three hours and a half; Part 3 shows the result)
	@$(PY) -m tools.make_assets ablation

clean:  ## remove what make made: .venv, build/, caches. Your notebooks, saves and grades/ stay
	rm -rf .venv build .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# an environment that is half made, damaged, or left behind by another Python is made anew
WORKS := test -e $(READY) && $(PY) -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("torch"))' 2> /dev/null
BROKEN := $(shell test ! -e .venv || { $(WORKS); } || echo yes)
ifneq ($(BROKEN),)
.PHONY: $(READY)
endif

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"This course needs Python 3.11 or newer, $(PYTHON) is {sys.version.split()[0]}. Name another: make PYTHON=python3.12 ...")'
	@echo "Setting up the environment in .venv: a minute or a few, once"
	$(PYTHON) -m venv $(if $(BROKEN),--clear) .venv
	$(PY) -m pip install --requirement requirements.txt
	@touch $@
