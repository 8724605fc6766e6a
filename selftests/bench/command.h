/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that a benchmark runs for what it needs. Single-threaded. */
#ifndef MQG_BENCH_COMMAND_H
#define MQG_BENCH_COMMAND_H

/* system() of what is printed; exits with a message where it fails. */
void command_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
