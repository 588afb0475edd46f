/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timens.c - a time namespace with offsets. clone3(CLONE_NEWTIME) makes one whose offsets can no longer
 * be set, so: unshare, write, fork; then back to the own one for the children that come later.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "container/ns/ns.h"
#include "sys/clone3.h"

static void print_offset(const char *clock, const struct spec_time_offset *o, struct buf *out)
{
	if (o->secs.set || o->nanosecs.set)
		buf_printf(out, "%s %" PRId64 " %" PRIu64 "\n", clock, o->secs.v, o->nanosecs.v);
}

int ns_time_prepare(const struct spec_linux *l, int *ret_old, struct error *err)
{
	CLEANUP_FD int old = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (old < 0)
		return error_sys(err, errno, "this kernel has no time namespaces");
	if (unshare(CLONE_NEWTIME) < 0)
		return error_sys(err, errno, "cannot make a time namespace");
	CLEANUP_BUF struct buf text = BUF_INIT;
	print_offset("monotonic", &l->monotonic, &text);
	print_offset("boottime", &l->boottime, &text);
	int r = text.len ? file_write(AT_FDCWD, "/proc/self/timens_offsets", buf_str(&text)) : 0;
	if (r < 0) {
		for (size_t i = 0; i < text.len; i++)
			if (text.data[i] == '\n')
				text.data[i] = i + 1 < text.len ? ',' : '\0';
		error_sys(err, -r, "the kernel refused the time offsets '%s'", buf_str(&text));
		error_hint(err, "a clock cannot be set below zero or beyond 2^63 ns");
		int e = take_fd(&old);
		ns_time_restore(&e);
		return r;
	}
	*ret_old = take_fd(&old);
	return 0;
}

void ns_time_restore(int *old_fd)
{
	if (*old_fd >= 0)
		(void)setns(*old_fd, CLONE_NEWTIME);
	*old_fd = fd_close(*old_fd);
}
