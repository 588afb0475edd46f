/* SPDX-License-Identifier: Apache-2.0 */
/* diskstats.c - /proc/diskstats: the devices that the container has used, with what it has read, written and discarded. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procview/text.h"
#include "procview/view.h"

#define SECTOR 512

struct io {
	uint64_t rbytes, wbytes, rios, wios, dbytes, dios;
};

/* "8:0 rbytes=1 wbytes=2 ..." */
static bool find_device(const char *io_stat, unsigned major, unsigned minor, struct io *ret)
{
	struct text_line line;
	*ret = (struct io){ 0 };
	while (text_next(&io_stat, &line)) {
		unsigned a, b;
		if (sscanf(line.at, "%u:%u", &a, &b) != 2 || a != major || b != minor)
			continue;
		const struct {
			const char *name;
			uint64_t *at;
		} words[] = {
			{ " rbytes=", &ret->rbytes }, { " wbytes=", &ret->wbytes },
			{ " rios=", &ret->rios },     { " wios=", &ret->wios },
			{ " dbytes=", &ret->dbytes }, { " dios=", &ret->dios },
		};
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			const char *at =
				memmem(line.at, line.size, words[i].name, strlen(words[i].name));
			if (at)
				*words[i].at = strtoull(at + strlen(words[i].name), NULL, 10);
		}
		return true;
	}
	return false;
}

int view_diskstats(const struct facts *f, struct buf *out)
{
	const char *text = f->kernel;
	struct text_line line;

	while (text_next(&text, &line)) {
		unsigned major, minor;
		char name[64];
		struct io io;
		if (!f->io_stat || sscanf(line.at, "%u %u %63s", &major, &minor, name) != 3 ||
		    !find_device(f->io_stat, major, minor, &io))
			continue;
		/* how long that took, and what waits now, nobody counts for a group */
		buf_printf(out,
			   "%4u %7u %s %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64 " 0 %" PRIu64
			   " 0 0 0 0 %" PRIu64 " 0 %" PRIu64 " 0 0 0\n",
			   major, minor, name, io.rios, io.rbytes / SECTOR, io.wios,
			   io.wbytes / SECTOR, io.dios, io.dbytes / SECTOR);
	}
	return 0;
}
