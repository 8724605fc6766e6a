# SPDX-License-Identifier: BSD-2-Clause
# kmod/mqgate.ko. Included by the top Makefile; kmod/build.sh does the work, kmod/Kbuild says what
# the module is made of.

module: ## the kernel module: KERNEL=running|6.1|6.12, KDIR=headers, BTF=file
	@MQGATE_BUILD=$(abspath $(BUILD)) KDIR=$(KDIR) BTF=$(BTF) RELAXED=$(RELAXED) \
		bash kmod/build.sh $(or $(KERNEL),running)

# `make` builds it where the running kernel takes modules and its headers are installed.
ifneq ($(wildcard /lib/modules/$(shell uname -r)/build/Module.symvers),)
all: module
endif

# The module's own tests, in a guest with the kernel that it was built for.
test-module: ## the module in QEMU (KERNEL=6.1|6.12, root)
	$(call as_root,$@)
	$(call prepared,test run vm)
	@$(MAKE) --no-print-directory module KERNEL=$(or $(KERNEL),6.1)
	$(call handed_back,KERNEL=$(or $(KERNEL),6.1) MQGATE_BUILD=$(abspath $(BUILD)) \
		MQGATE_VM_LIMIT=$(or $(MQGATE_VM_LIMIT),1500) bash selftests/vm/run.sh \
		$$($(MAKE) --no-print-directory -s -C selftests/kmod emit_tests))

.PHONY: module test-module
