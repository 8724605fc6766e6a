// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/mqgate_feed: a command is written, what came of it is read, `error NUMBER` if it failed.
 * One command at a time, of the namespace that writes it; see feed.h.
 *
 *	clients FIRST COUNT own|shared		connect, each from an address of its own or not
 *	publish CLIENTS ROUNDS checked|plain	cost of a PUBLISH each way and of its ACKs
 *	lookup CLIENTS ROUNDS			cost of a look-up, the module's and a fixed hash's
 *	dump begin|end				the longest section of the dumps in between
 *	conntrack on|off			nf_conntrack follows this namespace's packets
 */
#include "feed.h"

#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <net/netfilter/nf_conntrack.h>

static DEFINE_MUTEX(lock);
static char told[512];		/* under @lock */

static int run(struct net *net, const char *line, struct seq_file *out)
{
	unsigned int a, b;
	char word[16];

	if (sscanf(line, "clients %u %u %15s", &a, &b, word) == 3 && a < FEED_CLIENTS &&
	    b <= FEED_CLIENTS - a)
		return feed_clients(net, a, b, strcmp(word, "own") ? FEED_SHARED : FEED_OWN);
	if (sscanf(line, "publish %u %u %15s", &a, &b, word) == 3 && a && a <= FEED_CLIENTS &&
	    b <= FEED_ROUNDS)
		return feed_publish(net, a, b, !strcmp(word, "checked"), out);
	if (sscanf(line, "lookup %u %u", &a, &b) == 2 && a && a <= FEED_CLIENTS &&
	    b <= FEED_ROUNDS)
		return feed_table_cost(net, a, b, out);
	if (!strcmp(line, "dump begin"))
		return feed_dump_begin();
	if (!strcmp(line, "dump end")) {
		feed_dump_end(out);
		return 0;
	}
	if (!strcmp(line, "conntrack on"))
		return nf_ct_netns_get(net, NFPROTO_IPV4);
	if (!strcmp(line, "conntrack off")) {
		nf_ct_netns_put(net, NFPROTO_IPV4);
		return 0;
	}
	return -EINVAL;
}

static ssize_t command(struct file *file, const char __user *from, size_t length, loff_t *at)
{
	struct seq_file out = { .buf = told, .size = sizeof(told) };
	char line[64];
	int err;

	if (length >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, length))
		return -EFAULT;
	line[length] = '\0';
	mutex_lock(&lock);
	err = run(current->nsproxy->net_ns, strim(line), &out);
	if (err)
		seq_printf(&out, "error %d\n", err);
	told[min(out.count, sizeof(told) - 1)] = '\0';
	mutex_unlock(&lock);
	return err ? err : length;
}

static int show(struct seq_file *out, void *arg)
{
	mutex_lock(&lock);
	seq_puts(out, told);
	mutex_unlock(&lock);
	return 0;
}

static int open(struct inode *inode, struct file *file)
{
	return single_open(file, show, NULL);
}

static const struct proc_ops operations = {
	.proc_open	= open,
	.proc_read	= seq_read,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
	.proc_write	= command,
};

static int __init start(void)
{
	int err;

	err = feed_frames_init();
	if (err)
		return err;
	err = feed_cost_init();
	if (err)
		goto free_frames;
	if (!proc_create("mqgate_feed", 0600, NULL, &operations)) {
		err = -ENOMEM;
		goto free_costs;
	}
	return 0;

free_costs:
	feed_cost_exit();
free_frames:
	feed_frames_exit();
	return err;
}

static void __exit stop(void)
{
	remove_proc_entry("mqgate_feed", NULL);
	feed_cost_exit();
	feed_frames_exit();
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("Packets of many MQTT clients for the hooks of netfilter: a benchmark's own");
MODULE_LICENSE("GPL");
