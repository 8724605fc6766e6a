// SPDX-License-Identifier: BSD-2-Clause
/* See message_stage.h. */
#include "message_stage.h"

static uint8_t room[MQG_HEAD_MAX + 4096];
uint8_t sent[2][8192];
size_t sent_len[2], accepted_at;
unsigned int sends, accepts, resumes, refusals, delays, publishes;
enum mqgate_reason last_refused;
struct mqg_message message;
struct mqg_publish last;
struct mqg_limits limits;
struct mqg_desk desk;

static void send_way(struct mqg_message *m, enum mqg_way way, const uint8_t *data, size_t len)
{
	assert_ptr_equal(m, &message);
	assert_true(sent_len[way] + len <= sizeof(sent[way]));
	memcpy(sent[way] + sent_len[way], data, len);
	sent_len[way] += len;
	sends++;
}

static void accepted(struct mqg_message *m)
{
	assert_ptr_equal(m, &message);
	accepted_at = sent_len[MQG_DOWN];
	accepts++;
}

static void resumed(struct mqg_message *m)
{
	assert_ptr_equal(m, &message);
	resumes++;
}

static void published(struct mqg_message *m, enum mqg_way way, const uint8_t *packet,
		      const uint8_t *end, const uint8_t *topic, size_t len)
{
	(void)way;
	mqg_publish_read(&last, m->level, packet, end);
	last.topic = topic;
	last.topic_len = len;
	publishes++;
}

static void refused(struct mqg_message *m, enum mqg_way way, enum mqgate_reason reason)
{
	(void)way;
	assert_ptr_equal(m, &message);
	last_refused = reason;
	refusals++;
}

static void delayed(struct mqg_message *m)
{
	assert_ptr_equal(m, &message);
	delays++;
}

static const struct mqg_message_ops ops = {
	.send = send_way, .published = published, .accepted = accepted, .resumed = resumed,
	.refused = refused, .delayed = delayed,
};

static void begin_connect(uint8_t level)
{
	static const char v4[] = "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1d";
	static const char v5[] = "\x10\x14\0\4MQTT\5\2\0\x3c\6\x21\0\2\x22\0\3\0\1d";
	const char *packet = level == 5 ? v5 : v4;
	__u32 len = level == 5 ? sizeof(v5) - 1 : sizeof(v4) - 1, used;
	struct mqw_connect connect;

	mqw_connect_init(&connect, 65536);
	assert_int_equal(MQW_OK, mqw_connect_feed(&connect, (const __u8 *)packet, len, &used));
	mqg_message_begin(&message, &connect, (const uint8_t *)packet);
}

void begin(uint8_t level)
{
	mqg_message_end(&message);
	memset(&message, 0, sizeof(message));
	memset(sent_len, 0, sizeof(sent_len));
	sends = accepts = resumes = refusals = delays = publishes = 0;
	limits = (struct mqg_limits)MQG_LIMITS_DEFAULT;
	limits.packet_size = UINT32_MAX;
	limits.inflight = 0xffff;
	message.ops = &ops;
	message.limits = &limits;
	message.desk = &desk;
	begin_connect(level);
}

enum mqgate_reason take(enum mqg_way way, const void *data, size_t len)
{
	memset(room, 0xa5, sizeof(room));
	memcpy(room + MQG_HEAD_MAX, data, len);
	return mqg_message_take(&message, way, room + MQG_HEAD_MAX, len);
}

int end(void **state)
{
	(void)state;
	mqg_message_end(&message);
	mqg_desk_exit(&desk);
	return 0;
}

enum mqgate_reason connack(bool present, const char *properties)
{
	uint8_t packet[64] = { 0x20, 2, present };
	size_t len = strlen(properties);

	if (message.level == 5) {
		packet[1] = (uint8_t)(3 + len);
		packet[4] = (uint8_t)len;
		memcpy(packet + 5, properties, len);
	}
	return take(MQG_DOWN, packet, 2 + packet[1]);
}

void connected(uint8_t level, const char *properties)
{
	begin(level);
	assert_int_equal(0, connack(false, properties));
	sent_len[MQG_DOWN] = 0;
	sends = 0;
}
