// SPDX-License-Identifier: BSD-2-Clause
/*
 * old_attach OBJECT DIRECTORY INTERFACE: attaches the program of an object and pins it, its maps,
 * its read-only data and its link as the loader of an older version did. For upgrade.sh.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static void pin(int fd, const char *dir, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (bpf_obj_pin(fd, path))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	struct bpf_program *prog, *wanted;
	struct bpf_object *object;
	struct bpf_map *map;
	char link_name[64];
	int link;

	if (argc != 4)
		errx(2, "old_attach OBJECT DIRECTORY INTERFACE");
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		err(1, "%s", argv[1]);
	wanted = bpf_object__find_program_by_name(object, "mqgate_xdp");
	bpf_object__for_each_program(prog, object)
		bpf_program__set_autoload(prog, prog == wanted);
	if (bpf_object__load(object))
		err(1, "%s: load", argv[1]);
	if (mkdir(argv[2], 0750))
		err(1, "%s", argv[2]);
	bpf_object__for_each_map(map, object)
		pin(bpf_map__fd(map), argv[2], strstr(bpf_map__name(map), ".rodata") ?
		    "mqgate_rodata" : bpf_map__name(map));
	pin(bpf_program__fd(wanted), argv[2], "prog");
	link = bpf_link_create(bpf_program__fd(wanted), (int)if_nametoindex(argv[3]), BPF_XDP,
			       NULL);
	if (link < 0)
		err(1, "%s", argv[3]);
	snprintf(link_name, sizeof(link_name), "link_%s", argv[3]);
	pin(link, argv[2], link_name);
	bpf_object__close(object);
	return 0;
}
