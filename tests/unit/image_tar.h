/* SPDX-License-Identifier: Apache-2.0 */
/* image_tar.h - writes a tar, member by member, for the tests of the image store. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static inline void tar_add(struct buf *b, char type, const char *name, const char *link,
			   const void *data, size_t size)
{
	char h[512] = { 0 };
	unsigned sum = 0;
	(void)snprintf(h, 100, "%s", name);
	memcpy(h + 100, "0000644\0000000000\0000000000", 24);
	(void)snprintf(h + 124, 12, "%011zo", size);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = type;
	(void)snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 7, "%06o", sum);
	buf_add(b, h, sizeof(h));
	buf_add(b, data, size);
	memset(h, 0, sizeof(h));
	buf_add(b, h, (512 - size % 512) % 512);
}
