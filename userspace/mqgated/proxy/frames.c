// SPDX-License-Identifier: BSD-2-Clause
/* Packet boundaries. Called where bytes are relayed, on the thread of their worker; no locks. */
#include "proxy/frames.h"

void mqg_frames_feed(struct mqg_frames *f, const uint8_t *data, size_t len)
{
	size_t i = 0;

	while (i < len && !f->lost) {
		if (f->left) {
			size_t skip = f->left < len - i ? f->left : len - i;

			f->left -= (uint32_t)skip;
			i += skip;
		} else if (!f->header) {
			f->header = true;
			f->length = 0;
			i++;
		} else {
			/* Not in f->left before it is whole: left says that a body is read. */
			f->partial |= (uint32_t)(data[i] & 0x7f) << (7 * f->length++);
			f->lost = data[i] & 0x80 && f->length == 4;
			if (!(data[i] & 0x80)) {
				f->left = f->partial;
				f->partial = 0;
				f->header = false;
			}
			i++;
		}
	}
}
