# SPDX-License-Identifier: BSD-2-Clause
# bpf/mqgate.bpf.o and bpf/mqgate_ext.bpf.o. Included by the top Makefile.
#
# No jump tables: clang would put them into .rodata, which holds struct mqgate_rodata and
# nothing else, so that the loader and user space may read it by its layout.

BPF_OBJ	:= bpf/mqgate.bpf.o bpf/mqgate_ext.bpf.o
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Werror -Wshadow -fno-jump-tables \
	      -Iinclude -Iinclude/uapi \
	      -idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)

all: $(BPF_OBJ)

bpf/%.bpf.o: bpf/%.bpf.c bpf/build.mk
	@mkdir -p $(BUILD)/bpf
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(BUILD)/bpf/$*.d -MT $@ -c -o $@ $<
	llvm-strip -g $@

# By the compiler that the name says, for selftests/bpf/verifier.sh: mqgate-clang-19.bpf.o.
$(BUILD)/bpf/mqgate-%.bpf.o: bpf/mqgate.bpf.c bpf/build.mk
	@mkdir -p $(@D)
	$* $(BPF_CFLAGS) -MMD -MP -MF $(BUILD)/bpf/mqgate-$*.d -MT $@ -c -o $@ $<
	llvm-strip -g $@

# What tests make of the extension.
$(BUILD)/selftests/bpf/%.bpf.o: selftests/bpf/%.bpf.c bpf/build.mk $(wildcard bpf/*.[ch])
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c -o $@ $<
	llvm-strip -g $@

-include $(wildcard $(BUILD)/bpf/*.d)
