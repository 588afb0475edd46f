/* SPDX-License-Identifier: Apache-2.0 */
/* detached.c - a supervisor that stays when the command that made it has ended. See supervisor.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/sync.h"
#include "engine/restoring.h"
#include "engine/supervisor.h"
#include "sys/clone3.h"

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : 1;
}

static void close_inherited(const struct container *c, const struct restoring *r, int report)
{
	size_t n = 4 + (r ? 2 + r->n_externals : 0);
	int *keep = xmalloc(n * sizeof(*keep));
	const int ours[] = { c->root->fd, c->root->containers, c->dir, report };
	memcpy(keep, ours, sizeof(ours));
	if (r) {
		keep[4] = r->fd;
		keep[5] = restore_arena_fd(r->restore);
		for (size_t i = 0; i < r->n_externals; i++)
			keep[6 + i] = r->externals[i].fd;
	}
	/* ascending, so that the gaps between them can be closed */
	qsort(keep, n, sizeof(*keep), compare_fds);
	unsigned from = 3;
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			(void)syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
	free(keep);
}

static NORETURN void detached_main(struct container *c, const struct supervisor_options *wanted,
				   int report)
{
	struct supervisor_options opt = *wanted;
	struct error err = ERROR_INIT;
	int status = 1;

	opt.foreground = false;
	opt.report = report;
	(void)setsid();
	(void)prctl(PR_SET_NAME, "contexe-super");
	close_inherited(c, opt.restoring, report);
	if (fd_close(0), fd_close(1), fd_close(2), fd_sanitize_stdio() < 0 || chdir("/") < 0)
		_exit(1);
	if (supervise(c, &opt, &status, &err) < 0)
		sync_fail(report, &err);
	_exit(status & 0xff);
}

/* Until it has told that the container is up. *ret_sock: where it told. */
static int begin(struct container *c, const struct supervisor_options *opt, int *ret_sock,
		 struct error *err)
{
	int report[2];
	int r = sync_pair(report, err);
	if (r < 0)
		return r;
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid == 0) {
		fd_close(report[0]);
		/* a second fork, so that the caller has no child that it does not know of */
		pid_t again = sys_fork(0, FD_NONE, NULL);
		if (again == 0)
			detached_main(c, opt, report[1]);
		_exit(again < 0);
	}
	fd_close(report[1]);
	if (pid < 0) {
		fd_close(report[0]);
		return error_sys(err, -pid, "cannot fork the supervisor");
	}
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	struct sync_result got = SYNC_RESULT_INIT;
	r = sync_collect(report[0], SYNC_BUILT, &got, err);
	if (r == 0 && got.eof)
		r = error_set(err, ECHILD, "the supervisor died");
	if (r < 0)
		fd_close(report[0]);
	else
		*ret_sock = report[0];
	return r;
}

int supervise_detached(struct container *c, const struct supervisor_options *opt, struct error *err)
{
	int sock;
	int r = begin(c, opt, &sock, err);
	if (r == 0)
		fd_close(sock);
	return r;
}

int supervise_led(struct container *c, const struct supervisor_options *opt, int *ret_sock,
		  struct error *err)
{
	return begin(c, opt, ret_sock, err);
}

int supervise_orphan(struct container *c, struct error *err)
{
	struct supervisor_options opt = { .adopt = true, .report = FD_NONE };
	if (c->supervised || (c->now != CONTEXE_RUNNING && c->now != CONTEXE_PAUSED))
		return 0;
	int r = container_lock(c, 10000, err);
	if (r < 0)
		return r;
	if (!c->supervised && (c->now == CONTEXE_RUNNING || c->now == CONTEXE_PAUSED))
		r = supervise_detached(c, &opt, err);
	container_unlock(c);
	container_refresh(c);
	return r;
}
