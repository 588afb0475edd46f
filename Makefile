# SPDX-License-Identifier: Apache-2.0
# The few commands a newcomer needs; meson.build says how things are built.
#
#   make                 build into build/
#   make demo            the same, from nothing (installs what is missing), then show a container at work
#   make check           every check and test there is; ONLY="unit integration" for some, see tests/run --list
#   make bench           measure against the floor and, where installed, against peers (make bench-deps)
#   make fuzz            ten minutes of every fuzz target; SECONDS_EACH=60 for less
#   make format          put all C files into the house style
#   make install         DESTDIR= and PREFIX= as usual
#   make deb             Debian packages into build-deb/
#   make clean

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS_EACH ?= 600
ONLY ?=
PYTHON ?= /usr/bin/python3

all: build/build.ninja
	@ninja -C build --quiet

build/build.ninja:
	meson setup build --prefix="$(PREFIX)"

demo:
	@scripts/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@scripts/demo.sh build

check:
	@scripts/deps.sh build demo test deb
	@$(PYTHON) tests/run $(ONLY)

bench:
	@scripts/deps.sh build
	@$(MAKE) --no-print-directory all
	@$(PYTHON) bench/run.py

bench-deps:
	@scripts/deps.sh bench

fuzz:
	@scripts/deps.sh build demo test
	@$(PYTHON) tests/run --fuzz-seconds $(SECONDS_EACH) fuzz

format:
	@scripts/c-files.sh | xargs -r clang-format -i

# An install to another place than the build was made for needs another build: the path of the helper
# programs is compiled in.
install: build/build.ninja
	@[ "$(origin PREFIX)" = file ] || meson configure build --prefix="$(PREFIX)"
	@$(MAKE) --no-print-directory all
	meson install -C build --no-rebuild $(if $(DESTDIR),--destdir "$(abspath $(DESTDIR))")

deb:
	@scripts/make-deb.sh

clean:
	rm -rf build build-*/

.PHONY: all demo check bench bench-deps fuzz format install deb clean
