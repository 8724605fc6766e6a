# SPDX-License-Identifier: BSD-2-Clause
# mqgate. `make help` lists the targets. Every part of the tree has its own fragment:
# bpf/build.mk, userspace/build.mk; the tests have selftests/Makefile (kselftest conventions).
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

top     := $(CURDIR)
BUILD   ?= build
CC      := gcc
CLANG   ?= clang
VERSION := 0.1.0

WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow
CFLAGS  ?= -O2 -g
export CLANG BUILD
# bpftool lives there, and a plain user's PATH leaves it out.
export PATH := $(PATH):/usr/sbin:/sbin

# Whatever compiles says first, in words, which packages are missing. The targets that install
# them build in a make of their own afterwards.
setup      := bash selftests/lib/setup.sh
no_compile := clean help style sparse run test test-% bench bench-% fuzz uninstall
ifneq ($(filter-out $(no_compile),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell $(setup) check build >&2 || echo missing),)
$(error packages are missing, see above)
endif
endif

all: ## build the XDP programs, the daemon and the command

include bpf/build.mk
include kmod/build.mk
include userspace/build.mk
include selftests/targets.mk
include packaging/install.mk

clean: ## remove everything that was built
	rm -rf $(BUILD) bpf/*.o kmod/*.ko

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all clean help
