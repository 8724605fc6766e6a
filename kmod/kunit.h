/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites of mqgate_kunit.ko share. Each kunit_NAME.c includes NAME.c, so that it sees
 * its statics, and brings the few functions that NAME.c calls elsewhere. No lock: a suite's cases
 * run one after the other.
 */
#ifndef MQG_KUNIT_H
#define MQG_KUNIT_H

#include <kunit/test.h>

#include "net.h"

/* A namespace's part with counters, and nothing else set up; given back with the test. */
struct mqg_net *mqg_kunit_net(struct kunit *test);

u64 mqg_kunit_counter(const struct mqg_net *net, enum mqg_counter counter);

#endif /* MQG_KUNIT_H */
