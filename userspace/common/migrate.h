/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carrying the contents of pinned maps of an older ABI over into maps of this one: field by
 * field, by the names that the BTF of both gives. Called by attach.c under the writer's lock.
 */
#ifndef MQG_MIGRATE_H
#define MQG_MIGRATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/layout.h"
#include "common/sizes.h"

/*
 * The oldest ABI whose names mean what they mean in this one. A field that keeps its name and
 * changes its meaning raises this.
 */
#define MQG_ABI_OLDEST	2

/* Makes @sizes at least what the old maps in @dir have. */
void mqg_migrate_sizes(const char *dir, struct mqg_sizes *sizes);

/**
 * mqg_migrate() - copy ports, services, verdicts, ALLOWed flows, known flows and counters
 * @dir:    directory of the old pins, which are only read
 * @map_fd: the new maps, empty
 * @why:    buffer for the map and the field that stand in the way, and the remedy
 * @size:   of @why
 *
 * A field that this ABI does not have may be left behind where it is 0 in every entry, and in
 * what XDP alone keeps (flows, budgets, counters) always. mqgate_top and mqgate_events begin
 * anew. Return: 0, -EPROTO, or another -errno.
 */
int mqg_migrate(const char *dir, const int map_fd[MQG_OBJECT_MAPS], char *why, size_t size);

#endif
