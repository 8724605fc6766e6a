// SPDX-License-Identifier: BSD-2-Clause
/*
 * The shapes themselves, written as the bytes on the wire. Read by flood.c, attackers.c and
 * shapes_test.c. No lock: constant.
 */
#include "shapes.h"

#define SHAPE(line_, name_, bytes_) \
	{ .name = (name_), .line = (line_), .bytes = (bytes_), .length = sizeof(bytes_) - 1 }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "MQTT" level 4, and what follows the connect flags: keep alive 60, client identifier "a" */
#define MQTT4 "\x00\x04MQTT\x04"
#define TAIL "\x00\x3c\x00\x01" "a"

const struct shape shapes_mqtt[] = {
	SHAPE(1, "length-five-bytes", "\x10\x80\x80\x80\x80\x01"),
	SHAPE(1, "length-five-bytes-max", "\x10\xff\xff\xff\xff\x7f" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-00", "\x00\x0d" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-01", "\x01\x0d" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-02", "\x02\x0d" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-04", "\x04\x0d" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-08", "\x08\x0d" MQTT4 "\x02" TAIL),
	SHAPE(2, "first-byte-f0", "\xf0\x00"),
	SHAPE(2, "flag-nibble-1f", "\x1f\x0d\x00\x04MQTT\x05\x02\x00\x0a\x00\x01p"),
	SHAPE(3, "empty-connect", "\x10\x00"),
	SHAPE(3, "name-length-only", "\x10\x02\x00\x04"),
	SHAPE(3, "name-only", "\x10\x06\x00\x04MQTT"),
	SHAPE(3, "trailing-byte", "\x10\x0e" MQTT4 "\x02" TAIL "\x00"),
	SHAPE(3, "body-over-length", "\x10\x0d" MQTT4 "\x02\x00\x3c\x00\x20"
	      "abcdefghijklmnopqrstuvwxyz012345"),
	SHAPE(4, "flags-01", "\x10\x0d" MQTT4 "\x01" TAIL),
	SHAPE(4, "flags-0a", "\x10\x0d" MQTT4 "\x0a" TAIL),
	SHAPE(4, "flags-12", "\x10\x0d" MQTT4 "\x12" TAIL),
	SHAPE(4, "flags-1e", "\x10\x14" MQTT4 "\x1e" TAIL "\x00\x02wt\x00\x01w"),
	SHAPE(4, "flags-82-no-username", "\x10\x0d" MQTT4 "\x82" TAIL),
	SHAPE(4, "flags-42-v3", "\x10\x11" MQTT4 "\x42" TAIL "\x00\x02pw"),
	SHAPE(5, "name-mqtu", "\x10\x0d\x00\x04MQTU\x04\x02" TAIL),
	SHAPE(5, "name-mqttt", "\x10\x0e\x00\x05MQTTT\x04\x02" TAIL),
	SHAPE(5, "name-empty", "\x10\x09\x00\x00\x04\x02" TAIL),
	SHAPE(5, "mqisdp-level-4", "\x10\x0f\x00\x06MQIsdp\x04\x02" TAIL),
	SHAPE(5, "level-6", "\x10\x0d\x00\x04MQTT\x06\x02" TAIL),
};
const size_t shapes_mqtt_count = COUNT(shapes_mqtt);

/* 32 bytes of ClientHello random, and the rest of a good hello behind the session id */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define GOOD_REST "\x00\x02\x13\x01\x01\x00"

const struct shape shapes_tls[] = {
	SHAPE(0, "http-on-tls", "GET / HTTP/1.1\r\nHost: broker\r\n\r\n"),
	SHAPE(0, "mqtt-on-tls", "\x10\x0d" MQTT4 "\x02" TAIL),
	SHAPE(0, "record-application-data", "\x17\x03\x03\x00\x04gone"),
	SHAPE(0, "record-version-2", "\x16\x02\x00\x00\x2d\x01\x00\x00\x29\x03\x03" RANDOM "\x00"
	      GOOD_REST),
	SHAPE(0, "record-empty", "\x16\x03\x01\x00\x00\x01\x00\x00\x29"),
	SHAPE(0, "record-too-long", "\x16\x03\x01\xff\xff\x01\x00\xff\xfb\x03\x03" RANDOM),
	SHAPE(0, "server-hello", "\x16\x03\x03\x00\x2d\x02\x00\x00\x29\x03\x03" RANDOM "\x00"
	      GOOD_REST),
	SHAPE(0, "hello-length-16m", "\x16\x03\x01\x00\x2d\x01\xff\xff\xff\x03\x03" RANDOM "\x00"
	      GOOD_REST),
	SHAPE(0, "hello-version-2", "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x02\x00" RANDOM "\x00"
	      GOOD_REST),
	SHAPE(0, "session-id-33", "\x16\x03\x01\x00\x4e\x01\x00\x00\x4a\x03\x03" RANDOM "\x21"
	      RANDOM "x" GOOD_REST),
	SHAPE(0, "suites-odd", "\x16\x03\x01\x00\x2e\x01\x00\x00\x2a\x03\x03" RANDOM
	      "\x00\x00\x03\x13\x01\x13\x01\x00"),
	SHAPE(0, "compression-without-null", "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" RANDOM
	      "\x00\x00\x02\x13\x01\x01\x07"),
	SHAPE(0, "extensions-short", "\x16\x03\x01\x00\x33\x01\x00\x00\x2f\x03\x03" RANDOM "\x00"
	      GOOD_REST "\x00\x04\x00\x17\x00\x09"),
};
const size_t shapes_tls_count = COUNT(shapes_tls);
