/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What status tells of program and interfaces, for the live view to show the same.
 */
#ifndef MQG_CMD_STATUS_H
#define MQG_CMD_STATUS_H

#include <stdint.h>

#include <jansson.h>

#include "common/pins.h"

/* The pinned program as JSON, or null; @id is 0 then. */
json_t *mqg_status_program(const struct mqg_pins *pins, uint32_t *id);

/* A list: every interface with a pin, and every one that has the program without a pin. */
json_t *mqg_status_interfaces(uint32_t prog_id);

#endif
