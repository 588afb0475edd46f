/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tarindex.h - where each member of an uncompressed tar lies, so that the blobs of an image can be read in
 * the order of its manifest instead of the archive's. Formats: ustar, pax and GNU (pax(1), tar(5)); sparse
 * members and other exotics do not occur in image archives and are not members here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define TARINDEX_MAX_MEMBERS 100000

struct tarindex_member {
	char *name; /* clean: no leading "./" or '/', no trailing '/' */
	char *link; /* symbolic link: the target as it stands; hard link: a clean name; else NULL */
	bool symlink;
	uint64_t offset, size; /* of the data in the file */
};

struct tarindex {
	struct arena arena;
	struct tarindex_member *v;
	size_t n;
};

#define CLEANUP_TARINDEX CLEANUP(tarindex_done)
void tarindex_done(struct tarindex *t);

/*
 * Reads the headers of the archive in fd, a regular file of `size` bytes. 0, -EILSEQ when it does not begin
 * as a tar does, -EBADMSG when it is damaged or ends too early (says where).
 */
int tarindex_read(int fd, uint64_t size, struct tarindex *ret, struct error *err) NODISCARD;

/* The regular file of that name, links followed inside the archive; of duplicates the last. NULL: none. */
const struct tarindex_member *tarindex_find(const struct tarindex *t, const char *name);
