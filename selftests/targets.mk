# SPDX-License-Identifier: BSD-2-Clause
# The top Makefile's targets that run something: each installs what it needs (root), builds, runs,
# and hands what root built back to the user behind sudo.

# Programs run in directories of their own.
ifneq ($(MQGATE_VECTORS),)
export MQGATE_VECTORS := $(abspath $(MQGATE_VECTORS))
endif
ifneq ($(MQGATE_DEBUG_KERNEL),)
export MQGATE_DEBUG_KERNEL := $(abspath $(MQGATE_DEBUG_KERNEL))
endif

suites := $(MAKE) --no-print-directory -C selftests run_tests

# $(call prepared,GROUPS): packages, account, bpffs, then the build
define prepared
	@$(setup) install build $(1)
	@$(MAKE) --no-print-directory all
endef

# $(call as_root,TARGET)
define as_root
	@[ "$$(id -u)" = 0 ] || { \
		echo "make $(1) needs root (namespaces, BPF): sudo make $(1)" >&2; exit 1; }
endef

# $(call handed_back,COMMAND): COMMAND, and its exit status after build/ has its owner again
define handed_back
	@$(1); rc=$$?; \
	if [ -n "$$SUDO_UID" ] && [ -d $(BUILD) ]; then \
		chown -R "$$SUDO_UID:$$SUDO_GID" $(BUILD) bpf; \
	fi; \
	exit $$rc
endef

run: ## see it at work: broker, devices, a flood (root; VM=1, MODULE=1, KEEP=1, IF= BROKER= CONFIG=)
	$(call as_root,$@)
	$(call prepared,run $(if $(VM),vm module))
	@$(MAKE) --no-print-directory -C selftests/e2e files
	@$(setup) kernel bpf/mqgate.bpf.o
	$(call handed_back,bash selftests/e2e/run.sh)

test: ## all tests but the mutants, the module's on Linux KERNEL=6.1|6.12 (root; under 30 minutes)
	$(call as_root,$@)
	$(call prepared,test run)
	@$(setup) wish vm module
	@$(setup) kernel bpf/mqgate.bpf.o
	$(call handed_back,$(suites))

test-unit: ## parsers, vectors, ABI layout, units of command and daemon
	$(call prepared,test)
	$(call handed_back,$(suites) UNIT=1 \
		TARGETS="$(filter-out bpf e2e lib bench vm kmod debug,$(unit_suites))")

test-xdp: ## XDP by BPF_PROG_RUN and over veth (root)
	$(call as_root,$@)
	$(call prepared,test run)
	$(call handed_back,$(suites) TARGETS=bpf)

test-identity: ## TLS, certificates, tickets, OCSP, keys in hardware: daemon and proxy (root)
	$(call as_root,$@)
	$(call prepared,test run)
	$(call handed_back,$(suites) TARGETS="proxy daemon")

# What packets, rights, brokers, taps and the end of a process have in suites of more.
stream_programs := walk_test packets.py authority.py credentials.py relay.py limits.py \
	upstream.py upstream_tls.py pp2.py pp2_in.py rabbitmq.py half_test config_rights_test \
	brokers.sh tap_test tap.sh drain.sh handover.sh attacks.sh backpressure.py

test-stream: ## every packet, rights, brokers, taps, drain and take-over (root)
	$(call as_root,$@)
	$(call prepared,test run)
	$(call handed_back,$(suites) TARGETS=policy && $(suites) TARGETS="proxy daemon" \
		PROGS="$(stream_programs)")

test-e2e: ## daemon, proxy and the whole loop against mosquitto (root)
	$(call as_root,$@)
	$(call prepared,test run)
	$(call handed_back,$(suites) TARGETS="$(filter daemon proxy cmd e2e,$(unit_suites))")

test-vm: ## the XDP programs on Debian's kernels in QEMU (KERNEL=6.1|6.12)
	$(call prepared,test run vm)
	$(call handed_back,$(suites) TARGETS=vm)

debug-kernel: ## KASAN, lockdep, kmemleak, failslab, KUnit (MQGATE_DEBUG_KERNEL=DIR takes that one)
	@$(setup) install build module debug
	@MQGATE_BUILD=$(abspath $(BUILD)) nice bash selftests/vm/debug.sh build
	@MQGATE_BUILD=$(abspath $(BUILD)) bash kmod/build.sh debug

test-debug-kernel: ## the module on that kernel, and its mutants: an hour (root)
	$(call as_root,$@)
	$(call prepared,test run vm module)
	$(call handed_back,$(suites) TARGETS=debug)

test-full: ## make test with long fuzzing, 10^6 mutations, all of it on both kernels (root)
	$(call as_root,$@)
	$(call prepared,test run vm module)
	@$(setup) kernel bpf/mqgate.bpf.o
	$(call handed_back,FUZZ_SECONDS=120 MQGATE_RUNS=1000000 \
		$(suites) ALSO=vm KERNEL="6.1 6.12")

test-mutants: ## remove a guard at a time: the test that holds it must go red (root)
	$(call as_root,$@)
	$(call prepared,test run)
	$(call handed_back,bash selftests/mutants/run.sh $(MUTANTS))

unit_suites := $(patsubst selftests/%/Makefile,%,$(wildcard selftests/*/Makefile))

bench-xdp: ## XDP against bare programs, netfilter, tc, xdp-filter, HAProxy (root; ROWS=)
	$(call as_root,$@)
	$(call prepared,bench run)
	$(call handed_back,$(MAKE) --no-print-directory -C selftests/bench bench-xdp)

bench-module: ## the module in a guest that counts instructions, against nf_conntrack (root)
	$(call as_root,$@)
	$(call prepared,bench run vm module)
	$(call handed_back,$(MAKE) --no-print-directory -C selftests/bench bench-module)

bench-tls: ## handshakes and idle clients against bare libssl, haproxy, nginx (root; ROWS=)
	$(call as_root,$@)
	$(call prepared,bench run)
	$(call handed_back,$(MAKE) --no-print-directory -C selftests/bench bench-tls)

bench-stream: ## messages against a bare relay, haproxy, nginx, mosquitto (root)
	$(call as_root,$@)
	$(call prepared,bench run)
	$(call handed_back,$(MAKE) --no-print-directory -C selftests/bench bench-stream)

bench: bench-xdp bench-module bench-tls bench-stream ## all benchmarks

fuzz: ## the parsers and the stream follower under libFuzzer for FUZZ_SECONDS=60 each
	$(call prepared,test)
	$(call handed_back,$(MAKE) --no-print-directory -C selftests/wire fuzz && \
		$(MAKE) --no-print-directory -C selftests/stream fuzz)

style: ## layout of every file: SPDX, tabs, line length, shell syntax
	@bash selftests/lib/style.sh

sparse: ## sparse over user space
	@$(setup) check style build
	@bash selftests/lib/sparse.sh

.PHONY: run bench bench-xdp bench-module bench-tls bench-stream debug-kernel test-debug-kernel \
	test test-unit test-xdp test-identity test-stream test-e2e test-vm test-full test-mutants \
	fuzz style sparse
