/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - answers the requests of one container's views (sys/viewfs.h), one after another.
 * Ends when nothing was asked for a while, when the file system is gone, or when the supervisor is: whoever comes
 * next takes up the connection where it is.
 */
#pragma once

#include "procview/gather.h"

struct server {
	int fuse;
	int leash; /* end of file: no supervisor lives */
	struct viewfs_shared *shared;
	struct gatherer gatherer;
	/* the text of one open file that no slot has room for */
	uint64_t big_handle;
	struct buf big;
};

int serve(struct server *s);
