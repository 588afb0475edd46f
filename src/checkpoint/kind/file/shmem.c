/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmem.c - shared anonymous memory (MAP_SHARED | MAP_ANONYMOUS, or a shared mapping of /dev/zero): a file without a
 * name that only mappings know. It comes here by /proc/PID/map_files. Its content is stored once, however many map it.
 *
 * On restore the same kind of mapping is made in the holder and opened through its /proc/self/map_files, so that maps shows
 * "/dev/zero (deleted)" again. That needs privilege in the first user namespace; without it a memfd
 * takes its place, which differs in nothing but the name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/content.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/inode_note.h"
#include "checkpoint/kind/procfd.h"

struct shmem_open {
	uint64_t shmem;
};

static const struct field fields[] = {
	FIELD(struct shmem_open, shmem, U64),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct shmem_open *rec = record;
	bool *known = inode_note(c, &f->st, fields, sizeof(*known), &rec->shmem);
	if (*known)
		return 0;
	*known = true;
	struct content content;
	CLEANUP_FD int fd = procfd_open(c->proc, f->fd, O_RDONLY);
	int r = fd < 0 ? error_sys(err, -fd, "cannot open it once more")
		       : content_collect(c, fd, &content, err);
	if (r < 0)
		return error_object(err, "%s", file_name(c, f));
	return collect_put(c, "shmem", rec->shmem, content_fields, &content, err);
}

static int open_mapping(struct holder *h, void *at, size_t size)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "self/map_files/%lx-%lx", (unsigned long)at,
		       (unsigned long)at + size);
	int fd = openat(holder_proc(h), path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_shmem(struct holder *h, uint64_t bytes)
{
	size_t size = (bytes + IMAGE_PAGE - 1) & ~((uint64_t)IMAGE_PAGE - 1);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	int fd = open_mapping(h, at, size);
	(void)munmap(at, size);
	if (fd != -EPERM && fd != -EACCES && fd != -ENOENT)
		return fd;
	fd = memfd_create("/dev/zero", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make(struct holder *h, uint64_t id, struct error *err)
{
	struct content content;
	int r = image_get(holder_image(h), "shmem", id, content_fields, holder_arena(h), &content,
			  err);
	if (r < 0)
		return r;
	if (content.size == 0 || content.size > INT64_MAX / 2)
		return error_set(err, EBADMSG, "shared memory of %llu bytes",
				 (unsigned long long)content.size);
	CLEANUP_FD int fd = make_shmem(h, content.size);
	if (fd < 0)
		return error_sys(err, -fd, "cannot make %llu bytes of shared memory",
				 (unsigned long long)content.size);
	r = content_fill(h, &content, fd, err);
	if (r < 0)
		return error_object(err, "shared memory");
	int node = procfd_open(holder_proc(h), fd, O_PATH);
	if (node < 0)
		return error_sys(err, -node, "cannot open shared memory once more");
	holder_stash_take(h, "shmem", id, node);
	return 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)id;
	const struct shmem_open *rec = record;
	if (holder_stashed(h, "shmem", rec->shmem) < 0) {
		int r = make(h, rec->shmem, err);
		if (r < 0)
			return r;
	}
	int fd = procfd_open(holder_proc(h), holder_stashed(h, "shmem", rec->shmem),
			     flags & (O_ACCMODE | O_PATH));
	return fd < 0 ? error_sys(err, -fd, "cannot open shared memory once more") : fd;
}

static void describe(const void *record, struct buf *out)
{
	buf_printf(out, "shared memory %llu",
		   (unsigned long long)((const struct shmem_open *)record)->shmem);
}

static const struct file_match matches[] = { { FILE_MEMORY, "shmem" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_shmem = {
	.name = "shmem",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct shmem_open),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
