# SPDX-License-Identifier: BSD-2-Clause
# What every selftests directory includes. It builds TEST_GEN_PROGS into $(OUTPUT) and runs them
# and TEST_PROGS the kselftest way (KTAP, exit 0 pass, 1 fail, 4 skip).
#
# A directory's Makefile:
#	TEST_GEN_PROGS	:= parse_test		built here, of parse_test.c or by a rule
#	TEST_GEN_FILES	:= helper		built here, not run
#	TEST_PROGS	:= attach.sh		run as they are
#	include ../lib.mk
#	$(OUTPUT)/parse_test: LDLIBS += -lcrypto
#
# `make run_tests` runs all, PROGS="a b" only those, UNIT=1 only TEST_GEN_PROGS. The file
# `settings` may hold timeout=SECONDS, for each program of the directory (default 120).
# A program runs in its own directory and finds MQGATE_TOP, MQGATE_BUILD and MQGATE_OUTPUT.

top	:= $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
suite	:= $(notdir $(CURDIR))
BUILD	?= build
OUTPUT	?= $(top)/$(BUILD)/selftests/$(suite)

ifeq ($(origin CC),default)
CC	:= gcc
endif
CLANG	?= clang
CFLAGS	?= -O2 -g
WARN	?= -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow
test_includes := -I$(top)/include -I$(top)/include/uapi -I$(top)/userspace \
		 -I$(top)/userspace/mqgated
TEST_CFLAGS = $(CFLAGS) $(WARN) -std=gnu11 -D_GNU_SOURCE $(test_includes)

gen_progs := $(addprefix $(OUTPUT)/,$(TEST_GEN_PROGS))
gen_files := $(addprefix $(OUTPUT)/,$(TEST_GEN_FILES))
wanted	  := $(gen_progs) $(if $(UNIT),,$(TEST_PROGS))
ifneq ($(PROGS),)
wanted	  := $(foreach p,$(wanted),$(if $(filter $(PROGS),$(notdir $(p))),$(p)))
build_only := $(filter $(wanted),$(gen_progs))
else
build_only := $(gen_progs)
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(build_only) files

# What other programs run: no test library is needed for it.
files: $(gen_files)

$(gen_progs) $(gen_files): $(top)/selftests/lib.mk | $(OUTPUT)

$(OUTPUT):
	mkdir -p $@

# With -MMD a program of several sources would keep the headers of the last one only.
$(OUTPUT)/%: %.c
	@mkdir -p $(@D)
	$(CC) $(TEST_CFLAGS) -MM -MP -MT $@ $(filter %.c,$^) >$@.d
	$(CC) $(TEST_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDFLAGS) $(LDLIBS)

-include $(wildcard $(OUTPUT)/*.d)

run_tests: all
	@MQGATE_TOP=$(top) MQGATE_BUILD=$(abspath $(top)/$(BUILD)) MQGATE_OUTPUT=$(OUTPUT) \
		bash $(top)/selftests/lib/runner.sh $(suite) $(wanted)

# Their full names, for those who run them elsewhere: selftests/vm does, in a guest.
emit_tests:
	@printf '%s\n' $(abspath $(wanted))

clean:
	rm -rf $(OUTPUT)

.PHONY: all files run_tests emit_tests clean
