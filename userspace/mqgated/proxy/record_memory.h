/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where libssl has its records. It asks for room for the largest one there is whenever a connection
 * reads or writes, and gives it back behind each (SSL_MODE_RELEASE_BUFFERS), so that who is idle
 * has none. malloc() takes a tenth of what opening a small record costs for that: a thread keeps
 * the last one for the next connection instead, and finds it in the cache.
 */
#ifndef MQG_RECORD_MEMORY_H
#define MQG_RECORD_MEMORY_H

/* Before anybody uses OpenSSL; where it is too late, malloc() goes on. */
void mqg_record_memory_setup(void);

/* Frees what the calling thread keeps: it ends. */
void mqg_record_memory_exit(void);

#endif
