/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - see views.h. */
#include "engine/views.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/libexec.h"
#include "sys/clone3.h"
#include "sys/pidfd.h"
#include "sys/viewfs.h"

#define MAX_FAILURES 3
#define FIRST_FD     3 /* contexe-procfs wants fuse, memory, leash from here on */

/* ---- the server ---- */

struct start {
	char path[4096];
	char *argv[6];
	int fds[3];
};

/* In our memory, as by vfork(2): system calls only. */
static int become_server(void *arg)
{
	const struct start *s = arg;
	char *envp[] = { NULL };
	int high[3];
	sigset_t none;
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(s->fds[i], F_DUPFD, FIRST_FD + 3);
	for (int i = 0; i < 3; i++)
		if (high[i] < 0 || dup2(high[i], FIRST_FD + i) < 0)
			_exit(126);
	(void)syscall(SYS_close_range, FIRST_FD + 3, ~0U, 0);
	(void)syscall(SYS_close_range, 0, FIRST_FD - 1, 0);
	(void)setsid(); /* keys pressed at the terminal are not for it */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)chdir("/");
	(void)execve(s->path, s->argv, envp);
	_exit(127);
}

static void start_server(struct views *v)
{
	struct start s;
	char init[16], start[24], born[24];
	int leash[2];
	if (libexec_find("contexe-procfs", s.path, sizeof(s.path)) < 0 ||
	    pipe2(leash, O_CLOEXEC) < 0) {
		v->plain = true;
		return;
	}
	(void)snprintf(init, sizeof(init), "%d", (int)v->init.pid);
	(void)snprintf(start, sizeof(start), "%" PRIu64, v->init.start);
	(void)snprintf(born, sizeof(born), "%" PRIu64, v->born);
	char *argv[] = { "contexe-procfs", init, start, born, v->cgroup, NULL };
	memcpy(s.argv, argv, sizeof(argv));
	s.fds[0] = v->fuse;
	s.fds[1] = v->memory;
	s.fds[2] = leash[0];
	pid_t pid = sys_vfork(CLONE_CLEAR_SIGHAND, FD_NONE, &v->server, become_server, &s);
	fd_close(leash[0]);
	v->leash = leash[1];
	if (pid > 0) {
		v->server_pid = pid;
		return;
	}
	v->server = FD_NONE;
	v->leash = fd_close(v->leash);
	v->plain = true;
}

/* The server that we wait for has ended. One that was killed from outside was not at fault. */
static void reap_server(struct views *v)
{
	siginfo_t info = { 0 };
	bool known = sys_pidfd_wait(v->server, &info, WEXITED | __WALL) == 0;
	bool fault = known && (info.si_code == CLD_EXITED
				       ? info.si_status != 0
				       : info.si_status != SIGKILL && info.si_status != SIGTERM);
	v->failures = fault ? v->failures + 1 : 0;
	v->plain = v->failures >= MAX_FAILURES;
	v->server = fd_close(v->server);
	v->leash = fd_close(v->leash);
}

static void stop_server(struct views *v)
{
	if (v->server < 0)
		return;
	(void)sys_pidfd_send_signal(v->server, SIGKILL);
	reap_server(v);
}

/* One that it had taken, and did not answer. */
static bool is_pending(const struct views *v)
{
	struct fuse_in_header req = { 0 };
	return pread(v->memory, &req, sizeof(req), 0) == sizeof(req) && req.len >= sizeof(req);
}

/* ---- without it ---- */

static void send_kernel_file(const struct views *v, const struct fuse_in_header *req)
{
	const struct fuse_read_in *in = (const void *)(req + 1);
	char text[4096];
	CLEANUP_FD int fd = open(viewfs_find(req->nodeid)->path, O_RDONLY | O_CLOEXEC);
	size_t size = in->size < sizeof(text) ? in->size : sizeof(text);
	ssize_t n = fd < 0 ? -1 : pread(fd, text, size, (off_t)in->offset);
	struct fuse_out_header head = { .unique = req->unique };
	struct iovec parts[2] = { { &head, sizeof(head) }, { text, n > 0 ? (size_t)n : 0 } };
	head.error = n < 0 ? -EIO : 0;
	head.len = (uint32_t)(sizeof(head) + parts[1].iov_len);
	if (writev(v->fuse, parts, 2) < 0)
		return; /* its reader is gone */
}

static size_t kernel_file_size(uint64_t number)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	return file_read(AT_FDCWD, viewfs_find(number)->path, 1 << 20, &text) < 0 ? 0 : text.len;
}

static void answer_plain(const struct views *v, const struct fuse_in_header *req)
{
	union viewfs_answer answer;
	enum viewfs_verdict verdict = viewfs_answer_file(req, &answer, 0);
	if (verdict == VIEWFS_SIZE)
		answer.body.attr.attr.size = kernel_file_size(req->nodeid);
	if (verdict == VIEWFS_CONTENT)
		send_kernel_file(v, req);
	else if (verdict != VIEWFS_SILENT && write(v->fuse, &answer, answer.header.len) < 0)
		return;
}

static void serve_plain(struct views *v)
{
	alignas(8) char request[VIEWFS_BUFFER];
	const struct fuse_in_header *req = (const void *)request;
	const uint32_t none = 0;
	if (is_pending(v) && pread(v->memory, request, sizeof(request), 0) > 0) {
		answer_plain(v, req);
		IGNORE_RESULT(pwrite(v->memory, &none, sizeof(none), 0) < 0);
	}
	while (read(v->fuse, request, sizeof(request)) >= (ssize_t)sizeof(*req))
		answer_plain(v, req);
}

/* ---- the supervisor's loop ---- */

void views_tell(struct views *v, const struct pidref *init, uint64_t born, const char *cgroup)
{
	if (v->fuse < 0)
		return;
	stop_server(v);
	free(v->cgroup);
	v->cgroup = cgroup ? xstrdup(cgroup) : NULL;
	v->init = *init;
	v->born = born;
	v->failures = 0;
	v->plain = false;
	if (is_pending(v))
		start_server(v);
}

void views_start(struct views *v)
{
	if (v->fuse >= 0 && v->server < 0)
		start_server(v);
}

void views_add(const struct views *v, struct pollset *ps)
{
	if (v->server >= 0)
		pollset_add(ps, v->server, POLLIN);
	else
		pollset_add(ps, v->fuse, POLLIN);
}

void views_handle(struct views *v, const struct pollset *ps)
{
	bool wanted = false;
	if (v->fuse < 0)
		return;
	if (v->server >= 0) {
		if (!pollset_got(ps, v->server))
			return;
		reap_server(v);
		wanted = is_pending(v);
	} else {
		short got = pollset_got(ps, v->fuse);
		wanted = got & POLLIN;
		if (got & ~POLLIN) { /* nobody has it mounted any more */
			v->fuse = fd_close(v->fuse);
			return;
		}
	}
	if (wanted && !v->plain)
		start_server(v);
	if (wanted && v->plain)
		serve_plain(v);
}

void views_done(struct views *v)
{
	stop_server(v);
	fd_close(v->fuse);
	fd_close(v->memory);
	free(v->cgroup);
	*v = VIEWS_NONE;
}
