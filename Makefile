# mcucc: `make demo` and `make test` are all a fresh machine needs.
#
#   demo    a face detector on an emulated board; writes build/demo
#   setup   the environment .venv, and the Debian packages (cross compiler, QEMU) where it may
#   test    every ring but zoo and nightly: unit, host C with sanitizers, emulated
#   check   ruff, mypy, clang-format, import contracts, unit tests and host C: before every commit
#   extras  Debian packages that more tests use: RISC-V compiler and QEMU, clang, cppcheck, a browser,
#           cmake, g++, Arduino's builder with an AVR and its simulator; ccache, with which tests take
#           half the time; and FreeRTOS's kernel, from a source package of Debian, into build/freertos
#   zoo     real trained networks, from MCUCC_ZOO or ../shared
#   nightly what is heavy and rare, and thousands of random networks under random plans
#   fuzz    a million mutated model files (COUNT, SEED, JOBS); findings in build/fuzz
#   bench   the tables of benchmarks/
#   fit     the planner's cost model from emulated counts (benchmarks/fit_costs.py), and how deep the
#           stack of every kernel goes (benchmarks/stack.py)
#   help    this list

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
COUNT ?= 1000000
SEED ?= 0
BOARD ?= bluepill
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

ZOO := $(or $(MCUCC_ZOO),../shared/zoo)
TFLITE := $(wildcard $(ZOO)/tflite/*.tflite)
FITTED := $(addprefix $(ZOO)/tflite/,vww_96_int8.tflite mcunet-5fps_vww.tflite \
	pretrainedResnet_quant.tflite)

# Tests whose types are checked; those of the other folders are not yet right everywhere.
TYPED := $(addprefix tests/,base boards docs driver examples firmware fuzz kernels numerics oracles \
	report toolchain)

.DEFAULT_GOAL := help
.PHONY: demo setup test check zoo nightly fuzz bench fit clean help packages extras

# $(call install,PACKAGES): installs those that the distribution has where this user may; says what
# is missing where not.
define install
	if [ -n "$(1)" ]; then \
		if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || [ -n "$(SUDO)" ]; }; then \
			$(SUDO) apt-get update -qq; known=""; \
			for package in $(1); do \
				apt-cache show "$$package" >/dev/null 2>&1 && known="$$known $$package" || \
					echo "$$package is no package here (going on without)"; \
			done; \
			echo "installing:$$known"; [ -z "$$known" ] || \
			DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq $$known >/dev/null; \
		else false; fi || echo "could not install:$(1) (going on without)"; \
	fi
endef

demo: setup
	$(BIN)/python examples/faces/demo.py --board $(BOARD)

setup: packages $(VENV)/.installed

# A stamp newer than pyproject.toml says that the environment is complete.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mcucc needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	extras=emulate,demo,test,dev; command -v arm-none-eabi-gcc >/dev/null || extras=$$extras,zig; \
		$(BIN)/python -m pip install --quiet --editable ".[$$extras]"
	touch $@

packages:
	@missing=""; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	command -v arm-none-eabi-gcc >/dev/null || \
		missing="$$missing gcc-arm-none-eabi libnewlib-arm-none-eabi"; \
	command -v qemu-system-arm >/dev/null || missing="$$missing qemu-system-arm"; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	$(call install,$$missing)

extras:
	@missing=""; \
	command -v riscv64-unknown-elf-gcc >/dev/null || missing="$$missing gcc-riscv64-unknown-elf"; \
	command -v qemu-system-riscv32 >/dev/null || missing="$$missing qemu-system-misc"; \
	command -v cmake >/dev/null || missing="$$missing cmake"; \
	command -v g++ >/dev/null || missing="$$missing g++"; \
	command -v clang >/dev/null || missing="$$missing clang"; \
	command -v cppcheck >/dev/null || missing="$$missing cppcheck"; \
	command -v ccache >/dev/null || missing="$$missing ccache"; \
	command -v arduino-builder >/dev/null || missing="$$missing arduino-builder"; \
	[ -d /usr/share/arduino/hardware/arduino/avr ] || missing="$$missing arduino-core-avr"; \
	command -v avr-gcc >/dev/null || missing="$$missing gcc-avr avr-libc"; \
	command -v simavr >/dev/null || missing="$$missing simavr"; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
		missing="$$missing chromium"; \
	$(call install,$$missing)
	@[ -e build/freertos/tasks.c ] || tests/firmware/get_freertos.sh build/freertos || \
		echo "could not get FreeRTOS (going on without)"

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not zoo and not nightly" -rs

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict mcucc
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $(shell git ls-files 'runtime_c/*.[ch]')
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal \
		-m "not zoo and not slow and not emulated and not nightly"

# What `make test` leaves out, and three thousand random networks under random plans.
nightly: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "nightly and not zoo" -rs
	MCUCC_BATCHES=60 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal \
		tests/whole/test_random_plans.py tests/whole/test_plans.py tests/whole/test_mutants.py \
		tests/whole/test_flags.py tests/runtime/test_static.py

# Each is imported, simplified, lowered, and every fourth planned and replayed, within 5 s and 1 GiB,
# or refused by an error of ours; input number i of a seed is always the same.
fuzz: setup
	$(BIN)/python -m tests.fuzz --count $(COUNT) --seed $(SEED) --jobs $(JOBS)

zoo: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m zoo -rs

bench: setup
	$(BIN)/python -m benchmarks.kernels
	$(BIN)/python -m benchmarks.networks $(TFLITE)
	$(BIN)/python -m benchmarks.planner $(TFLITE)
	$(BIN)/python -m benchmarks.sram $(TFLITE)
	$(BIN)/python -m benchmarks.litert $(TFLITE)
	$(BIN)/python -m benchmarks.accuracy $(TFLITE)

# After a change of kernels: the costs and stacks that plans are chosen by, once more.
fit: setup
	$(BIN)/python -m benchmarks.fit_splits
	$(BIN)/python -m benchmarks.fit_costs $(FITTED)
	$(BIN)/python -m benchmarks.stack

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

help:
	@sed -n 's/^#   //p' Makefile
