// SPDX-License-Identifier: BSD-2-Clause
/* When acknowledgements wait; see delack.h. Called by RELAY, on the thread of its worker. */
#include "proxy/delack.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define READS_LEAST	32U
#define READS_MOST	65536U
/* Fast: a quarter of the time that an acknowledgement may take, from read to read. */
#define APART_NS	10000000ULL

static bool at_once(int fd)
{
	int quick = 0;
	socklen_t len = sizeof(quick);

	return !getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &quick, &len) && quick;
}

void mqg_delack_look(struct mqg_delack *d, int fd, uint64_t now)
{
	bool fast = d->next && now - d->since <= d->reads * APART_NS;
	int quick = 0;

	d->since = now;
	d->reads = 0;
	if (!d->next)
		d->next = READS_LEAST;
	if (!fast)
		return;
	if (at_once(fd)) {
		if (d->asked && !d->paused && d->next < READS_MOST)
			d->next *= 2;
		d->paused = false;
		d->asked = !setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &quick, sizeof(quick));
	} else if (d->next > READS_LEAST) {
		d->next /= 2;
	}
}
