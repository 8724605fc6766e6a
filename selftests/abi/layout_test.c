// SPDX-License-Identifier: BSD-2-Clause
/*
 * The layout of every struct and enum of the ABI, as this compiler sees it, against the BTF of
 * a file: bpf/mqgate.bpf.o, or the one named as first argument (daemon.sh: BTF made from the
 * DWARF of the programs); further arguments name what it does not use. A member that
 * one side has and the other lacks is a difference too.
 */
#include <err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include <linux/mqgate.h>

struct field {
	const char	*name;
	size_t		offset, size;
};

struct layout {
	const char		*name;
	size_t			size;
	struct field		fields[24];
};

#define F(type, member) \
	{ #member, offsetof(struct type, member), sizeof(((struct type *)0)->member) }
#define S(type, ...) { #type, sizeof(struct type), { __VA_ARGS__ } }

static const struct layout layouts[] = {
	S(mqgate_service, F(mqgate_service, name), F(mqgate_service, kind),
	  F(mqgate_service, mode), F(mqgate_service, flags), F(mqgate_service, first_max),
	  F(mqgate_service, suspect_segments), F(mqgate_service, suspect_ms),
	  F(mqgate_service, allow_pps), F(mqgate_service, allow_burst),
	  F(mqgate_service, lease), F(mqgate_service, destinations),
	  F(mqgate_service, suspect_bytes), F(mqgate_service, source_rate),
	  F(mqgate_service, source_burst), F(mqgate_service, service_rate),
	  F(mqgate_service, service_burst), F(mqgate_service, reset_rate),
	  F(mqgate_service, syn_source), F(mqgate_service, syn_rate),
	  F(mqgate_service, syn_calm_ms), F(mqgate_service, reserved),
	  F(mqgate_service, destination)),
	S(mqgate_destination, F(mqgate_destination, addr), F(mqgate_destination, mask)),
	S(mqgate_source_key, F(mqgate_source_key, addr)),
	S(mqgate_verdict, F(mqgate_verdict, expires), F(mqgate_verdict, since),
	  F(mqgate_verdict, hits), F(mqgate_verdict, action), F(mqgate_verdict, origin),
	  F(mqgate_verdict, reason), F(mqgate_verdict, strikes), F(mqgate_verdict, rate),
	  F(mqgate_verdict, generation), F(mqgate_verdict, before_expires),
	  F(mqgate_verdict, before), F(mqgate_verdict, before_rate)),
	S(mqgate_prefix4_key, F(mqgate_prefix4_key, length), F(mqgate_prefix4_key, addr)),
	S(mqgate_prefix6_key, F(mqgate_prefix6_key, length), F(mqgate_prefix6_key, addr)),
	S(mqgate_control, F(mqgate_control, generation), F(mqgate_control, bits4),
	  F(mqgate_control, slots6), F(mqgate_control, begun), F(mqgate_control, lengths6)),
	S(mqgate_budget_key, F(mqgate_budget_key, addr), F(mqgate_budget_key, length),
	  F(mqgate_budget_key, service), F(mqgate_budget_key, kind)),
	S(mqgate_budget, F(mqgate_budget, tat), F(mqgate_budget, passed),
	  F(mqgate_budget, dropped)),
	S(mqgate_syn, F(mqgate_syn, tat), F(mqgate_syn, calm_tat), F(mqgate_syn, since),
	  F(mqgate_syn, busy), F(mqgate_syn, floods), F(mqgate_syn, answer),
	  F(mqgate_syn, reserved)),
	S(mqgate_flow_key, F(mqgate_flow_key, saddr), F(mqgate_flow_key, daddr),
	  F(mqgate_flow_key, sport), F(mqgate_flow_key, dport), F(mqgate_flow_key, proto)),
	S(mqgate_allow, F(mqgate_allow, expires), F(mqgate_allow, tat),
	  F(mqgate_allow, packets), F(mqgate_allow, identity), F(mqgate_allow, service)),
	S(mqgate_flow, F(mqgate_flow, since), F(mqgate_flow, state), F(mqgate_flow, reason),
	  F(mqgate_flow, first_seq), F(mqgate_flow, need), F(mqgate_flow, segments),
	  F(mqgate_flow, head_len), F(mqgate_flow, head), F(mqgate_flow, bytes),
	  F(mqgate_flow, reserved)),
	S(mqgate_stat, F(mqgate_stat, packets), F(mqgate_stat, bytes),
	  F(mqgate_stat, observed), F(mqgate_stat, sampled), F(mqgate_stat, noted),
	  F(mqgate_stat, gap), F(mqgate_stat, until), F(mqgate_stat, every),
	  F(mqgate_stat, service), F(mqgate_stat, reason),
	  F(mqgate_stat, lost)),
	S(mqgate_offender, F(mqgate_offender, addr), F(mqgate_offender, packets),
	  F(mqgate_offender, spread), F(mqgate_offender, since), F(mqgate_offender, last),
	  F(mqgate_offender, service), F(mqgate_offender, reason), F(mqgate_offender, votes),
	  F(mqgate_offender, strength), F(mqgate_offender, flags)),
	S(mqgate_top_set, F(mqgate_top_set, way)),
	S(mqgate_event, F(mqgate_event, time), F(mqgate_event, flow),
	  F(mqgate_event, ifindex), F(mqgate_event, service), F(mqgate_event, reason),
	  F(mqgate_event, flags), F(mqgate_event, length), F(mqgate_event, captured),
	  F(mqgate_event, bytes)),
	S(mqgate_rodata, F(mqgate_rodata, abi_version), F(mqgate_rodata, reserved),
	  F(mqgate_rodata, sample_ns), F(mqgate_rodata, sample_proven_ns)),
};

struct number {
	const char	*name;
	uint32_t	value;
};

#define REASON(n, symbol, word, text) { "MQGATE_REASON_" #symbol, MQGATE_REASON_##symbol },
#define E(symbol) { #symbol, symbol }

static const struct number reasons[] = {
	MQGATE_REASON_LIST(REASON)
	E(MQGATE_REASON_PACKET_MAX), E(MQGATE_REASON_MAX), {},
};
static const struct number kinds[] = {
	E(MQGATE_KIND_DEFAULT), E(MQGATE_KIND_MQTT), E(MQGATE_KIND_MQTTS),
	E(MQGATE_KIND_FIRST_UDP), E(MQGATE_KIND_MQTTSN), E(MQGATE_KIND_COAP),
	E(MQGATE_KIND_COAPS), {},
};
static const struct number modes[] = { E(MQGATE_MODE_ENFORCE), E(MQGATE_MODE_OBSERVE), {} };
static const struct number actions[] = {
	E(MQGATE_ACTION_NONE), E(MQGATE_ACTION_PASS), E(MQGATE_ACTION_LIMIT),
	E(MQGATE_ACTION_RESET), E(MQGATE_ACTION_DROP), {},
};
static const struct number origins[] = {
	E(MQGATE_ORIGIN_NONE), E(MQGATE_ORIGIN_OPERATOR), E(MQGATE_ORIGIN_DAEMON),
	E(MQGATE_ORIGIN_MODULE), E(MQGATE_ORIGIN_PEER), {},
};
static const struct number states[] = {
	E(MQGATE_FLOW_NEW), E(MQGATE_FLOW_SUSPECT), E(MQGATE_FLOW_SEEN), E(MQGATE_FLOW_REFUSED), {},
};

static const struct number budgets[] = {
	E(MQGATE_BUDGET_SOURCE), E(MQGATE_BUDGET_PREFIX), E(MQGATE_BUDGET_FIRST),
	E(MQGATE_BUDGET_SERVICE), E(MQGATE_BUDGET_RESETS), E(MQGATE_BUDGET_SYN), {},
};

static const struct number answers[] = {
	E(MQGATE_SYN_NONE), E(MQGATE_SYN_COOKIES), E(MQGATE_SYN_OFF), E(MQGATE_SYN_ELSEWHERE),
	E(MQGATE_SYN_REFUSED), E(MQGATE_SYN_FRAME), {},
};

static const struct {
	const char		*name;
	const struct number	*numbers;
} enums[] = {
	{ "mqgate_budget_kind", budgets }, { "mqgate_syn_answer", answers },
	{ "mqgate_reason", reasons }, { "mqgate_kind", kinds }, { "mqgate_mode", modes },
	{ "mqgate_action", actions }, { "mqgate_origin", origins }, { "mqgate_flow_state", states },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool same_struct(const struct btf *btf, const struct layout *l)
{
	int id = btf__find_by_name_kind(btf, l->name, BTF_KIND_STRUCT);
	const struct btf_member *m;
	const struct btf_type *t;
	bool good = true;
	size_t n = 0;

	if (id < 0) {
		printf("# struct %s is not in the BTF\n", l->name);
		return false;
	}
	t = btf__type_by_id(btf, (__u32)id);
	m = btf_members(t);
	while (l->fields[n].name)
		n++;
	if (t->size != l->size || btf_vlen(t) != n) {
		printf("# struct %s: %u bytes and %u members, here %zu and %zu\n", l->name, t->size,
		       btf_vlen(t), l->size, n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &l->fields[i];
		const char *name = btf__name_by_offset(btf, m[i].name_off);
		__u32 offset = btf_member_bit_offset(t, (__u32)i);
		__s64 size = btf__resolve_size(btf, m[i].type);

		if (strcmp(name, f->name) || offset != f->offset * 8 || size != (__s64)f->size) {
			printf("# struct %s: %s at bit %u, %lld bytes; here %s at byte %zu, %zu\n",
			       l->name, name, offset, (long long)size, f->name, f->offset, f->size);
			good = false;
		}
	}
	return good;
}

static bool same_enum(const struct btf *btf, const char *name, const struct number *numbers)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);
	const struct btf_type *t;
	const struct btf_enum *e;
	size_t n = 0;

	if (id < 0) {
		printf("# enum %s is not in the BTF\n", name);
		return false;
	}
	t = btf__type_by_id(btf, (__u32)id);
	e = btf_enum(t);
	while (numbers[n].name)
		n++;
	if (t->size != 4 || btf_vlen(t) != n) {
		printf("# enum %s: %u bytes and %u numbers, here 4 and %zu\n", name, t->size,
		       btf_vlen(t), n);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const char *symbol = btf__name_by_offset(btf, e[i].name_off);

		if (strcmp(symbol, numbers[i].name) || (__u32)e[i].val != numbers[i].value) {
			printf("# enum %s: %s = %d, here %s = %u\n", name, symbol, e[i].val,
			       numbers[i].name, numbers[i].value);
			return false;
		}
	}
	return true;
}

static bool unused(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *top = getenv("MQGATE_TOP");
	unsigned int number = 0, failed = 0;
	char path[4096];
	struct btf *btf;

	if (argc > 1)
		snprintf(path, sizeof(path), "%s", argv[1]);
	else
		snprintf(path, sizeof(path), "%s/bpf/mqgate.bpf.o", top ? top : "../..");
	btf = btf__parse(path, NULL);
	if (!btf)
		err(1, "%s: no BTF", path);
	printf("KTAP version 1\n1..%zu\n", COUNT(layouts) + COUNT(enums));
	for (size_t i = 0; i < COUNT(layouts) + COUNT(enums); i++) {
		bool is_struct = i < COUNT(layouts);
		size_t j = i - COUNT(layouts);
		const char *name = is_struct ? layouts[i].name : enums[j].name;
		const char *kind = is_struct ? "struct" : "enum";
		bool good;

		if (unused(name, argc, argv)) {
			printf("ok %u %s %s # SKIP not used there\n", ++number, kind, name);
			continue;
		}
		good = is_struct ? same_struct(btf, &layouts[i]) :
				   same_enum(btf, name, enums[j].numbers);

		printf("%sok %u %s %s is laid out alike\n", good ? "" : "not ", ++number,
		       kind, name);
		failed += !good;
	}
	btf__free(btf);
	return failed ? 1 : 0;
}
