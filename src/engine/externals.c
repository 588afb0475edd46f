/* SPDX-License-Identifier: Apache-2.0 */
/* externals.c - see externals.h. */
#include "engine/externals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/parse.h"
#include "init/protocol.h"

static struct external *add(struct arena *arena, struct externals *x, const char *name)
{
	struct external *e = arena_push(arena, x->v, x->n);
	*e = (struct external){ .name = name, .access = -1, .number = -1 };
	return e;
}

/* "contexe-init", JOB, KEEP: what pid 1 was started with; not a program of the user's that calls itself so. */
static int read_init(pid_t init, struct arena *arena, struct externals *ret, struct error *err)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)init);
	int r = file_read(AT_FDCWD, path, 4096, &b);
	if (r < 0)
		return error_sys(err, -r, "cannot read the command line of process 1");
	const char *text = buf_str(&b);
	const char *job = text + strlen(text) + 1;
	uint64_t job_pid, keep;
	if (!str_eq(text, "contexe-init") || job >= text + b.len ||
	    parse_u64(job, 2, INT32_MAX, &job_pid) < 0 ||
	    parse_u64(job + strlen(job) + 1, 0, INIT_MAX_KEEP, &keep) < 0)
		return 0;
	static const char *const fixed[] = { "init:channel", "init:listen", "init:status" };
	for (int i = 0; i < 3 + (int)keep; i++) {
		struct external *e = add(
			arena, ret, i < 3 ? fixed[i] : arena_printf(arena, "init:keep%d", i - 3));
		e->pid = init;
		e->number = INIT_FD_SUPERVISOR + i;
	}
	struct stat st;
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)init);
	if (stat(path, &st) < 0)
		return error_sys(err, errno, "cannot look at contexe-init");
	struct external *exe = add(arena, ret, EXTERNAL_INIT_EXE);
	exe->dev = st.st_dev;
	exe->ino = st.st_ino;
	ret->own_init = true;
	ret->job = (int)job_pid;
	return 0;
}

static void read_stdio(const char *stdio, struct arena *arena, struct externals *ret)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	for (size_t i = 0; stdio && i < ARRAY_SIZE(names); i++) {
		uint64_t dev, ino;
		int access;
		if (sscanf(stdio, "%" SCNu64 ":%" SCNu64 ":%d", &dev, &ino, &access) == 3) {
			struct external *e = add(arena, ret, names[i]);
			e->dev = dev;
			e->ino = ino;
			e->access = access;
		}
		stdio = strchr(stdio, ' ');
		stdio = stdio ? stdio + 1 : NULL;
	}
}

int externals_of(pid_t init, const char *stdio, struct arena *arena, struct externals *ret,
		 struct error *err)
{
	*ret = (struct externals){ .job = 1 };
	read_stdio(stdio, arena, ret);
	return read_init(init, arena, ret, err);
}

void stdio_describe(const int fds[3], struct buf *out)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;
		int flags = fds[i] >= 0 ? fcntl(fds[i], F_GETFL) : -1;
		if (i)
			buf_putc(out, ' ');
		/* /dev/null and its like can be had inside as well */
		if (flags < 0 || fstat(fds[i], &st) < 0 ||
		    (S_ISCHR(st.st_mode) && major(st.st_rdev) == 1))
			buf_putc(out, '-');
		else
			buf_printf(out, "%" PRIu64 ":%" PRIu64 ":%d", (uint64_t)st.st_dev,
				   (uint64_t)st.st_ino, flags & O_ACCMODE);
	}
}
