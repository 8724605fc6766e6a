/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that the module is built for, each named after the
 * feature that it covers; included before every file by kmod/Kbuild. Nothing else in kmod/
 * asks for a version.
 */
#ifndef MQG_COMPAT_H
#define MQG_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>

#endif /* MQG_COMPAT_H */
