/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd.c - signalfd(2): nothing but the set of signals; those that wait are the task's. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

#define SFD_FLAGS 02000000 /* SFD_CLOEXEC */

struct signalfd_record {
	uint64_t mask;
};

static const struct field fields[] = {
	FIELD(struct signalfd_record, mask, U64, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct signalfd_record *rec = record;
	if (fdinfo_number(f->info, NULL, "sigmask:", 16, &rec->mask) < 0)
		return error_set(err, EPROTO, "%s: fdinfo tells no mask", file_name(c, f));
	return 0;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	(void)flags;
	/* The C library's call takes its own, larger set, and drops signals that it keeps for itself. */
	const struct signalfd_record *rec = record;
	long fd = syscall(SYS_signalfd4, -1, &rec->mask, 8, SFD_FLAGS);
	return fd < 0 ? error_sys(err, errno, "signalfd(2)") : (int)fd;
}

static void describe(const void *record, struct buf *out)
{
	buf_printf(out, "mask %016llx",
		   (unsigned long long)((const struct signalfd_record *)record)->mask);
}

static const struct file_match matches[] = { { FILE_ANON, "signalfd" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_signalfd = {
	.name = "signalfd",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct signalfd_record),
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
