// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a dump keeps the CPU from others: the longest way from one place where it offers it to
 * the next, that is from its entry or the end of a walk over the table to the end of the next
 * walk or its return. Probes tell; their own cost, and that of interrupts, is in it. See feed.h.
 */
#include "feed.h"

#include <linux/kprobes.h>
#include <linux/seq_file.h>
#include <asm/tsc.h>

static struct {
	u64	since;
	u64	longest;
	u32	walks;
} seen;

static void section_ends(void)
{
	u64 now = rdtsc();

	seen.longest = max(seen.longest, now - seen.since);
	seen.since = rdtsc();
}

static int dump_enters(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	seen.since = rdtsc();
	return 0;
}

static int dump_returns(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	section_ends();
	return 0;
}

static int walk_returns(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	seen.walks++;
	section_ends();
	return 0;
}

static struct kretprobe dump, walk;

/**
 * feed_dump_begin - look at dumps from now on; one at a time
 *
 * Context: process. Return: 0 or a negative errno.
 */
int feed_dump_begin(void)
{
	int err;

	dump = (struct kretprobe) {
		.entry_handler	= dump_enters,
		.handler	= dump_returns,
		.kp.symbol_name	= "mqg_netlink_client_get_dumpit",
	};
	walk = (struct kretprobe) {
		.handler	= walk_returns,
		.kp.symbol_name	= "mqg_table_walk",
	};
	memset(&seen, 0, sizeof(seen));
	err = register_kretprobe(&dump);
	if (err)
		return err;
	err = register_kretprobe(&walk);
	if (err)
		unregister_kretprobe(&dump);
	return err;
}

/**
 * feed_dump_end - tell what was seen: "longest" and "walks"
 * @out: gets the lines
 *
 * Context: process.
 */
void feed_dump_end(struct seq_file *out)
{
	unregister_kretprobe(&walk);
	unregister_kretprobe(&dump);
	seq_printf(out, "longest %llu\nwalks %u\n", seen.longest, seen.walks);
}
