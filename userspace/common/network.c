// SPDX-License-Identifier: BSD-2-Clause
/* Networks as text and as masks. Called by the configuration and the command; no state, no lock. */
#include "common/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"

#define V4_BITS	96	/* of an address that say it is IPv4 (RFC 4291, 2.5.5.2) */

/* Digits only, so that "/6 4" and "/+64" are no lengths; -1 otherwise. */
static int read_length(const char *text, int most)
{
	int length = 0;

	if (!*text || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + (*text - '0');
	}
	return length <= most ? length : -1;
}

int mqg_network_parse(const char *text, struct mqgate_destination *out, const char **why)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN];
	int length, most = 128;

	memset(out, 0, sizeof(*out));
	*why = "is not a network; write for instance 192.0.2.0/24, 192.0.2.1 or 2001:db8::/32";
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, out->addr + 12) == 1) {
		out->addr[10] = out->addr[11] = 0xff;
		most = 32;
	} else if (inet_pton(AF_INET6, host, out->addr) != 1) {
		return -EINVAL;
	}
	length = slash ? read_length(slash + 1, most) : most;
	if (length < 0) {
		*why = most == 32 ? "has no length from 0 to 32 after the '/'" :
				    "has no length from 0 to 128 after the '/'";
		return -EINVAL;
	}
	length += most == 32 ? V4_BITS : 0;
	for (int i = 0; i < length; i++)
		out->mask[i / 8] |= (__u8)(0x80 >> i % 8);
	for (size_t i = 0; i < sizeof(out->addr); i++) {
		if (out->addr[i] & ~out->mask[i]) {
			*why = "has bits set beyond its length; write the network address, as in "
			       "192.0.2.0/24";
			return -EINVAL;
		}
	}
	return 0;
}

const char *mqg_network_format(const struct mqgate_destination *network, char *buf, size_t size)
{
	bool v4 = mqg_addr_is_v4(network->addr) && network->mask[11] == 0xff;
	int length = 0, most = v4 ? 32 : 128;
	char host[INET6_ADDRSTRLEN] = "?";

	while (length < 128 && network->mask[length / 8] & (0x80 >> length % 8))
		length++;
	if (v4) {
		length -= V4_BITS;
		inet_ntop(AF_INET, network->addr + 12, host, sizeof(host));
	} else {
		inet_ntop(AF_INET6, network->addr, host, sizeof(host));
	}
	if (length == most)
		snprintf(buf, size, "%s", host);
	else
		snprintf(buf, size, "%s/%d", host, length);
	return buf;
}
