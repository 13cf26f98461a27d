# Every target makes .venv first where it is missing, from the exact versions in requirements/constraints.txt.
#
#   make demo        polygons and an image from the example scene
#   make test        the fast tests (a few minutes)
#   make test-full   the fast tests and the full counts of docs/reliability.md (long)
#   make coverage    the fast tests, with the share of lines that they run
#   make lint        ruff: rules and format; import-linter: the layers of docs/design.md; retired words
#   make types       mypy, strict
#   make docs        regenerate docs/cli.md from the command line itself
#   make site        the documents and the API reference as a web site, in site/
#   make wheel       sdist and wheel in dist/, installed and run in an environment of their own
#   make plugin      the zip of the QGIS plugin, in dist/
#   make test-qgis   the tests of the plugin in real QGIS; installs Debian's packages where they are missing
#   make bench-questions   questions about annotated scenes, against independent answers; neighbours beside geopandas;
#                    MODEL=1 also asks the built-in model about their images (long)
#   make bench       the measurements of docs/performance.md (long; SCENE=... QUERY=... for a larger scene than the example)
#   make test-qgis-340   the tour of the plugin in QGIS 3.40: Debian 13 in out/debian13, by debootstrap; as root (3 GB, long)
#   make test-browser  the web map of the service in Debian's Chromium, and behind nginx; installs them where they are missing
#   make serve       the service with the example scene: open the printed link in a browser
#   make findings    behaviour of other libraries that was met here, seen again (network, long)
#   make experiment  few labels of new classes, SFT and GRPO: docs/experiments.md (DATA=... the folder of data sets)
#   make lock        regenerate requirements/constraints.txt from .venv
#
# torch is installed first and by an exact pin, because a later "torch>=2.6" is then already met. Another build of it,
# such as one for a GPU: make demo TORCH=torch==2.13.1 (or install it into .venv beforehand).

PYTHON ?= python3.11
SCENE ?= examples/data/OSBS_029.tif
QUERY ?= tree
TORCH ?= torch==2.13.0
PORT ?= 8000
# of make experiment: data sets, folder of the experiment, folder of the tower (recipes.builtin_model), base model
DATA ?= ../shared/data
RUN ?= runs/experiment
BUILTIN ?= runs/builtin
BASE ?= runs/experiment-base/model
WITHHELD := airplane "storage tank" "tennis court" "baseball diamond"
BIN := .venv/bin
CONSTRAINTS := requirements/constraints.txt
export HF_HUB_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-full coverage lint types format docs site wheel plugin test-qgis test-qgis-340 test-browser serve findings bench bench-questions experiment lock clean

help:
	@sed -n 's/^#   //p' Makefile

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.runtime: pyproject.toml $(CONSTRAINTS) | .venv/bin/python
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) "$(TORCH)"
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[server]"
	@touch $@

.venv/.dev: pyproject.toml $(CONSTRAINTS) .venv/.runtime
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[dev]"
	@touch $@

.venv/.docs: pyproject.toml $(CONSTRAINTS) .venv/.runtime
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[docs]"
	@touch $@

.venv/.service: pyproject.toml $(CONSTRAINTS) .venv/.runtime
	$(BIN)/python -m pip install --quiet -c $(CONSTRAINTS) -e ".[service,training]"
	@touch $@

demo: .venv/.runtime
	@mkdir -p out
	$(BIN)/geoground run examples/data/OSBS_029.tif "tree" -o out/trees.geojson \
		--preview out/trees.png --overwrite
	@echo
	@echo "Look at out/trees.png, or drop out/trees.geojson into QGIS. How it was made: out/trees.geojson.run.json"
	@echo "Your own raster: .venv/bin/geoground run SCENE.tif \"what to look for\" -o out/found.gpkg"

# A file's tests stay together: they share loaded models. More threads in each worker would only wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile
test: .venv/.dev
	$(PYTEST)

coverage: .venv/.dev
	$(PYTEST) --cov --cov-report=term:skip-covered

test-full: .venv/.dev
	$(BIN)/python -m pytest -m ""

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/unit/test_words.py tests/unit/test_modules.py

types: .venv/.dev
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.dev
	$(BIN)/python -m geogrounding_cli.reference > docs/cli.md.new
	mv docs/cli.md.new docs/cli.md

site: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: .venv/.dev
	.ci/wheel

plugin: .venv/.dev
	$(BIN)/python qgis_plugin/package.py dist

# QGIS comes with Debian's own Python, so these tests have an environment of their own that sees Debian's packages.
# bandit and detect-secrets are what plugins.qgis.org runs over an upload; names of Qt are looked up in PyQt6; lrelease makes
# translations.
QGIS_PACKAGES := qgis python3-qgis qgis-providers xvfb xauth python3-venv procps qttools5-dev-tools
test-qgis: .venv-qgis/.made .venv/.dev
	.venv-qgis/bin/bandit --quiet --recursive qgis_plugin/geoground_qgis
	.venv-qgis/bin/detect-secrets-hook qgis_plugin/*.py $$(find qgis_plugin/geoground_qgis -type f -not -path '*/__pycache__/*')
	QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=$${XDG_RUNTIME_DIR:-/tmp} .venv-qgis/bin/python -P -m pytest \
		-c tests/qgis/pytest.ini -p no:cacheprovider tests/qgis

test-qgis-340: .venv/.dev
	tests/qgis/debian13 $(TESTS)

.venv-qgis/.made:
	command -v xvfb-run >/dev/null && command -v lrelease >/dev/null && command -v qgis_process.bin >/dev/null && /usr/bin/python3 -c "import qgis.core" || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $(QGIS_PACKAGES) >/dev/null; }
	/usr/bin/python3 -m venv --system-site-packages .venv-qgis
	.venv-qgis/bin/python -m pip install --quiet "pytest==9.2.0" "pytest-qgis==5.0.2" "bandit==1.9.4" "detect-secrets==1.5.0" "PyQt6==6.11.0"
	@touch $@

# A browser of Debian's, which Playwright drives; its own are not installed.
test-browser: .venv/.dev
	command -v chromium >/dev/null && { command -v nginx || test -x /usr/sbin/nginx; } >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core nginx-light >/dev/null; }
	GEOGROUND_BROWSER=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/browser

serve: .venv/.service
	$(BIN)/geoground serve --data examples/data --state out/service --port $(PORT)

findings:
	@failed=0; for script in findings/*.sh; do \
		if bash $$script; then echo "$$script: as stated"; else echo "$$script: CHANGED"; failed=1; fi; done; exit $$failed

bench-questions: .venv/.dev
	$(BIN)/python -m benchmarks.questions
	$(BIN)/python -m benchmarks.neighbours
	$(if $(MODEL),$(BIN)/python -m benchmarks.questions_model)

bench: .venv/.dev
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.merging
	$(BIN)/python -m benchmarks.batching
	$(BIN)/python -m benchmarks.rewards
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.overhead "$(SCENE)" "$(QUERY)"
	$(BIN)/python -m benchmarks.reading --size 16384 --rounds 5
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.remote --size 4096
	$(BIN)/python -m benchmarks.scale waiting
	$(BIN)/python -m benchmarks.scale ray
	$(BIN)/python -m benchmarks.scale scenes --counts 100 1000
	$(BIN)/python -m benchmarks.scale postgis --polygons 100000

# The base model is made where it is missing: long. It needs the tower that the first step of
# recipes/builtin_model/__main__.py writes.
$(BASE)/config.json: | .venv/.dev
	@test -f $(BUILTIN)/vision.safetensors || { echo "$(BUILTIN) holds no tower: run the first two commands of" \
		"recipes/builtin_model/__main__.py, or give BUILTIN=FOLDER or BASE=FOLDER"; exit 1; }
	rm -rf $(BASE).partial
	$(BIN)/python -m recipes.builtin_model.train_detector --data $(DATA) --start $(BUILTIN) --run $(BASE).run \
		--minutes 90 --without $(WITHHELD)
	$(BIN)/python -m recipes.builtin_model.assemble model --start $(BUILTIN) --detector $(BASE).run/detector.pt \
		--out $(BASE).partial --without $(WITHHELD)
	$(BIN)/python -m recipes.builtin_model.assemble calibrate --data $(DATA) --out $(BASE).partial --without $(WITHHELD)
	$(BIN)/python -m recipes.builtin_model.assemble language --data $(DATA) --run $(BASE).run --out $(BASE).partial \
		--steps 900 --without $(WITHHELD)
	$(BIN)/python -m recipes.builtin_model.assemble narrow --out $(BASE).partial
	mv $(BASE).partial $(BASE)

experiment: .venv/.dev $(BASE)/config.json
	$(BIN)/python -m recipes.few_shot_study run --data $(DATA) --base $(BASE) --run $(RUN) $(EXPERIMENT)

lock: .venv/.dev .venv/.docs
	{ sed -n '/^#/p' $(CONSTRAINTS); $(BIN)/python -m pip freeze --exclude-editable | grep -v '^torch==' | LC_ALL=C sort -f; } \
		> $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

clean:
	rm -rf build dist site *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis out
