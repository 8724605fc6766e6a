// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attaching: decides between new, adopted and shared programs, finds a mode that the driver
 * takes, pins, and undoes. Called by the command's attach; every change of the pins is made
 * under the writer's lock, which is not held while a person is asked to confirm.
 */
#include "common/attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <linux/if_link.h>
#include <linux/mqgate.h>

#include "common/extension.h"
#include "common/load.h"
#include "common/lock.h"
#include "common/migrate.h"
#include "common/pindir.h"
#include "common/pins.h"
#include "common/refusal.h"
#include "common/state.h"
#include "common/upgrade.h"

#define LOCK_WAIT_MS	5000

static void __attribute__((format(printf, 2, 3)))
note(struct mqg_attach *a, const char *format, ...)
{
	size_t used = strlen(a->note);
	va_list args;

	if (used && used < sizeof(a->note) - 1)
		a->note[used++] = '\n';
	va_start(args, format);
	vsnprintf(a->note + used, sizeof(a->note) - used, format, args);
	va_end(args);
}

static uint32_t id_of_prog(int fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static uint32_t id_of_map(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

/* A program that uses other maps than the pinned ones would filter by verdicts nobody sees. */
static bool uses_map(int prog_fd, uint32_t map_id)
{
	__u32 ids[64] = {};
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (uintptr_t)ids };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len) || info.type != BPF_PROG_TYPE_XDP)
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < 64; i++)
		if (ids[i] == map_id)
			return true;
	return false;
}

static int count_live(const struct mqg_link *link, void *arg)
{
	if (link->readable && link->ifindex)
		++*(int *)arg;
	return 0;
}

/* A pin whose interface is gone holds a dead link; it would only be in the way. */
static int check_own_link(struct mqg_attach *a, char *why, size_t size)
{
	struct mqg_link link;
	struct mqg_xdp xdp;
	int err = mqg_link_read(a->ifname, &link);

	if (err == -ENOENT)
		return 0;
	if (err || !link.readable) {
		snprintf(why, size,
			 "%s: the pin cannot be read (%s); this needs root, or remove it "
			 "if it is not a link of mqgate",
			 link.path, strerror(err ? -err : EACCES));
		return err ? err : -EACCES;
	}
	if (!link.ifindex)
		return unlink(link.path) ? -errno : 0;

	err = mqg_xdp_lookup(a->ifindex, &xdp);
	if (err) {
		snprintf(why, size, "%s: cannot be asked for its XDP program: %s", a->ifname,
			 strerror(-err));
		return err;
	}
	if (link.ifindex != a->ifindex || xdp.prog_id != link.prog_id) {
		snprintf(why, size,
			 "%s: the pin %s belongs to an interface of that name in another "
			 "network namespace; name another directory for this one in MQGATE_BPFFS",
			 a->ifname, link.path);
		return -EEXIST;
	}
	a->already = true;
	a->mode = xdp.mode;
	a->prog_id = link.prog_id;
	if (a->wanted == MQG_XDP_NONE || a->wanted == xdp.mode)
		return 0;
	snprintf(why, size,
		 "%s: mqgate is attached already, in %s mode; to change it: mqgate detach "
		 "%s keep, then attach again",
		 a->ifname, mqg_xdp_mode_word(xdp.mode), a->ifname);
	return -EEXIST;
}

/* The twin that some driver may want has to share what the program has; older ones have none. */
static void open_own(struct mqg_attach *a)
{
	char path[MQG_PATH];

	for (size_t i = MQG_MAPS; i < MQG_OBJECT_MAPS; i++) {
		snprintf(path, sizeof(path), "%s/%s", mqg_bpffs_dir(), mqg_object_map_name(i));
		a->map_fd[i] = bpf_obj_get(path);
	}
}

static int open_pin(const char *name)
{
	char path[MQG_PATH];

	snprintf(path, sizeof(path), "%s/%s", mqg_bpffs_dir(), name);
	return bpf_obj_get(path);
}

static bool same_value(int one, int other)
{
	struct mqgate_rodata a = {}, b = {};
	__u32 zero = 0;

	return !bpf_map_lookup_elem(one, &zero, &a) && !bpf_map_lookup_elem(other, &zero, &b) &&
	       !memcmp(&a, &b, sizeof(a));
}

/* The kernel's digest of the instructions, and the constants that they read. */
static bool same_program(int pinned, int loaded, int loaded_rodata)
{
	struct bpf_prog_info a = {}, b = {};
	__u32 a_len = sizeof(a), b_len = sizeof(b);
	int rodata;
	bool same;

	if (bpf_obj_get_info_by_fd(pinned, &a, &a_len) ||
	    bpf_obj_get_info_by_fd(loaded, &b, &b_len) || memcmp(a.tag, b.tag, sizeof(a.tag)))
		return false;
	rodata = open_pin(MQGATE_PIN_RODATA);
	same = rodata >= 0 && same_value(rodata, loaded_rodata);
	if (rodata >= 0)
		close(rodata);
	return same;
}

/* Return: 0 and @a->from_abi (0: nothing is pinned, or of this ABI), or -EPROTO. */
static int check_pinned_abi(struct mqg_attach *a, char *why, size_t size)
{
	uint32_t abi;
	int err = mqg_pins_abi(&abi, why, size);

	if (err || !abi || abi == MQGATE_ABI_VERSION)
		return err;
	if (abi < MQGATE_ABI_VERSION && abi >= MQG_ABI_OLDEST) {
		a->from_abi = abi;
		return 0;
	}
	snprintf(why, size, "%s: the pinned program speaks ABI %u, this build speaks %u and takes "
		 "over from %u on; use the version of mqgate that attached it, or mqgate detach "
		 "all and attach again: verdicts start anew", mqg_bpffs_dir(), abi,
		 MQGATE_ABI_VERSION, MQG_ABI_OLDEST);
	return -EPROTO;
}

static int load_program(struct mqg_attach *a, char *why, size_t size)
{
	char object[MQG_PATH];
	int err;

	mqg_object_find(object, sizeof(object));
	if (a->from_abi)
		mqg_migrate_sizes(mqg_bpffs_dir(), &a->sizes);
	err = mqg_object_load(&a->object, object, false, a->map_fd, &a->sizes, why,
			      size);
	if (err)
		return err;
	a->prog_fd = a->object.prog_fd;
	a->rodata_fd = a->object.rodata_fd;
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++)
		if (a->map_fd[i] < 0)
			a->map_fd[i] = dup(a->object.map_fd[i]);
	return 0;
}

/*
 * New maps get what the state directory has, before the first packet is judged by them. What
 * cannot be restored is told, and does not stand against a filter without it.
 */
static void restore(struct mqg_attach *a)
{
	struct mqg_load_done done;
	struct mqg_pins pins = {};
	char why[700];
	int restored;

	for (size_t i = 0; i < MQG_MAPS; i++)
		*(int *)((char *)&pins + mqg_map_layouts[i].fd_offset) = a->map_fd[i];
	restored = mqg_state_restore(&pins, why, sizeof(why));
	if (restored < 0)
		note(a, "%s", why);
	else
		a->restored = (uint32_t)restored;
	restored = mqg_load_restore(&pins, &done, why, sizeof(why));
	if (restored < 0 && restored != -ENOENT)
		note(a, "%s", why);
	else if (!restored)
		a->restored += (uint32_t)(done.sources + done.prefix4 + done.prefix6);
}

static void share(struct mqg_attach *a, int prog_fd)
{
	for (size_t i = MQG_MAPS; i < MQG_OBJECT_MAPS; i++)
		if (a->map_fd[i] >= 0)
			close(a->map_fd[i]);
	mqg_object_unload(&a->object);
	a->prog_fd = prog_fd;
	a->rodata_fd = -1;
	a->shared = true;
	open_own(a);
}

/*
 * The object on disk, with the pinned maps: verdicts survive. Where other interfaces have that
 * very program already, theirs is shared; where they have another, it is replaced.
 */
static int get_program(struct mqg_attach *a, char *why, size_t size)
{
	int live = 0, found, err, pinned;

	err = check_pinned_abi(a, why, size);
	if (err)
		return err;
	mqg_link_each(count_live, &live);
	if (a->from_abi && live && !a->keep) {
		snprintf(why, size, "%s: the program that other interfaces have is of an older "
			 "version; replace it first, without confirm: mqgate attach IF, of one of "
			 "them", a->ifname);
		return -EPROTO;
	}
	found = a->from_abi ? 0 : mqg_pindir_open(a->map_fd, why, size);
	if (found < 0)
		return found;
	a->adopted = found;
	if (mqg_sizes_check(&a->sizes, a->map_fd, why, size))
		return -EEXIST;
	pinned = live && found == MQG_MAPS ? open_pin(MQGATE_PIN_PROG) : -1;
	if (pinned >= 0 && !uses_map(pinned, id_of_map(a->map_fd[0]))) {
		snprintf(why, size, "%s/" MQGATE_PIN_PROG ": the pinned program does not use the "
			 "pinned maps; mqgate detach all, then attach again", mqg_bpffs_dir());
		close(pinned);
		return -EPROTO;
	}
	/* What may be taken back in a minute changes nothing for others. */
	if (pinned >= 0 && !a->keep) {
		share(a, pinned);
		return 0;
	}
	err = load_program(a, why, size);
	if (!err && pinned >= 0 && same_program(pinned, a->prog_fd, a->rodata_fd)) {
		share(a, pinned);
		return 0;
	}
	if (pinned >= 0)
		close(pinned);
	a->replaces = live || a->from_abi;
	a->first = !found && !a->from_abi;
	return err;
}

/* The program of the other interfaces, and the pins, give way to the new ones. */
static int replace(struct mqg_attach *a, char *why, size_t size)
{
	struct mqg_upgrade upgrade = {
		.prog_fd = a->prog_fd, .twin_fd = -1, .rodata_fd = a->rodata_fd,
		.map_fd = a->map_fd, .gid = a->gid, .migrate = a->from_abi,
	};
	char object[MQG_PATH];
	int err = 0;

	if (mqg_upgrade_wants_twin()) {
		mqg_object_find(object, sizeof(object));
		err = mqg_object_load(&a->twin, object, true, a->map_fd, &a->sizes, why,
				      size);
		upgrade.twin_fd = a->twin.prog_fd;
	}
	if (!err)
		err = mqg_upgrade_run(&upgrade, why, size);
	if (err)
		return err;
	a->pinned = true;
	a->upgraded = upgrade.links;
	if (upgrade.note[0])
		note(a, "%s", upgrade.note);
	return 0;
}

static int create_link(struct mqg_attach *a, int prog_fd, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, (int)a->ifindex, BPF_XDP, &opts);

	if (fd < 0)
		return fd;
	a->link_fd = fd;
	a->mode = flags & XDP_FLAGS_SKB_MODE ? MQG_XDP_GENERIC : MQG_XDP_NATIVE;
	a->prog_id = id_of_prog(prog_fd);
	return 0;
}

/* Drivers refuse a program without frags where a packet may need several buffers (MTU). */
static int create_frags_link(struct mqg_attach *a, char *why, size_t size)
{
	char object[MQG_PATH];
	int err = 0, pinned = a->shared ? open_pin(MQGATE_PIN_PROG_FRAGS) : -1;

	mqg_object_find(object, sizeof(object));
	if (pinned < 0 && !a->twin.obj)
		err = mqg_object_load(&a->twin, object, true, a->map_fd, &a->sizes, why,
				      size);
	if (!err)
		err = create_link(a, pinned < 0 ? a->twin.prog_fd : pinned, XDP_FLAGS_DRV_MODE);
	if (pinned >= 0)
		close(pinned);
	a->frags = !err;
	return err;
}

/* Refusals that no other mode changes. */
static int say_refusal(struct mqg_attach *a, int err, char *why, size_t size)
{
	struct mqg_xdp xdp;
	char text[640];

	if (err == -EPERM || err == -EACCES) {
		snprintf(why, size, "%s: permission denied; attaching needs root", a->ifname);
		return err;
	}
	if (!mqg_xdp_lookup(a->ifindex, &xdp) && xdp.mode != MQG_XDP_NONE) {
		mqg_xdp_describe(&xdp, text, sizeof(text));
		snprintf(why, size, "%s: %s", a->ifname, text);
		return -EEXIST;
	}
	snprintf(why, size, "%s: another XDP program was there a moment ago; try again", a->ifname);
	return err;
}

static bool mode_matters(int err)
{
	return err != -EBUSY && err != -EEXIST && err != -EPERM && err != -EACCES;
}

static int say_no_native(struct mqg_attach *a, const struct mqg_refusal *refusal, char *why,
			 size_t size)
{
	char text[256], remedy[256];

	if (mqg_refusal_final(refusal))
		snprintf(why, size, "%s: its driver%s%s%s has no native XDP; use the slower "
			 "generic mode: mqgate attach %s generic", a->ifname,
			 refusal->driver[0] ? " (" : "", refusal->driver,
			 refusal->driver[0] ? ")" : "", a->ifname);
	else
		snprintf(why, size, "%s: its %s, with frags, too; %s. Or the slower generic mode: "
			 "mqgate attach %s generic", a->ifname,
			 mqg_refusal_say(refusal, text, sizeof(text)),
			 mqg_refusal_remedy(refusal, a->ifname, remedy, sizeof(remedy)), a->ifname);
	return refusal->err;
}

static void note_generic(struct mqg_attach *a, const struct mqg_refusal *refusal)
{
	char text[256], remedy[256];

	if (mqg_refusal_final(refusal))
		note(a, "the driver has no native XDP, so generic mode is used: it filters the "
		     "same and costs more a packet");
	else
		note(a, "the %s; so generic mode is used, which filters the same and costs more a "
		     "packet. For native mode %s; then mqgate detach %s keep, and attach again",
		     mqg_refusal_say(refusal, text, sizeof(text)),
		     mqg_refusal_remedy(refusal, a->ifname, remedy, sizeof(remedy)), a->ifname);
}

/* Native mode, then with frags. Return: 0, or -errno with @refusal: of the one or the other. */
static int make_native(struct mqg_attach *a, struct mqg_refusal *refusal, char *why, size_t size)
{
	char text[256];
	int err;

	refusal->err = create_link(a, a->prog_fd, XDP_FLAGS_DRV_MODE);
	if (!refusal->err || !mode_matters(refusal->err))
		return refusal->err;
	mqg_refusal_ask(a->ifname, a->ifindex, a->prog_fd, XDP_FLAGS_DRV_MODE, refusal);
	if (mqg_refusal_final(refusal))
		return refusal->err;
	err = create_frags_link(a, why, size);
	if (!err)
		note(a, "the %s for packets of one buffer, mostly for its MTU; the twin for "
		     "several is attached", mqg_refusal_say(refusal, text, sizeof(text)));
	if (!err || !mode_matters(err) || !a->twin.obj)
		return err;
	/* What is left to change is what the twin is refused for. */
	refusal->err = err;
	mqg_refusal_ask(a->ifname, a->ifindex, a->twin.prog_fd, XDP_FLAGS_DRV_MODE, refusal);
	return err;
}

static int make_link(struct mqg_attach *a, char *why, size_t size)
{
	struct mqg_refusal refusal = {};
	int err;

	if (a->wanted != MQG_XDP_GENERIC) {
		err = make_native(a, &refusal, why, size);
		if (!err)
			return 0;
		if (!mode_matters(err))
			return say_refusal(a, err, why, size);
		if (a->wanted == MQG_XDP_NATIVE)
			return say_no_native(a, &refusal, why, size);
		note_generic(a, &refusal);
	}
	err = create_link(a, a->prog_fd, XDP_FLAGS_SKB_MODE);
	if (!err || !mode_matters(err))
		return err ? say_refusal(a, err, why, size) : 0;
	refusal.err = err;
	mqg_refusal_ask(a->ifname, a->ifindex, a->prog_fd, XDP_FLAGS_SKB_MODE, &refusal);
	snprintf(why, size, "%s: generic XDP is refused%s: %s", a->ifname,
		 a->wanted == MQG_XDP_GENERIC ? "" : " as well",
		 refusal.words[0] ? refusal.words : strerror(-err));
	return err;
}

static int pin_anew(struct mqg_attach *a, int fd, const char *name, gid_t gid, char *why,
		    size_t size)
{
	char path[MQG_PATH];
	int err;

	snprintf(path, sizeof(path), "%s/%s", mqg_bpffs_dir(), name);
	/* Pinned again after a confirmation: just what somebody removed meanwhile. */
	if (!a->pinned)
		unlink(path);
	err = mqg_pindir_pin(mqg_bpffs_dir(), fd, name, gid, why, size);
	return err < 0 ? err : 0;
}

/*
 * What comes and goes with the program. With a new one the slots of the extension are new and
 * empty: what was linked is linked anew.
 */
static int pin_program(struct mqg_attach *a, char *why, size_t size)
{
	bool linked = !a->pinned && mqg_extension_linked() == 1, already;
	char trouble[384];
	int err;

	err = pin_anew(a, a->rodata_fd, MQGATE_PIN_RODATA, a->gid, why, size);
	for (size_t i = MQG_MAPS; !err && i < MQG_OBJECT_MAPS; i++)
		err = pin_anew(a, a->map_fd[i], mqg_object_map_name(i), (gid_t)-1, why, size);
	if (!err)
		err = pin_anew(a, a->prog_fd, MQGATE_PIN_PROG, a->gid, why, size);
	if (err)
		return err;
	a->pinned = true;
	if (linked && mqg_extension_link_locked(&already, trouble, sizeof(trouble)))
		note(a, "XDP asked the module before and does no more: %s", trouble);
	return 0;
}

/* The program's own pins are replaced when it is new; those of maps hold what was adopted. */
static int pin_set(struct mqg_attach *a, char *why, size_t size)
{
	char said[256];
	int err;

	err = mqg_pindir_make(mqg_bpffs_dir(), a->gid, said, why, size);
	if (err)
		return err;
	if (said[0])
		note(a, "%s", said);
	for (size_t i = 0; i < MQG_MAPS; i++) {
		err = mqg_pindir_pin(mqg_bpffs_dir(), a->map_fd[i], mqg_map_layouts[i].name,
				     a->gid, why, size);
		if (err < 0)
			return err;
	}
	/* Other interfaces may have another one, of the program before; theirs stays. */
	if (a->frags && a->twin.obj) {
		err = mqg_pindir_pin(mqg_bpffs_dir(), a->twin.prog_fd, MQGATE_PIN_PROG_FRAGS,
				     a->gid, why, size);
		if (err < 0)
			return err;
	}
	if (!a->shared)
		return pin_program(a, why, size);
	err = mqg_pindir_pin(mqg_bpffs_dir(), a->prog_fd, MQGATE_PIN_PROG, a->gid, why, size);
	return err < 0 ? err : 0;
}

static int pin_link(struct mqg_attach *a, char *why, size_t size)
{
	char path[MQG_PATH];
	int err = mqg_link_path(a->ifname, path, sizeof(path));

	if (!err)
		err = bpf_obj_pin(a->link_fd, path);
	if (err)
		snprintf(why, size, "%s: its link cannot be pinned: %s", a->ifname, strerror(-err));
	return err;
}

static uint32_t id_of_link(const char *ifname)
{
	struct mqg_link link;

	return mqg_link_read(ifname, &link) ? 0 : link.prog_id;
}

static int attach_here(struct mqg_attach *a, char *why, size_t size)
{
	int err = make_link(a, why, size);

	if (err)
		return err;
	err = pin_set(a, why, size);
	if (!err && a->keep)
		err = pin_link(a, why, size);
	if (err && a->first)
		mqg_pindir_remove(mqg_bpffs_dir());
	return err;
}

int mqg_attach_begin(struct mqg_attach *a, char *why, size_t size)
{
	int lock, err;

	a->prog_fd = a->link_fd = a->rodata_fd = -1;
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++)
		a->map_fd[i] = -1;
	a->note[0] = '\0';
	a->ifindex = if_nametoindex(a->ifname);
	if (!a->ifindex) {
		snprintf(why, size, "%s: there is no such interface in this network namespace; "
			 "ip -br link lists them", a->ifname);
		return -ENODEV;
	}
	if (geteuid()) {
		snprintf(why, size, "%s: attaching needs root", a->ifname);
		return -EPERM;
	}
	a->gid = mqg_group_lookup(a->group);
	if (a->gid == (gid_t)-1)
		note(a, "there is no group %s, so only root may open the pins", a->group);

	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
	if (lock < 0)
		return lock;
	err = mqg_pindir_check(mqg_bpffs_dir(), why, size);
	if (!err)
		err = mqg_upgrade_finish(why, size);
	if (!err)
		err = check_own_link(a, why, size);
	if (!err && !(a->already && !a->keep))
		err = get_program(a, why, size);
	if (!err && a->first)
		restore(a);
	if (!err && a->replaces)
		err = replace(a, why, size);
	if (!err && a->already && a->replaces)
		a->prog_id = id_of_link(a->ifname);
	if (!err && !a->already)
		err = attach_here(a, why, size);
	if (!err && mqg_refusal_down(a->ifname))
		note(a, "the interface is down; it filters from when it is up: ip link set dev %s "
		     "up", a->ifname);
	close(lock);
	if (err)
		mqg_attach_end(a);
	return err;
}

int mqg_attach_keep(struct mqg_attach *a, char *why, size_t size)
{
	int lock, err;

	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
	if (lock < 0)
		return lock;
	err = pin_set(a, why, size);
	if (!err)
		err = pin_link(a, why, size);
	close(lock);
	return err;
}

void mqg_attach_undo(struct mqg_attach *a)
{
	char why[256];
	int lock, live = 0;

	if (a->link_fd >= 0) {
		bpf_link_detach(a->link_fd);
		close(a->link_fd);
		a->link_fd = -1;
	}
	if (!a->first)
		return;
	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, sizeof(why));
	mqg_link_each(count_live, &live);
	if (lock >= 0 && !live)
		mqg_pindir_remove(mqg_bpffs_dir());
	if (lock >= 0)
		close(lock);
}

void mqg_attach_end(struct mqg_attach *a)
{
	/* These three belong to the object, unless the program is shared. */
	if (a->shared && a->prog_fd >= 0)
		close(a->prog_fd);
	if (a->link_fd >= 0)
		close(a->link_fd);
	for (size_t i = 0; i < MQG_OBJECT_MAPS; i++) {
		if (a->map_fd[i] >= 0)
			close(a->map_fd[i]);
		a->map_fd[i] = -1;
	}
	mqg_object_unload(&a->object);
	mqg_object_unload(&a->twin);
	a->prog_fd = a->link_fd = a->rodata_fd = -1;
}

/* ---- detaching --------------------------------------------------------------- */

struct removal {
	const char		*ifname;	/* NULL: all */
	struct mqg_detach	*detach;
	bool			found;
};

static int detach_link(const struct mqg_link *link, void *arg)
{
	struct removal *r = arg;
	int fd;

	if (r->ifname && strcmp(r->ifname, link->ifname)) {
		if (link->ifindex)
			r->detach->left++;
		return 0;
	}
	/* Removing the pin alone would detach later, when the kernel finds the time. */
	fd = bpf_obj_get(link->path);
	if (fd >= 0) {
		bpf_link_detach(fd);
		close(fd);
	}
	if (unlink(link->path))
		return -errno;
	r->found = true;
	r->detach->detached++;
	return 0;
}

static int say_not_attached(const char *ifname, char *why, size_t size)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct mqg_xdp xdp = {};
	char remedy[96];

	if (ifindex && !mqg_xdp_lookup(ifindex, &xdp) && xdp.mode != MQG_XDP_NONE) {
		mqg_xdp_remedy(&xdp, remedy, sizeof(remedy));
		snprintf(why, size, "%s: XDP program %u is there without a pin of mqgate; %s takes "
			 "it off", ifname, xdp.prog_id, remedy);
	} else {
		snprintf(why, size,
			 "%s: mqgate is not attached there; mqgate status shows where it "
			 "is",
			 ifname);
	}
	return -ENOENT;
}

int mqg_detach(const char *ifname, struct mqg_detach *detach, char *why, size_t size)
{
	struct removal r = { ifname, detach, false };
	int lock, err;

	detach->detached = detach->left = detach->foreign = 0;
	detach->removed = false;
	if (geteuid()) {
		snprintf(why, size, "detaching needs root");
		return -EPERM;
	}
	if (access(mqg_bpffs_dir(), F_OK)) {
		if (ifname)
			return say_not_attached(ifname, why, size);
		snprintf(why, size, "%s: there is no such directory, so nothing is attached",
			 mqg_bpffs_dir());
		return -ENOENT;
	}
	lock = mqg_lock_take(MQG_LOCK_WRITER, LOCK_WAIT_MS, why, size);
	if (lock < 0)
		return lock;
	err = mqg_upgrade_finish(why, size);
	if (err) {
		close(lock);
		return err;
	}
	err = mqg_link_each(detach_link, &r);
	if (err)
		snprintf(why, size, "%s: a pin cannot be removed: %s", mqg_bpffs_dir(),
			 strerror(-err));
	else if (ifname && !r.found)
		err = say_not_attached(ifname, why, size);

	if (!err && !detach->left && !detach->keep) {
		err = mqg_pindir_remove(mqg_bpffs_dir());
		detach->removed = err >= 0;
		detach->foreign = err > 0 ? err : 0;
		if (err < 0)
			snprintf(why, size, "%s: cannot be removed: %s", mqg_bpffs_dir(),
				 strerror(-err));
	}
	close(lock);
	return err < 0 ? err : 0;
}
