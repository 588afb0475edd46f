/* SPDX-License-Identifier: Apache-2.0 */
/* sync.c - see sync.h. */
#include "container/sync.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/views.h"
#include "sys/scm.h"

int sync_pair(int ret[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	return 0;
}

int sync_send(int sock, enum sync_type type, int value, int fd)
{
	struct sync_msg msg = { .type = type, .value = value };
	return scm_send(sock, &msg, offsetof(struct sync_msg, error), &fd, fd >= 0 ? 1 : 0);
}

void sync_fail(int sock, const struct error *err)
{
	struct sync_msg msg = { .type = SYNC_ERROR, .error = *err };
	int r = scm_send(sock, &msg, sizeof(msg), NULL, 0);
	_exit(r < 0 ? 2 : 1);
}

int sync_wait_go_with(int sock, int *ret_fd)
{
	struct sync_msg msg;
	size_t n_fds = 0;
	*ret_fd = FD_NONE;
	ssize_t n = scm_recv(sock, &msg, sizeof(msg), ret_fd, 1, &n_fds, 0);
	if (n < 0)
		return (int)n;
	if (n >= (ssize_t)offsetof(struct sync_msg, error) && msg.type == SYNC_GO)
		return 0;
	*ret_fd = fd_close(*ret_fd);
	return -ECANCELED;
}

int sync_wait_go(int sock)
{
	int none;
	int r = sync_wait_go_with(sock, &none);
	fd_close(none);
	return r;
}

/* Until there is a message. Who builds may wait for the answers that we give meanwhile. */
static void answer_views(int sock, struct sync_result *ret)
{
	while (ret->views >= 0 && !ret->views_done) {
		struct pollfd p[2] = { { .fd = sock, .events = POLLIN },
				       { .fd = ret->views, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			ret->views_done = !views_answer_build(ret->views, ret->views_memory);
		if (p[0].revents || p[1].revents & ~POLLIN)
			return;
	}
}

int sync_collect(int sock, enum sync_type until, struct sync_result *ret, struct error *err)
{
	for (;;) {
		struct sync_msg msg = { 0 };
		int fd = FD_NONE;
		size_t n_fds = 0;
		answer_views(sock, ret);
		ssize_t n = scm_recv(sock, &msg, sizeof(msg), &fd, 1, &n_fds, 0);
		/* it ended without reading our last word; told once, before what it said itself */
		if (n == -ECONNRESET)
			continue;
		if (n == 0) {
			ret->eof = 1;
			return 0;
		}
		if (n < 0)
			return error_sys(err, (int)-n,
					 "lost the process that builds the container");
		switch (msg.type) {
		case SYNC_CONSOLE:
			fd_close(ret->console);
			ret->console = n_fds ? take_fd(&fd) : FD_NONE;
			break;
		case SYNC_VIEWS:
			fd_close(ret->views);
			ret->views = n_fds ? take_fd(&fd) : FD_NONE;
			break;
		case SYNC_TREE:
			IGNORE_RESULT(sync_send(sock, SYNC_GO, 0, ret->views));
			break;
		case SYNC_BORN:
		case SYNC_BUILT:
			fd_close(ret->job);
			ret->job = n_fds ? take_fd(&fd) : FD_NONE;
			break;
		case SYNC_ERROR:
			if (err)
				*err = msg.error;
			fd_close(fd);
			return msg.error.err > 0 ? -msg.error.err : -EIO;
		default:
			break;
		}
		if (n_fds)
			fd_close(fd);
		if (msg.type == until)
			return 0;
	}
}
