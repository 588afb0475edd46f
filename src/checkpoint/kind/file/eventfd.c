/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd.c - counters: eventfd(2). */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

struct eventfd_record {
	uint64_t count;
	bool semaphore;
};

static const struct field fields[] = {
	FIELD(struct eventfd_record, count, U64, .optional = true),
	FIELD(struct eventfd_record, semaphore, BOOL, .optional = true),
	FIELDS_END,
};

/*
 * Kernels before 6.5 do not tell whether it is a semaphore. With a count of 2 or more one read does: it takes 1, or all. What was
 * taken is put back; nobody runs meanwhile, and neither can block with such counts.
 */
static int probe_semaphore(int fd, uint64_t count, bool *ret)
{
	const uint64_t two = 2;
	uint64_t got;
	if (count < 2 && write(fd, &two, 8) != 8)
		return -errno;
	if (read(fd, &got, 8) != 8)
		return -errno;
	*ret = got == 1;
	uint64_t left = *ret ? count + (count < 2 ? 2 : 0) - 1 : 0;
	for (; left > count; left--)
		if (read(fd, &got, 8) != 8)
			return -errno;
	uint64_t back = count - left;
	return back && write(fd, &back, 8) != 8 ? -errno : 0;
}

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct eventfd_record *rec = record;
	uint64_t semaphore;
	if (fdinfo_number(f->info, NULL, "eventfd-count:", 16, &rec->count) < 0)
		return error_set(err, EPROTO, "%s: fdinfo tells no count", file_name(c, f));
	if (rec->count == UINT64_MAX)
		return file_refuse(c, f, "its counter has overflown", "read it");
	if (fdinfo_number(f->info, NULL, "eventfd-semaphore:", 10, &semaphore) == 0) {
		rec->semaphore = semaphore != 0;
		return 0;
	}
	int r = probe_semaphore(f->fd, rec->count, &rec->semaphore);
	return r < 0 ? error_sys(err, -r, "%s: cannot tell if it is a semaphore", file_name(c, f))
		     : 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	(void)flags;
	const struct eventfd_record *rec = record;
	CLEANUP_FD int fd =
		eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | (rec->semaphore ? EFD_SEMAPHORE : 0));
	if (fd < 0)
		return error_sys(err, errno, "eventfd(2)");
	if (rec->count && write(fd, &rec->count, 8) != 8)
		return error_sys(err, errno, "cannot set an eventfd to %llu",
				 (unsigned long long)rec->count);
	return take_fd(&fd);
}

static void describe(const void *record, struct buf *out)
{
	const struct eventfd_record *rec = record;
	buf_printf(out, "count %llu%s", (unsigned long long)rec->count,
		   rec->semaphore ? ", semaphore" : "");
}

static const struct file_match matches[] = { { FILE_ANON, "eventfd" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_eventfd = {
	.name = "eventfd",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct eventfd_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
