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

test-module: ## the module's tests in a QEMU guest (KERNEL=6.1|6.12, root)
	$(call as_root,$@)
	$(call prepared,test run vm module)
	$(call handed_back,$(suites) TARGETS=kmod)

install-module: module ## into /lib/modules of the kernel it was built for, for modprobe
	@release=$$(modinfo -F vermagic kmod/mqgate.ko | cut -d' ' -f1) && \
	install -D -m 0644 kmod/mqgate.ko $(DESTDIR)/lib/modules/$$release/updates/mqgate.ko && \
	if [ -z "$(DESTDIR)" ]; then depmod -a $$release; fi

install-dkms: ## the module's source into /usr/src, and dkms.conf: then dkms install mqgate/VERSION
	@at=$(DESTDIR)/usr/src/mqgate-$(VERSION) && mkdir -p $$at/kmod && \
	install -m 0644 Kbuild packaging/dkms.conf $$at/ && \
	install -m 0644 kmod/*.[ch] kmod/*.sh kmod/Kbuild $$at/kmod/ && cp -r include $$at/

.PHONY: module test-module install-module install-dkms
