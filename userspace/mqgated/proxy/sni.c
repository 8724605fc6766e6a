// SPDX-License-Identifier: BSD-2-Clause
/* server_name, as it was sent, and what it chooses; see sni.h. */
#include "proxy/sni.h"

#include "config/servernames.h"

size_t mqg_sni_get(const struct tlsw_hello *hello, const uint8_t *stream, char name[MQG_SNI_MAX])
{
	__u32 at = 0, have = 0;

	if (hello->sni.len > MQG_SNI_MAX)
		return hello->sni.len;
	/* From record to record: where the name goes on, a header may be in between. */
	while (have < hello->sni.len) {
		__u32 len = (__u32)stream[at + 3] << 8 | stream[at + 4];
		__u32 end = at + TLSW_RECORD_HEADER + len;

		at += TLSW_RECORD_HEADER;
		if (at < hello->sni.off && !have)
			at = hello->sni.off < end ? hello->sni.off : end;
		while (at < end && have < hello->sni.len)
			name[have++] = (char)stream[at++];
		at = end;
	}
	return have;
}

struct mqg_realm *mqg_sni_choose(const struct mqg_realms *realms,
				 const struct mqg_listener *listener,
				 const struct tlsw_hello *hello, const uint8_t *stream)
{
	char name[MQG_SNI_MAX];
	size_t len, found;

	if (!listener->n_server_names || !hello->sni.len)
		return realms->list[0];
	len = mqg_sni_get(hello, stream, name);
	found = len > MQG_SNI_MAX ? MQG_POLICY_NONE : mqg_server_name_find(listener, name, len);
	if (found == MQG_POLICY_NONE)
		return listener->refuse_unknown ? NULL : realms->list[0];
	return realms->list[found];
}
