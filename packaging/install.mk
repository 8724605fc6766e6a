# SPDX-License-Identifier: BSD-2-Clause
# make install, make uninstall. DESTDIR, PREFIX and the directories can be given. What the
# configuration directory holds besides the example is the operator's and stays.

DESTDIR     ?=
PREFIX      ?= /usr
SBINDIR     ?= $(PREFIX)/sbin
LIBDIR      ?= $(PREFIX)/lib/mqgate
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
MANDIR      ?= $(PREFIX)/share/man
MODPROBEDIR ?= $(PREFIX)/lib/modprobe.d
COMPDIR     ?= $(PREFIX)/share/bash-completion/completions
SYSCONFDIR  ?= /etc/mqgate

man_pages   := $(wildcard docs/man/*.5 docs/man/*.8)
unit_files  := $(wildcard packaging/systemd/*.service)
completion  := $(wildcard packaging/mqgate.bash-completion)

# Section of a page by its suffix: man8/mqgate.8
installed_man = $(foreach m,$(man_pages),man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))

install: all ## into DESTDIR, PREFIX=/usr: binaries, XDP object, units, man pages
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(SYSCONFDIR)
	install -m 0755 $(BUILD)/mqgated $(BUILD)/mqgate $(DESTDIR)$(SBINDIR)/
	install -m 0644 bpf/mqgate.bpf.o bpf/mqgate_ext.bpf.o $(DESTDIR)$(LIBDIR)/
	install -D -m 0644 packaging/modprobe.d/mqgate.conf $(DESTDIR)$(MODPROBEDIR)/mqgate.conf
	install -m 0644 userspace/mqgated/mqgate.yaml.example $(DESTDIR)$(SYSCONFDIR)/
	$(if $(unit_files),install -d $(DESTDIR)$(UNITDIR))
	$(if $(unit_files),install -m 0644 $(unit_files) $(DESTDIR)$(UNITDIR)/)
	install -D -m 0644 packaging/systemd/mqgate.sysusers $(DESTDIR)$(SYSUSERSDIR)/mqgate.conf
	install -D -m 0644 packaging/systemd/mqgate.tmpfiles $(DESTDIR)$(TMPFILESDIR)/mqgate.conf
	$(foreach m,$(installed_man),install -D -m 0644 docs/man/$(notdir $(m)) \
		$(DESTDIR)$(MANDIR)/$(m) &&) true
	$(if $(completion),install -D -m 0644 $(completion) $(DESTDIR)$(COMPDIR)/mqgate)

uninstall: ## remove what install put there; the configuration stays
	rm -f $(DESTDIR)$(SBINDIR)/mqgated $(DESTDIR)$(SBINDIR)/mqgate
	rm -f $(DESTDIR)$(SYSCONFDIR)/mqgate.yaml.example
	rm -rf $(DESTDIR)$(LIBDIR)
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(unit_files)))
	rm -f $(DESTDIR)$(SYSUSERSDIR)/mqgate.conf $(DESTDIR)$(TMPFILESDIR)/mqgate.conf \
		$(DESTDIR)$(MODPROBEDIR)/mqgate.conf
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/,$(installed_man)) $(DESTDIR)$(COMPDIR)/mqgate

.PHONY: install uninstall
