/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfd.c - pidfd_open(2): which task. Opened late, in the container's pid namespace; one whose task was waited for is made of a
 * process that lives for a moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/fdinfo.h"
#include "checkpoint/kind/file_kind.h"

#define THREAD O_EXCL /* PIDFD_THREAD, Linux 6.9 */

struct pidfd_record {
	int32_t pid; /* in the container; 0: of a task that is no more */
};

static const struct field fields[] = {
	FIELD(struct pidfd_record, pid, I32, .optional = true),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct pidfd_record *rec = record;
	const char *end, *line = fdinfo_line(f->info, "Pid:", &end);
	if (!line)
		return error_set(err, EPROTO, "%s: fdinfo tells no pid", file_name(c, f));
	int pid = atoi(line + 4);
	rec->pid = pid > 0 ? collect_vpid(c, pid) : 0;
	if (pid == 0 || (pid > 0 && !rec->pid))
		return file_refuse(c, f, "it is of a process outside of the container", "close it");
	return 0;
}

static bool late(const void *record)
{
	return ((const struct pidfd_record *)record)->pid > 0;
}

/* Of a child that has ended and was waited for. */
static int open_dead(unsigned flags)
{
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		for (;;)
			(void)pause();
	long fd = syscall(SYS_pidfd_open, child, flags);
	int r = fd < 0 ? -errno : (int)fd;
	(void)kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	(void)h;
	(void)id;
	const struct pidfd_record *rec = record;
	unsigned how = (unsigned)flags & THREAD;
	if (!rec->pid) {
		int fd = open_dead(how);
		return fd < 0 ? error_sys(err, -fd, "cannot make a pidfd of an ended process") : fd;
	}
	long fd = syscall(SYS_pidfd_open, rec->pid, how);
	if (fd < 0)
		return error_sys(err, errno, "cannot open a pidfd of pid %d", rec->pid);
	return (int)fd;
}

static void describe(const void *record, struct buf *out)
{
	const struct pidfd_record *rec = record;
	if (rec->pid)
		buf_printf(out, "pid %d", rec->pid);
	else
		buf_puts(out, "of a process that is no more");
}

static const struct file_match matches[] = { { FILE_ANON, "pidfd" }, { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_pidfd = {
	.name = "pidfd",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct pidfd_record),
	.collect = collect,
	.late = late,
	.open = reopen,
	.describe = describe,
};
