// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the numbers of kfuncs into the section .BTF_ids of a module, as the kernel's own
 * resolve_btfids does, which Debian's 6.1 headers lack. A program of the build, called by
 * build.sh after pahole:
 *
 *	btfids BASE_BTF MODULE.ko
 *
 * Entries are symbols __BTF_ID__func__NAME__N (four bytes: the number) and
 * __BTF_ID__set8__NAME (the count, then flags, then pairs of number and flags, to be
 * sorted by number). A set may keep flags of its own: they are not touched.
 */
#include <bpf/btf.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX	"__BTF_ID__"
#define PAIR	8U

struct module {
	Elf		*elf;
	Elf_Data	*ids;
	Elf_Data	*symbols;
	size_t		ids_index;
	size_t		strings;
	size_t		count;
};

static int by_number(const void *a, const void *b)
{
	__u32 x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static void open_module(struct module *module, const char *path)
{
	GElf_Shdr header;
	Elf_Scn *section = NULL;
	size_t names;
	int fd;

	elf_version(EV_CURRENT);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(1, "%s", path);
	module->elf = elf_begin(fd, ELF_C_RDWR, NULL);
	if (!module->elf || elf_getshdrstrndx(module->elf, &names))
		errx(1, "%s: %s", path, elf_errmsg(-1));
	elf_flagelf(module->elf, ELF_C_SET, ELF_F_LAYOUT);
	while ((section = elf_nextscn(module->elf, section))) {
		const char *name;

		gelf_getshdr(section, &header);
		name = elf_strptr(module->elf, names, header.sh_name);
		if (name && !strcmp(name, ".BTF_ids")) {
			module->ids = elf_getdata(section, NULL);
			module->ids_index = elf_ndxscn(section);
		} else if (header.sh_type == SHT_SYMTAB) {
			module->symbols = elf_getdata(section, NULL);
			module->strings = header.sh_link;
			module->count = header.sh_size / header.sh_entsize;
		}
	}
}

/* Where a symbol's bytes are; the rest of its name after PREFIX and @kind; NULL if not one. */
static char *entry(const struct module *module, size_t index, const char *kind,
		   size_t least, const char **rest, size_t *size)
{
	const char *name;
	GElf_Sym symbol;

	if (!gelf_getsym(module->symbols, index, &symbol) || symbol.st_shndx != module->ids_index)
		return NULL;
	name = elf_strptr(module->elf, module->strings, symbol.st_name);
	if (!name || strncmp(name, PREFIX, strlen(PREFIX)))
		return NULL;
	name += strlen(PREFIX);
	if (strncmp(name, kind, strlen(kind)))
		return NULL;
	if (symbol.st_value > module->ids->d_size || symbol.st_size < least ||
	    symbol.st_size > module->ids->d_size - symbol.st_value)
		errx(1, "%s%s lies outside of .BTF_ids", PREFIX, name);
	*rest = name + strlen(kind);
	*size = symbol.st_size;
	return (char *)module->ids->d_buf + symbol.st_value;
}

/* The name without the counter that makes the symbol unique. */
static void strip(char *name, size_t room, const char *from)
{
	char *end = NULL, *at;

	if (strlen(from) >= room)
		errx(1, "%s: name too long", from);
	strcpy(name, from);
	for (at = name; (at = strstr(at, "__")); at++)
		end = at;
	if (end)
		*end = '\0';
}

static unsigned int resolve(const struct module *module, const struct btf *btf)
{
	unsigned int done = 0;
	const char *rest;
	char name[256];
	size_t i, size;
	char *at;

	for (i = 0; i < module->count; i++) {
		__u32 number;
		int id;

		at = entry(module, i, "func__", sizeof(number), &rest, &size);
		if (!at)
			continue;
		strip(name, sizeof(name), rest);
		id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
		if (id < 0)
			errx(1, "%s is not in the module's BTF", name);
		number = id;
		memcpy(at, &number, sizeof(number));
		done++;
	}
	for (i = 0; i < module->count; i++) {
		__u32 pairs;

		at = entry(module, i, "set8__", PAIR, &rest, &size);
		if (!at)
			continue;
		pairs = size / PAIR - 1;
		memcpy(at, &pairs, sizeof(pairs));
		qsort(at + PAIR, pairs, PAIR, by_number);
	}
	return done;
}

int main(int argc, char **argv)
{
	struct module module = {};
	struct btf *base, *btf;

	if (argc != 3)
		errx(2, "usage: %s BASE_BTF MODULE.ko", argv[0]);
	base = btf__parse(argv[1], NULL);
	if (!base)
		err(1, "%s: no BTF", argv[1]);
	btf = btf__parse_split(argv[2], base);
	if (!btf)
		err(1, "%s: no BTF on top of %s", argv[2], argv[1]);
	open_module(&module, argv[2]);
	if (!module.ids)
		return 0;
	if (!module.symbols)
		errx(1, "%s has no symbols", argv[2]);
	if (resolve(&module, btf)) {
		elf_flagdata(module.ids, ELF_C_SET, ELF_F_DIRTY);
		if (elf_update(module.elf, ELF_C_WRITE) < 0)
			errx(1, "%s: %s", argv[2], elf_errmsg(-1));
	}
	elf_end(module.elf);
	btf__free(btf);
	btf__free(base);
	return 0;
}
