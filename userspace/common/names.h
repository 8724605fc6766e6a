/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words for numbers and back: reasons, actions, origins, kinds, modes, addresses,
 * durations. Owns no state; the command and the daemon call it from any thread.
 */
#ifndef MQG_NAMES_H
#define MQG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/mqgate.h>

/* Long enough for any IPv6 address with "/64", and its NUL. */
#define MQG_ADDR_STRLEN		64

/* The word of a number, or "?" where the number is not known. Never NULL. */
const char *mqg_reason_word(uint32_t reason);
const char *mqg_reason_text(uint32_t reason);
const char *mqg_action_word(uint32_t action);
const char *mqg_origin_word(uint32_t origin);
const char *mqg_kind_word(uint32_t kind);
const char *mqg_mode_word(uint32_t mode);
const char *mqg_flow_state_word(uint32_t state);
const char *mqg_phase_word(uint32_t phase);

/* The number of a word, or -ENOENT. */
int mqg_reason_parse(const char *word);
int mqg_action_parse(const char *word);
int mqg_origin_parse(const char *word);
int mqg_kind_parse(const char *word);
int mqg_mode_parse(const char *word);
int mqg_phase_parse(const char *word);

/**
 * mqg_source_parse() - read "192.0.2.1", "2001:db8::1" or "2001:db8::/64"
 * @text: what the user wrote
 * @key:  out, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2)
 * @why:  out, NULL or a sentence that says what is wrong and what is accepted
 *
 * Return: 0, or -EINVAL. /32 and /128 are accepted for exact addresses.
 */
int mqg_source_parse(const char *text, struct mqgate_source_key *key, const char **why);

/* Writes the usual form of an address ("192.0.2.1"); an IPv6 /64 key gets "/64". Returns buf. */
const char *mqg_source_format(const struct mqgate_source_key *key, char buf[MQG_ADDR_STRLEN]);
const char *mqg_addr_format(const uint8_t addr[16], char buf[MQG_ADDR_STRLEN]);

/* True for ::ffff:0:0/96. */
bool mqg_addr_is_v4(const uint8_t addr[16]);

/* The key under which a source is scored: the IPv4 address, or the IPv6 /64. */
void mqg_source_scored(const uint8_t addr[16], struct mqgate_source_key *key);

/* AF_INET or AF_INET6 to the 16-byte form and host-order port; -EAFNOSUPPORT otherwise. */
int mqg_sockaddr_split(const struct sockaddr *sa, uint8_t addr[16], uint16_t *port);

/**
 * mqg_duration_parse() - read "30s", "10m", "1h", "7d", "500ms" or plain seconds
 * @text: what the user wrote
 * @ns:   out, nanoseconds, at most 10 years
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int mqg_duration_parse(const char *text, uint64_t *ns);

/* "never" for 0, else "1h 2m", "42s", "120ms": two units at most. Returns buf. */
const char *mqg_duration_format(uint64_t ns, char *buf, size_t size);

/* CLOCK_BOOTTIME now, nanoseconds. */
uint64_t mqg_boottime_ns(void);

#endif
