# SPDX-License-Identifier: Apache-2.0
# A shorthand for CMake, CTest and the scripts: `make help` says what for.

PYTHON ?= python3
JOBS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
CMAKE_FLAGS ?=
PREFIX ?= /usr/local
DESTDIR ?=
IMAGE ?=
export PYTHON
# Not through the shell's eyes: a file's name may have quotes and dollars.
export WASINN_IMAGE := $(value IMAGE)

COMMA := ,
TEST_PARTS := zig photographs labels efficientnet python openvino onnxruntime
ALL_PARTS := wasmtime $(TEST_PARTS) format
# For `make bench` only.
BENCH_PARTS := zig efficientnet python openvino onnxruntime
# Real models, for test-models only.
MODEL_PARTS := silero speech pitch faces
# Where rustup has no wasm32-wasip1 for the guest in Rust; the tests do without where this cannot be had either.
RUST_TARGET = rustc --print sysroot 2>/dev/null | { read -r root && [ -d "$$root/lib/rustlib/wasm32-wasip1" ]; } || \
	$(PYTHON) scripts/deps.py --quiet --optional rust
SOURCES := $(wildcard include src guest examples tests bench)
FIND := find $(SOURCES) -name '*.[ch]'

# Said in one line by the first rule that needs it: tool, what for, Debian's package.
need = command -v $(1) >/dev/null 2>&1 || { echo "make: $(1) is missing, which $(2): install it (Debian: $(3))" >&2; exit 1; }

# $(call build,FOLDER,OPTIONS): configure if never done here with this compiler and these flags, afresh, then build.
# MAKEFLAGS would hand this make's options on to the one below, which has its own.
define build
@flags='$(CURDIR) $(CC) $(strip $(2) $(CMAKE_FLAGS))'; \
if [ ! -f $(1)/.configured ] || [ "$$flags" != "$$(cat $(1)/.configured)" ]; then \
	rm -rf $(1)/CMakeCache.txt $(1)/CMakeFiles; \
	CC="$(CC)" MAKEFLAGS= cmake -S . -B $(1) -DWASINN_PYTHON="$$(command -v $(PYTHON))" $(2) $(CMAKE_FLAGS) && \
	echo "$$flags" > $(1)/.configured || { rm -f $(1)/.configured; exit 1; }; \
fi; \
MAKEFLAGS=--no-print-directory cmake --build $(1) --parallel $(JOBS)
endef

.PHONY: all install uninstall deb demo image test test-models bench bench-curves sanitize docs format format-check deps clean distclean help tools test-parts
.NOTPARALLEL:

all: tools
	$(call build,build)

install: all
	@DESTDIR="$(DESTDIR)" $(PYTHON) scripts/install.py install build "$(PREFIX)"

uninstall:
	@DESTDIR="$(DESTDIR)" $(PYTHON) scripts/install.py uninstall "$(PREFIX)"

deb: tools
	@$(call need,dpkg-shlibdeps,makes packages,dpkg-dev)
	@CC="$(CC)" $(PYTHON) scripts/deb.py --jobs $(JOBS) $(CMAKE_FLAGS)

demo: image all
	@$(PYTHON) scripts/demo.py

# Before anything is fetched.
image:
	@[ -z "$$WASINN_IMAGE" ] || [ -r "$$WASINN_IMAGE" ] || { printf 'make: there is no picture %s\n' "$$WASINN_IMAGE" >&2; exit 1; }

test: all test-parts
	@ctest --test-dir build --parallel $(JOBS) --output-on-failure

# MODELS=NAME... runs some of them: tests/models/run.py says which there are.
test-models: all
	@$(PYTHON) scripts/deps.py --quiet $(TEST_PARTS) $(MODEL_PARTS)
	@$(PYTHON) scripts/make_model.py efficientnet-lite0
	@$(PYTHON) tests/command/build_guests.py build/guests
	@$(PYTHON) tests/models/run.py --table build/models.md $(MODELS)

# ROWS=NAME... measures some; QUICK=1 takes few rounds. bench/README.md says what is measured.
bench: all
	@$(PYTHON) scripts/deps.py --quiet $(BENCH_PARTS)
	@$(PYTHON) scripts/deps.py --quiet --optional peer
	@$(PYTHON) bench/run.py $(if $(QUICK),--quick) $(subst $(COMMA), ,$(ROWS))

# CURVES=NAME... measures some of them; docs/performance.md follows a run of all.
bench-curves: all
	@$(PYTHON) scripts/deps.py --quiet $(BENCH_PARTS)
	@$(PYTHON) bench/curves.py $(if $(QUICK),--quick) $(subst $(COMMA), ,$(CURVES))

sanitize: tools test-parts
	$(call build,build-asan,-DWASINN_SANITIZE=address$(COMMA)undefined)
	@ctest --test-dir build-asan --parallel $(JOBS) --output-on-failure
	$(call build,build-tsan,-DWASINN_SANITIZE=thread)
	@ctest --test-dir build-tsan --output-on-failure --no-tests=error -L thread

docs:
	@$(call need,doxygen,makes the reference from the headers,doxygen)
	@$(PYTHON) scripts/make_reference.py build/docs

format:
	@$(PYTHON) scripts/deps.py --quiet format
	@$(FIND) -exec deps/format/clang-format -i {} +

format-check:
	@$(PYTHON) scripts/deps.py --quiet format
	@! $(FIND) -exec sh -c 'deps/format/clang-format "$$1" | cmp -s - "$$1" || echo "$$1: not formatted; run make format"' sh {} \; | grep .

deps: tools
	@$(PYTHON) scripts/deps.py $(ALL_PARTS)
	@$(RUST_TARGET)

clean:
	rm -rf build build-*

distclean: clean
	rm -rf deps

test-parts: tools
	@$(PYTHON) scripts/deps.py --quiet $(TEST_PARTS)
	@$(RUST_TARGET)
	@$(PYTHON) scripts/make_model.py efficientnet-lite0 alexnet

# pip and cargo are only for fetching, so they are asked for only before the first time, and not where a Wasmtime is
# named or nothing is to be fetched.
tools:
	@$(call need,cmake,configures the build,cmake)
	@$(call need,$(CC),compiles wasinn,gcc)
	@$(call need,$(PYTHON),runs the scripts,python3)
	@[ -e deps/.stamps/wasmtime ] || [ -e build/.configured ] || [ -n "$$Wasmtime_ROOT" ] || \
	case '$(CMAKE_FLAGS)' in *Wasmtime_ROOT=*|*Wasmtime_LIBRARY=*|*WASINN_FETCH=OFF*) ;; *) \
		$(PYTHON) -m pip --version >/dev/null 2>&1 || \
			{ echo "make: $(PYTHON) has no pip, which downloads Wasmtime and OpenVINO: install it (Debian: python3-pip)" >&2; exit 1; }; \
		$(call need,cargo,downloads Wasmtime's headers,cargo); \
	esac

help:
	@echo 'make               configure if needed, and build build/wasinn'
	@echo 'make install       into PREFIX=$(PREFIX); uninstall removes that again'
	@echo 'make deb           a Debian package, build/wasinn_VERSION_ARCH.deb'
	@echo 'make demo          have a guest say what is in a photograph; IMAGE=FILE for another one'
	@echo 'make test          build, and run the tests'
	@echo 'make test-models   real models in every format, on every runtime: longer, and not part of make test'
	@echo 'make bench         measure wasinn beside native programs and the Wasmtime command: about ten minutes, and not'
	@echo '                   part of make test; ROWS="NAME..." measures some rows, QUICK=1 takes few rounds'
	@echo 'make bench-curves  measure how costs grow with tensors, models, guests and threads: about six minutes;'
	@echo '                   CURVES="NAME..." measures some curves, QUICK=1 takes few rounds'
	@echo 'make sanitize      the tests once more with the address, undefined behaviour and thread sanitizers'
	@echo 'make docs          the reference for the public headers, in build/docs'
	@echo 'make format        format the C code; format-check only says what is not formatted'
	@echo 'make deps          fetch everything that is fetched for building, the demo and the tests'
	@echo 'make clean         remove the builds; distclean also removes deps/'
	@echo
	@echo 'CMAKE_FLAGS=...    for CMake, such as -DWasmtime_ROOT=DIR, -DOpenVINO_DIR=DIR or -DWASINN_FETCH=OFF'
	@echo 'JOBS=$(JOBS)             how many compilers run at once;  PYTHON=$(PYTHON), CC=$(CC)'
