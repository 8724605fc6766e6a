// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/mqgate; see proc.h. Counters come first, a line each behind "# "; then a line a
 * client, of words NAME=VALUE. The position in the file is the slot of the client to be shown
 * next, so that a read that is resumed neither repeats nor leaves out a client that lives on.
 */
#include "proc.h"

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>

#include "client.h"
#include "key.h"
#include "net.h"
#include "table.h"

#define NAME	"mqgate"

static struct mqg_net *net_of(struct seq_file *file)
{
	return mqg_net(seq_file_net(file));
}

static void *find(struct seq_file *file, loff_t *pos)
{
	struct mqg_client *client;
	unsigned long slot = *pos;

	client = xa_find(&net_of(file)->slots, &slot, U32_MAX, XA_PRESENT);
	if (client)
		*pos = slot;
	return client;
}

static void *start(struct seq_file *file, loff_t *pos) __acquires(RCU)
{
	rcu_read_lock();
	if (*pos > U32_MAX)
		return NULL;
	return *pos ? find(file, pos) : SEQ_START_TOKEN;
}

static void *next(struct seq_file *file, void *at, loff_t *pos)
{
	++*pos;
	return *pos > U32_MAX ? NULL : find(file, pos);
}

static void stop(struct seq_file *file, void *at) __releases(RCU)
{
	rcu_read_unlock();
}

static const char *phase_word(u8 phase)
{
	switch (phase) {
#define PHASE_CASE(number, symbol, word, text) case number: return word;
	MQGATE_PHASE_LIST(PHASE_CASE)
#undef PHASE_CASE
	}
	return "none";
}

static const char *reason_word(u8 reason)
{
	switch (reason) {
#define REASON_CASE(number, symbol, word, text) case number: return word;
	MQGATE_REASON_LIST(REASON_CASE)
#undef REASON_CASE
	}
	return "unknown";
}

static void show_address(struct seq_file *file, const char *name, const u8 *addr, u16 port)
{
	__be32 ipv4;

	if (mqg_key_is_ipv4(addr)) {
		ipv4 = mqg_key_ipv4(addr);
		seq_printf(file, "%s=%pI4:%u ", name, &ipv4, port);
	} else {
		seq_printf(file, "%s=[%pI6c]:%u ", name, addr, port);
	}
}

/* Comes from the network: whatever a terminal or a reader of words might act on is escaped. */
static void show_id(struct seq_file *file, const struct mqg_client *client)
{
	const struct mqg_client_id *id = rcu_dereference(client->id);

	if (!id) {
		seq_puts(file, "id=- ");
		return;
	}
	seq_puts(file, "id=\"");
	seq_escape_mem(file, (const char *)id->bytes, id->length,
		       ESCAPE_HEX | ESCAPE_NAP | ESCAPE_APPEND, " \"\\");
	seq_puts(file, "\" ");
}

static void show_counters(struct seq_file *file)
{
	static const char *const words[] = {
#define COUNTER_WORD(symbol, word, text) [MQG_COUNT_##symbol] = word,
		MQG_COUNTER_LIST(COUNTER_WORD)
#undef COUNTER_WORD
	};
	struct mqg_net *net = net_of(file);
	struct mqg_stats sum;
	unsigned int i;

	mqg_stats_sum(net, &sum);
	seq_puts(file, "# mqgate " MQG_VERSION
		 ": counters, then clients; A/B is from client/from server\n");
	seq_printf(file, "# clients=%d\n", atomic_read(&net->clients));
	seq_printf(file, "# sources=%u\n", READ_ONCE(net->sources.used));
	for (i = 0; i < ARRAY_SIZE(words); i++)
		seq_printf(file, "# %s=%llu\n", words[i], sum.counters[i]);
}

static int show(struct seq_file *file, void *at)
{
	const struct mqg_client *client = at;
	u64 idle_ms;

	if (at == SEQ_START_TOKEN) {
		show_counters(file);
		return 0;
	}
	if (mqg_client_dead(client))
		return SEQ_SKIP;
	idle_ms = mqg_client_idle_ms(client);
	show_address(file, "from", client->key.saddr, client->key.sport);
	show_address(file, "to", client->key.daddr, client->key.dport);
	seq_printf(file, "service=%u phase=%s level=%u keep_alive=%u ", client->service,
		   phase_word(READ_ONCE(client->phase)), client->level, client->keep_alive);
	show_id(file, client);
	seq_printf(file, "packets=%u/%u bytes=%llu/%llu identity=%u offences=%u reason=%s ",
		   client->packets[MQGATE_FROM_CLIENT], client->packets[MQGATE_FROM_SERVER],
		   client->bytes[MQGATE_FROM_CLIENT], client->bytes[MQGATE_FROM_SERVER],
		   client->identity, client->offences, reason_word(client->reason));
	seq_printf(file, "flags=0x%x idle=%llu.%03u\n", client->flags & MQG_CLIENT_SHOWN,
		   div_u64(idle_ms, MSEC_PER_SEC), (u32)(idle_ms % MSEC_PER_SEC));
	return 0;
}

static const struct seq_operations operations = {
	.start	= start,
	.next	= next,
	.stop	= stop,
	.show	= show,
};

/**
 * mqg_proc_net_init - make /proc/net/mqgate of a namespace
 * @net: the namespace; its table is set up
 *
 * Readable by root only: client identifiers and addresses are nobody else's business.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int mqg_proc_net_init(struct mqg_net *net)
{
	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	return proc_create_net(NAME, 0440, net->net->proc_net, &operations,
			       sizeof(struct seq_net_private)) ? 0 : -ENOMEM;
}

/**
 * mqg_proc_net_exit - remove it; waits for those who read
 * @net: the namespace
 *
 * Context: process. May sleep.
 */
void mqg_proc_net_exit(struct mqg_net *net)
{
	remove_proc_entry(NAME, net->net->proc_net);
}
