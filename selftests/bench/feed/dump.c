// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a dump keeps the CPU from others: it offers it behind every walk over the table, so the
 * longest section is its first, from its entry to the end of a walk, or a walk of the later ones.
 * Probes tell; their own cost, and that of interrupts, is in it. See feed.h.
 */
#include "feed.h"

#include <linux/kprobes.h>
#include <linux/seq_file.h>
#include <asm/tsc.h>

static struct {
	u64	since;
	u64	longest;
	u32	walks;
	bool	offered;	/* the CPU, since the dump was entered */
} seen;

static int dump_enters(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	seen.offered = false;
	seen.since = rdtsc();
	return 0;
}

static int walk_enters(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (seen.offered)
		seen.since = rdtsc();
	return 0;
}

static int walk_returns(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	seen.longest = max(seen.longest, rdtsc() - seen.since);
	seen.offered = true;
	seen.walks++;
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
		.kp.symbol_name	= "mqg_netlink_client_get_dumpit",
	};
	walk = (struct kretprobe) {
		.entry_handler	= walk_enters,
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
