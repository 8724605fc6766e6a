# SPDX-License-Identifier: BSD-2-Clause
# User space: the command build/mqgate, the daemon build/mqgated, and the archives they and the unit
# tests link (build/libmqgate.a: common; build/libmqgated.a: the daemon without its main). Sources
# are found by wildcard: a new file in a folder is built without an edit here.

us_common := $(sort $(wildcard userspace/common/*.c))
us_cmd    := $(sort $(wildcard userspace/mqgate/*.c))
us_daemon := $(sort $(wildcard userspace/mqgated/*.c userspace/mqgated/*/*.c))

us_obj     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
us_objs   := $(call us_obj,$(us_common) $(us_cmd) $(us_daemon))

# Evaluated only when a recipe runs, so that `make help` needs no pkg-config.
US_PKGS_CMD    := libbpf jansson libmnl libcrypto libcyaml yaml-0.1
US_PKGS_DAEMON := libbpf jansson libmnl libcyaml yaml-0.1 openssl libmicrohttpd libcap-ng \
		  libseccomp libsystemd

US_INCLUDE := -Iinclude -Iinclude/uapi -Iuserspace -Iuserspace/mqgated
US_CFLAGS   = -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE -DMQG_VERSION='"$(VERSION)"' \
	      -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pthread \
	      $(US_INCLUDE)
US_LDFLAGS  = -pie -Wl,-z,relro,-z,now -pthread $(LDFLAGS)

# `make V=1` shows the commands.
us_say = $(if $(V),,@echo "  $(1)	$(2)"; )

all: $(BUILD)/mqgate $(BUILD)/mqgated

$(us_objs): $(BUILD)/obj/%.o: %.c Makefile userspace/build.mk
	@mkdir -p $(@D)
	$(call us_say,CC,$<)$(CC) $(US_CFLAGS) \
		$$(pkg-config --cflags $(US_PKGS_CMD) $(US_PKGS_DAEMON)) -MMD -MP -c -o $@ $<

# An archive is made anew, so that no object of a removed source stays in it.
$(BUILD)/libmqgate.a: $(call us_obj,$(us_common))
	@rm -f $@
	$(call us_say,AR,$@)$(AR) rcs $@ $^

$(BUILD)/libmqgated.a: $(filter-out %/mqgated/main.o,$(call us_obj,$(us_daemon)))
	@rm -f $@
	$(call us_say,AR,$@)$(AR) rcs $@ $^

# Of the daemon it takes what reads and compiles policies.
$(BUILD)/mqgate: $(call us_obj,$(us_cmd)) $(BUILD)/libmqgated.a $(BUILD)/libmqgate.a
	$(call us_say,LD,$@)$(CC) $(US_LDFLAGS) -o $@ $^ $$(pkg-config --libs $(US_PKGS_CMD)) -lm

$(BUILD)/mqgated: $(BUILD)/obj/userspace/mqgated/main.o $(BUILD)/libmqgated.a $(BUILD)/libmqgate.a
	$(call us_say,LD,$@)$(CC) $(US_LDFLAGS) -o $@ $^ $$(pkg-config --libs $(US_PKGS_DAEMON)) -lm

-include $(us_objs:.o=.d)
