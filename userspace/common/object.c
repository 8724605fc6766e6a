// SPDX-License-Identifier: BSD-2-Clause
/*
 * Finds and loads the XDP object and its extension with libbpf. Called by attach.c and
 * extension.c under the writer's lock; what
 * libbpf prints while loading is kept here to explain a failure, so one load at a time.
 */
#include "common/object.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate.h>

#include "common/known.h"

#define INSTALLED	"/usr/lib/mqgate/mqgate.bpf.o"
#define BESIDE_BUILD	"../bpf/mqgate.bpf.o"
#define EXTENSION	"mqgate_ext.bpf.o"

/*
 * The first warning of libbpf names the map or program; its later ones only say that all has
 * failed. Of a verifier's log the line before the statistics tells what it did not accept.
 */
static char warning[256], complaint[256];

static void keep_complaint(const char *log)
{
	const char *end = strstr(log, "\nprocessed "), *line;

	if (!end)
		return;
	for (line = end; line > log && line[-1] != '\n'; line--)
		;
	snprintf(complaint, sizeof(complaint), "%.*s", (int)(end - line), line);
}

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text = NULL;

	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	if (strstr(text, "BEGIN PROG LOAD LOG")) {
		keep_complaint(text);
	} else if (!warning[0]) {
		snprintf(warning, sizeof(warning), "%s",
			 strncmp(text, "libbpf: ", 8) ? text : text + 8);
		warning[strcspn(warning, "\n")] = '\0';
	}
	free(text);
	return 0;
}

void mqg_object_find(char *path, size_t size)
{
	const char *named = getenv("MQGATE_OBJ");
	char self[256];
	ssize_t len;
	char *slash;

	if (named && *named) {
		snprintf(path, size, "%s", named);
		return;
	}
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			snprintf(path, size, "%s/" BESIDE_BUILD, self);
			if (!access(path, R_OK))
				return;
		}
	}
	snprintf(path, size, "%s", INSTALLED);
}

int mqg_object_find_extension(char *path, size_t size)
{
	char object[256];
	char *slash;
	int n;

	mqg_object_find(object, sizeof(object));
	slash = strrchr(object, '/');
	n = snprintf(path, size, "%.*s%s", slash ? (int)(slash - object) + 1 : 0, object,
		     EXTENSION);
	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static struct bpf_map *find_rodata(struct bpf_object *obj)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		const char *name = bpf_map__name(map);
		const char *dot = name ? strchr(name, '.') : NULL;

		if (bpf_map__is_internal(map) && dot && !strcmp(dot, ".rodata"))
			return map;
	}
	return NULL;
}

/* The object says which ABI it was built with, in the first member of its read-only data. */
static int check_abi(struct bpf_object *obj, const char *path, char *why, size_t size)
{
	struct bpf_map *map = find_rodata(obj);
	const void *value;
	struct mqgate_rodata rodata = {};
	size_t len = 0;

	value = map ? bpf_map__initial_value(map, &len) : NULL;
	if (value && len >= sizeof(rodata))
		memcpy(&rodata, value, sizeof(rodata));
	if (rodata.abi_version == MQGATE_ABI_VERSION)
		return 0;
	if (!rodata.abi_version)
		snprintf(why, size, "%s: it does not carry an ABI version, so it is not the XDP "
			 "object of mqgate; name the right one in MQGATE_OBJ", path);
	else
		snprintf(why, size, "%s: it speaks ABI %u and this command speaks %u; install the "
			 "object and the command of one version", path, rodata.abi_version,
			 MQGATE_ABI_VERSION);
	return -EPROTO;
}

/* What crosses from the program to its twin or extension is known to those of one build only. */
static int check_crossing(struct bpf_object *obj, const char *path, const int *reuse, char *why,
			  size_t size)
{
	int fd = reuse ? reuse[MQG_MAPS + MQG_OWN_CROSSING] : -1;

	if (fd < 0 || mqg_layout_alike(fd, bpf_object__btf(obj), "crossing"))
		return 0;
	snprintf(why, size, "%s: it is of another build than the program that is attached; "
		 "mqgate detach IF keep on every interface, then attach again", path);
	return -EPROTO;
}

static int prepare_map(struct bpf_object *obj, size_t i, const int *reuse, bool extension,
		       const struct mqg_sizes *sizes)
{
	uint32_t entries = sizes && i < MQG_MAPS ? mqg_sizes_of(sizes, i) : 0;
	struct bpf_map *map = bpf_object__find_map_by_name(obj, mqg_object_map_name(i));

	if (!map)
		return extension ? 0 : -ENOENT;
	if (reuse && reuse[i] >= 0)
		return bpf_map__reuse_fd(map, reuse[i]);
	return entries ? bpf_map__set_max_entries(map, entries) : 0;
}

/* The name of a map in the object is that of its pin: the table knows its sizes. */
static int prepare_maps(struct bpf_object *obj, const char *path, const int *reuse, bool extension,
			const struct mqg_sizes *sizes, char *why, size_t size)
{
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++) {
		const char *name = mqg_object_map_name(i);
		int err = prepare_map(obj, i, reuse, extension, sizes);

		if (err == -ENOENT) {
			snprintf(why, size, "%s: it has no map %s, so it is not the XDP object of "
				 "mqgate; name the right one in MQGATE_OBJ", path, name);
			return -EPROTO;
		}
		if (err) {
			snprintf(why, size, "%s: map %s cannot be prepared: %s", path, name,
				 strerror(-err));
			return err;
		}
	}
	return check_crossing(obj, path, reuse, why, size);
}

static int explain_load(int err, const char *path, char *why, size_t size)
{
	if (err == -EPERM)
		snprintf(why, size, "%s: the kernel does not let you load it; this needs root",
			 path);
	else
		snprintf(why, size, "%s: the kernel does not take it: %s; %s%s%s%s", path,
			 strerror(-err), warning, complaint[0] ? " (verifier: " : "", complaint,
			 complaint[0] ? ")" : "");
	return err;
}

static int open_object(struct mqg_object *object, const char *path, char *why, size_t size)
{
	int err;

	memset(object, 0, sizeof(*object));
	warning[0] = complaint[0] = '\0';
	libbpf_set_print(keep_warning);

	if (access(path, R_OK)) {
		err = -errno;
		snprintf(why, size,
			 "%s: the XDP object cannot be read (%s); build it with make, or "
			 "name it in MQGATE_OBJ",
			 path, strerror(errno));
		return err;
	}
	object->obj = bpf_object__open_file(path, NULL);
	if (!object->obj) {
		err = -errno;
		snprintf(why, size, "%s: not a BPF object: %s%s%s", path, strerror(-err),
			 warning[0] ? "; " : "", warning);
		return err;
	}
	return check_abi(object->obj, path, why, size);
}

/* Before a packet comes: the program cannot know how large its filter was made. */
static int tell_size(const struct mqg_object *object, const char *path, char *why, size_t size)
{
	struct mqg_pins pins = {};
	int err;

	for (size_t i = 0; i < MQG_MAPS; i++)
		*(int *)((char *)&pins + mqg_map_layouts[i].fd_offset) = object->map_fd[i];
	err = mqg_known_open(&pins);
	mqg_known_close(&pins);
	if (err)
		snprintf(why, size, "%s: map %s cannot be used: %s", path, MQGATE_MAP_KNOWN,
			 strerror(-err));
	return err;
}

int mqg_object_load(struct mqg_object *object, const char *path, bool frags, const int *reuse,
		    const struct mqg_sizes *sizes, char *why, size_t size)
{
	const char *wanted = frags ? MQG_PROG_FRAGS : MQG_PROG;
	struct bpf_program *prog;
	struct bpf_map *map;
	int err;

	err = open_object(object, path, why, size);
	if (!err)
		err = prepare_maps(object->obj, path, reuse, false, sizes, why, size);
	if (err)
		goto fail;

	bpf_object__for_each_program(prog, object->obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), wanted));
	prog = bpf_object__find_program_by_name(object->obj, wanted);
	if (!prog) {
		snprintf(why, size, "%s: it has no program %s", path, wanted);
		err = -ENOENT;
		goto fail;
	}
	err = bpf_object__load(object->obj);
	if (err) {
		explain_load(err, path, why, size);
		goto fail;
	}

	object->prog_fd = bpf_program__fd(prog);
	map = find_rodata(object->obj);
	object->rodata_fd = bpf_map__fd(map);
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++)
		object->map_fd[i] = bpf_object__find_map_fd_by_name(object->obj,
								    mqg_object_map_name(i));
	err = tell_size(object, path, why, size);
	if (err)
		goto fail;
	return 0;
fail:
	mqg_object_unload(object);
	return err;
}

int mqg_object_load_extension(struct mqg_object *object, const char *path, const int *reuse,
			      int rodata, char *why, size_t size)
{
	struct bpf_program *prog, *twin;
	int err;

	err = open_object(object, path, why, size);
	if (!err)
		err = prepare_maps(object->obj, path, reuse, true, NULL, why, size);
	if (!err && rodata >= 0) {
		err = bpf_map__reuse_fd(find_rodata(object->obj), rodata);
		if (err)
			snprintf(why, size, "%s: the program's read-only data cannot be used: %s",
				 path, strerror(-err));
	}
	if (err)
		goto fail;
	prog = bpf_object__find_program_by_name(object->obj, MQG_EXT);
	twin = bpf_object__find_program_by_name(object->obj, MQG_EXT_FRAGS);
	if (!prog || !twin) {
		snprintf(why, size, "%s: it is not the extension of mqgate", path);
		err = -ENOENT;
		goto fail;
	}
	err = bpf_object__load(object->obj);
	if (err) {
		explain_load(err, path, why, size);
		goto fail;
	}
	object->prog_fd = bpf_program__fd(prog);
	object->twin_fd = bpf_program__fd(twin);
	return 0;
fail:
	mqg_object_unload(object);
	return err;
}

void mqg_object_unload(struct mqg_object *object)
{
	if (object->obj)
		bpf_object__close(object->obj);
	memset(object, 0, sizeof(*object));
}
