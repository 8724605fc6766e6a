/* SPDX-License-Identifier: BSD-2-Clause */
/* Topic filters of taps: a handful, walked one by one. Stateless. */
#ifndef MQG_TAP_FILTER_H
#define MQG_TAP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* @filter is a valid one, @topic a valid topic name (MQTT 5, 4.7). */
bool mqg_filter_matches(const char *filter, const uint8_t *topic, size_t len);

#endif
