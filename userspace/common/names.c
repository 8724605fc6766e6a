// SPDX-License-Identifier: BSD-2-Clause
/*
 * Words for numbers and back, addresses and durations as people write them. The words of
 * reasons come from the list in the ABI header, so a new reason has its word everywhere.
 * Stateless: any thread may call it, no lock is needed.
 */
#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <linux/mqgate_client.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL
#define DURATION_MAX	(10ULL * 365 * 24 * 3600 * NS_PER_S)

static const struct {
	const char *word;
	const char *text;
} reasons[MQGATE_REASON_MAX] = {
#define REASON_ROW(number, symbol, name, sentence) [number] = { name, sentence },
	MQGATE_REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

static const char *const actions[] = {
	[MQGATE_ACTION_NONE] = "none",
	[MQGATE_ACTION_PASS] = "pass",
	[MQGATE_ACTION_LIMIT] = "limit",
	[MQGATE_ACTION_RESET] = "reset",
	[MQGATE_ACTION_DROP] = "drop",
};

static const char *const origins[] = {
	[MQGATE_ORIGIN_NONE] = "by-hand",
	[MQGATE_ORIGIN_OPERATOR] = "operator",
	[MQGATE_ORIGIN_DAEMON] = "daemon",
	[MQGATE_ORIGIN_MODULE] = "module",
	[MQGATE_ORIGIN_PEER] = "peer",
};

static const char *const kinds[] = {
	[MQGATE_KIND_DEFAULT] = "unprotected",
	[MQGATE_KIND_MQTT] = "mqtt",
	[MQGATE_KIND_MQTTS] = "mqtts",
	[MQGATE_KIND_MQTTSN] = "mqtt-sn",
	[MQGATE_KIND_COAP] = "coap",
	[MQGATE_KIND_COAPS] = "coaps",
};

static const char *const modes[] = {
	[MQGATE_MODE_ENFORCE] = "enforce",
	[MQGATE_MODE_OBSERVE] = "observe",
};

static const char *const flow_states[] = {
	[MQGATE_FLOW_NEW] = "new",
	[MQGATE_FLOW_SUSPECT] = "suspect",
	[MQGATE_FLOW_SEEN] = "seen",
	[MQGATE_FLOW_REFUSED] = "refused",
};

static const char *const phases[] = {
	[MQGATE_PHASE_NONE] = "none",
#define PHASE_ROW(number, symbol, name, sentence) [number] = name,
	MQGATE_PHASE_LIST(PHASE_ROW)
#undef PHASE_ROW
};

static const char *word_at(const char *const *words, size_t count, uint32_t number)
{
	return number < count && words[number] ? words[number] : "?";
}

static int find(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (words[i] && !strcmp(words[i], word))
			return (int)i;
	return -ENOENT;
}

const char *mqg_reason_word(uint32_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].word ? reasons[reason].word : "?";
}

const char *mqg_reason_text(uint32_t reason)
{
	return reason < ARRAY_SIZE(reasons) && reasons[reason].text ? reasons[reason].text : "?";
}

const char *mqg_action_word(uint32_t action)
{
	return word_at(actions, ARRAY_SIZE(actions), action);
}

const char *mqg_origin_word(uint32_t origin)
{
	return word_at(origins, ARRAY_SIZE(origins), origin);
}

const char *mqg_kind_word(uint32_t kind)
{
	return word_at(kinds, ARRAY_SIZE(kinds), kind);
}

const char *mqg_mode_word(uint32_t mode)
{
	return word_at(modes, ARRAY_SIZE(modes), mode);
}

const char *mqg_flow_state_word(uint32_t state)
{
	return word_at(flow_states, ARRAY_SIZE(flow_states), state);
}

const char *mqg_phase_word(uint32_t phase)
{
	return word_at(phases, ARRAY_SIZE(phases), phase);
}

int mqg_reason_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].word && !strcmp(reasons[i].word, word))
			return (int)i;
	return -ENOENT;
}

int mqg_action_parse(const char *word)
{
	return find(actions, ARRAY_SIZE(actions), word);
}

int mqg_origin_parse(const char *word)
{
	return find(origins, ARRAY_SIZE(origins), word);
}

int mqg_kind_parse(const char *word)
{
	return find(kinds, ARRAY_SIZE(kinds), word);
}

int mqg_mode_parse(const char *word)
{
	return find(modes, ARRAY_SIZE(modes), word);
}

int mqg_phase_parse(const char *word)
{
	return find(phases, ARRAY_SIZE(phases), word);
}

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };
static const uint8_t zero[8];

bool mqg_addr_is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, v4_mapped, sizeof(v4_mapped));
}

/* The number after '/', or -1: digits only, so that "/6 4" and "/+64" are not prefixes. */
static int prefix_length(const char *text)
{
	int length = 0;

	if (!*text || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + (*text - '0');
	}
	return length;
}

int mqg_source_parse(const char *text, struct mqgate_source_key *key, const char **why)
{
	char host[MQG_ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	const char *dummy;
	int prefix = -1;

	if (!why)
		why = &dummy;
	*why = NULL;
	memset(key, 0, sizeof(*key));

	if (!len || len >= sizeof(host)) {
		*why = "is not an address; write 192.0.2.1, 2001:db8::1 or 2001:db8::/64";
		return -EINVAL;
	}
	memcpy(host, text, len);
	host[len] = '\0';

	if (slash) {
		prefix = prefix_length(slash + 1);
		if (prefix < 0) {
			*why = "has no number after the '/'; write 2001:db8::/64 or leave it out";
			return -EINVAL;
		}
	}

	if (inet_pton(AF_INET, host, key->addr + 12) == 1) {
		memcpy(key->addr, v4_mapped, sizeof(v4_mapped));
		if (!slash || prefix == 32)
			return 0;
		*why = "is an IPv4 prefix; only exact IPv4 addresses can be given, one by one";
		return -EINVAL;
	}
	memset(key, 0, sizeof(*key));
	if (inet_pton(AF_INET6, host, key->addr) != 1) {
		*why = "is not an address; write 192.0.2.1, 2001:db8::1 or 2001:db8::/64";
		return -EINVAL;
	}

	if (prefix == 64) {
		if (!memcmp(key->addr + 8, zero, 8))
			return 0;
		*why = "has bits set beyond its /64; write the network address, as in "
		       "2001:db8::/64";
		return -EINVAL;
	}
	if (slash && prefix != 128) {
		*why = "is an IPv6 prefix other than /64; only a /64 or an exact address can be "
		       "given";
		return -EINVAL;
	}
	/* Such a key means the whole /64: nobody shall ban a network by leaving out a word. */
	if (!memcmp(key->addr + 8, zero, 8)) {
		*why = "ends in 64 zero bits, which stands for a network; write it with /64 if you "
		       "mean that";
		return -EINVAL;
	}
	return 0;
}

const char *mqg_addr_format(const uint8_t addr[16], char buf[MQG_ADDR_STRLEN])
{
	if (mqg_addr_is_v4(addr))
		inet_ntop(AF_INET, addr + 12, buf, MQG_ADDR_STRLEN);
	else
		inet_ntop(AF_INET6, addr, buf, MQG_ADDR_STRLEN);
	return buf;
}

const char *mqg_source_format(const struct mqgate_source_key *key, char buf[MQG_ADDR_STRLEN])
{
	mqg_addr_format(key->addr, buf);
	if (!mqg_addr_is_v4(key->addr) && !memcmp(key->addr + 8, zero, 8))
		strcat(buf, "/64");
	return buf;
}

void mqg_source_scored(const uint8_t addr[16], struct mqgate_source_key *key)
{
	memcpy(key->addr, addr, sizeof(key->addr));
	if (!mqg_addr_is_v4(addr))
		memset(key->addr + 8, 0, 8);
}

int mqg_sockaddr_split(const struct sockaddr *sa, uint8_t addr[16], uint16_t *port)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		memcpy(addr, v4_mapped, sizeof(v4_mapped));
		memcpy(addr + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		memcpy(addr, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

int mqg_duration_parse(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{ "", NS_PER_S },
		{ "ms", NS_PER_MS },
		{ "s", NS_PER_S },
		{ "m", 60 * NS_PER_S },
		{ "h", 3600 * NS_PER_S },
		{ "d", 86400 * NS_PER_S },
	};
	uint64_t value = 0;
	const char *p = text;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > DURATION_MAX / 10)
			return -ERANGE;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(p, units[i].unit))
			continue;
		if (value > DURATION_MAX / units[i].ns)
			return -ERANGE;
		*ns = value * units[i].ns;
		return 0;
	}
	return -EINVAL;
}

const char *mqg_duration_format(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	uint64_t seconds = ns / NS_PER_S;

	if (!ns) {
		snprintf(buf, size, "never");
		return buf;
	}
	if (!seconds) {
		uint64_t ms = ns / NS_PER_MS;

		snprintf(buf, size, "%llums", (unsigned long long)(ms ? ms : 1));
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t count = seconds / units[i].seconds;
		uint64_t rest = seconds % units[i].seconds;

		if (!count)
			continue;
		if (i + 1 < ARRAY_SIZE(units) && rest / units[i + 1].seconds)
			snprintf(buf, size, "%llu%s %llu%s", (unsigned long long)count,
				 units[i].unit, (unsigned long long)(rest / units[i + 1].seconds),
				 units[i + 1].unit);
		else
			snprintf(buf, size, "%llu%s", (unsigned long long)count, units[i].unit);
		break;
	}
	return buf;
}

uint64_t mqg_boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}
