# `make` lists the commands. Everything installs into this checkout: .venv/ (Python), .uv/ (uv itself), .cache/ (samples).
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
PYTHON ?= $(shell for v in 3.13 3.12 3.11 3; do command -v python$$v >/dev/null 2>&1 && python$$v -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1 && { command -v python$$v; break; }; done)
UV := .uv/bin/uv
RUN := .venv/bin/
E2E_TOOLS := runc iptables iproute2 conntrack util-linux buildah debootstrap chromium ffmpeg
# these look at what servers leave behind, and wait for them: one control plane, and one Triton, at a time
CLUSTER := tests/cluster
SERVERS := tests/examples tests/serving
# long files first, so that no core waits for one at the end
FIRST := tests/orchestration tests/api tests/cli
BESIDE := $(FIRST) $(filter-out $(FIRST) $(CLUSTER) $(SERVERS),$(patsubst %/,%,$(sort $(dir $(wildcard tests/*/test_*.py)))))
PROTO := platform/clock_train/api/speech_v1/speech.proto
# the bundled Triton is built for x86-64 alone; the demo speaks without it elsewhere, and says so
EXTRAS := --extra run --extra judge --extra $(if $(filter x86_64,$(shell uname -m)),triton,serve)
# pytest with options on folders, remembered under the target's name; what failed (exit 1) in a busy machine's crowd is said, and must pass once more by itself
define tested
$(RUN)pytest -o cache_dir=.pytest_cache/$@ -m "not long and not ring4" $(1) $(2) || { code=$$?; [ $$code = 1 ] || exit $$code; \
  echo "what failed above is run once more, by itself"; \
  $(RUN)pytest -o cache_dir=.pytest_cache/$@ -m "not long and not ring4" --last-failed --last-failed-no-failures none $(2); }
endef
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := hardlink

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV):
	@test -n "$(PYTHON)" || { echo "ClockTrain needs Python 3.11, 3.12 or 3.13 with its venv module (Debian, Ubuntu: apt install python3-venv)."; exit 2; }
	"$(PYTHON)" -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.demo: $(UV) uv.lock pyproject.toml
	$(UV) sync --frozen --no-dev --inexact --python "$(PYTHON)" $(EXTRAS)
	@touch $@

.venv/.dev: $(UV) uv.lock pyproject.toml
	$(UV) sync --frozen --python "$(PYTHON)" --extra run --extra bench --extra record --extra operator --extra track-server --extra traces --extra triton
	@touch $@ .venv/.demo

install: .venv/.demo ## install what the demo needs
dev: .venv/.dev ## install what development needs

demo: .venv/.demo ## recordings to a voice that speaks, on this machine (RECORDINGS=folder for your own)
	$(RUN)clocktrain demo $(if $(RECORDINGS),--recordings "$(RECORDINGS)")

check: .venv/.dev ## format, lint, types, layers
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)pyright
	$(RUN)lint-imports

generate: .venv/.dev ## write the chart's kinds, values and schema, the reference of the resources, and the gRPC code
	PYTHONPATH=charts $(RUN)python charts/generate.py
	$(RUN)python -m grpc_tools.protoc -I platform --python_out=platform --pyi_out=platform --grpc_python_out=platform $(PROTO)

format: .venv/.dev ## rewrite to the format
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

test: .venv/.dev assets ## everything that needs no root, as many files at once as there are cores (WORKERS)
	$(call tested,-n $(or $(WORKERS),auto) --dist loadfile --no-loadscope-reorder,$(BESIDE))
	$(MAKE) --no-print-directory -j2 --output-sync=line test-cluster test-servers

test-cluster: .venv/.dev assets # a part of make test, beside the next
	$(call tested,,$(CLUSTER))

test-servers: .venv/.dev
	$(call tested,,$(SERVERS))

test-long: .venv/.dev assets ## the long cases as well
	$(RUN)pytest -m "not ring4"

e2e: .venv/.dev assets-node ## a real cluster of three nodes on this machine; needs root
	$(RUN)pytest -m ring4 tests/cluster/e2e

e2e-tools: ## install what a real cluster, the images and the pages' tests need, on Debian; needs root
	apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $(E2E_TOOLS)

e2e-quick: .venv/.dev assets-node ## the quick part of it: gateways in pods, a voice trained there, a lost worker, a lost head; needs root
	$(RUN)pytest -m "ring4 and not long" $(addprefix tests/cluster/e2e/,test_gateways.py test_doors.py test_voice_clone.py)

cluster: .venv/.dev assets-node ## bring up a real cluster with ClockTrain on it, until Ctrl-C; needs root
	PYTHONPATH=platform:tests/cluster $(RUN)python -m installed

assets: .venv/.dev ## build what make test runs (MinIO, a Kubernetes control plane) into the cache, once
	PYTHONPATH=tests/cluster $(RUN)python -m assets.build storage control-plane

assets-node: .venv/.dev ## build what make e2e runs as well (kubelet, containerd, DNS), once
	PYTHONPATH=tests/cluster $(RUN)python -m assets.build storage control-plane node

images: .venv/.dev ## build the images of operator, trainer, gateway and Triton; needs root, buildah and debootstrap
	$(RUN)python images/build.py operator trainer gateway triton

bench: .venv/.dev ## speed and memory, as a table
	$(RUN)clocktrain bench

bench-serving: .venv/.dev ## a voice's bundle in ONNX Runtime and through Triton, as a table, a picture and raw CSV (OUT)
	$(RUN)clocktrain bench --serving --out $(or $(OUT),bench-serving)

bench-watermark: .venv/.dev ## what a mark survives, as a table (about an hour on two cores)
	$(RUN)clocktrain watermark bench

bench-operator: .venv/.dev assets ## the operator against KubeRay alone and a bare handler, as a table (SIZES, REPEATS, SOAK)
	PYTHONPATH=platform:operators:tests/cluster $(RUN)python -m operator_bench --sizes $(or $(SIZES),10 100) --repeats $(or $(REPEATS),1) --soak $(or $(SOAK),60)

clean: ## remove what was installed and built
	rm -rf .venv .uv build dist

.PHONY: images help install dev demo check generate format test test-cluster test-servers test-long e2e e2e-tools e2e-quick cluster assets assets-node bench bench-serving bench-watermark bench-operator clean
