// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the traffic of a benchmark consists of, in the words of ../bpf/packet.h. Constant data.
 */
#include "stage.h"

#include "../bpf/packet.h"

const struct traffic_kind kind_malformed = {
	"malformed", "malformed CONNECT",
	{
		{ "1F 0D 0004 'MQTT' 04 02 000A 0001 70", 0 },	/* flags */
		{ "10 0D 0004 'MQTT' 06 02 000A 0001 70", 0 },	/* level */
		{ "10 0D 0004 'MQTT' 04 03 000A 0001 70", 0 },	/* connect flags */
		{ "10 8D 00 0004 'MQTT' 04 02 000A 0001 70", 0 },	/* length encoding */
		{ "10 04 0004 'MQTT' 04 02 000A 0001 70", 0 },	/* too short */
		{ "10 0F 0006 'MQIsdp' 04 02 000A 0001 70", 0 },	/* level of the name */
		{ "20 0D 0004 'MQTT' 04 02 000A 0001 70", 0 },	/* not a CONNECT */
		{ "10 FFFF7F 0004 'MQTT' 05 02 000A 00 0001 70", 0 },	/* too long */
	},
};

const struct traffic_kind kind_contents = {
	"contents", "malformed CONNECT behind byte 12",
	{
		{ "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'", 0 },	/* U+0000 */
		{ "10 0F 0004 'MQTT' 04 02 003C 0003 'd' C080", 0 },	/* overlong */
		{ "10 0F 0004 'MQTT' 04 02 003C 0009 'dev'", 0 },	/* beyond the end */
		{ "10 10 0004 'MQTT' 04 02 003C 0003 'dev' 00", 0 },	/* left over */
		{ "10 12 0004 'MQTT' 05 02 003C 02 7F 00 0003 'dev'", 0 },	/* property */
		{ "10 14 0004 'MQTT' 05 02 003C 04 17 01 17 01 0003 'dev'", 0 }, /* twice */
		{ "10 17 0004 'MQTT' 04 06 003C 0003 'dev' 0001 '#' 0003 'bye'", 0 }, /* wildcard */
		{ "10 0F 0004 'MQTT' 04 02 003C 0003 EDA080", 0 },	/* surrogate */
	},
};

const struct traffic_kind kind_banned = {
	"banned", "banned source",
	{
		{ "10 0F 0004 'MQTT' 04 02 003C 0003 'dev'", 0 },
		{ "10 10 0004 'MQTT' 05 02 003C 00 0003 'dev'", 0 },
		{ "10 11 0006 'MQIsdp' 03 02 003C 0003 'dev'", 0 },
		{ "32 0C 0003 'a/b' 0001 'hello'", 0 },
		{ "'GET / HTTP/1.1' 0D0A0D0A", 0 },
		{ "00*32", 0 },
		{ "10 0F 0004 'MQTT' 84 02 003C 0003 'brg'", 0 },
		{ NULL, ACK },
	},
};

const struct traffic_kind kind_allowed = {
	"allowed", "data of an ALLOWed flow",
	{
		{ "30 0A 0003 'a/b' 'hello'", 0 },
		{ "32 0C 0003 'a/b' 0001 'hello'", 0 },
		{ "C000", 0 },
		{ NULL, ACK },
		{ "82 08 0001 0003 'a/#' 00", 0 },
		{ "40 02 0001", 0 },
		{ "30 1E 0003 'a/b' 'x' 41*24", 0 },
		{ "10 0F 0004 'MQTT' 04 02 003C 0003 'dev'", 0 },
	},
};
