/* SPDX-License-Identifier: Apache-2.0 */
/* pidfd.c - pidfds: of a child, of a child that ended and was waited for, watched by epoll. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "ckpt.h"

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) == 1;
}

int main(void)
{
	ckpt_init();
	pid_t child = CKPT_SETUP(fork());
	if (child == 0)
		for (;;)
			pause();
	pid_t gone = CKPT_SETUP(fork());
	if (gone == 0)
		_exit(0);
	int fd = CKPT_SETUP(open_pidfd(child)), dead = CKPT_SETUP(open_pidfd(gone));
	CKPT_SETUP(waitpid(gone, NULL, 0));
	int ep = CKPT_SETUP(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 77 };
	CKPT_SETUP(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));

	ckpt_ready();

	CKPT_CHECK(!readable(fd), "the child has ended");
	CKPT_CHECK(readable(dead), "the ended child lives");
	CKPT_CHECK(syscall(SYS_pidfd_send_signal, dead, 0, NULL, 0) < 0 && errno == ESRCH,
		   "the ended child takes signals");
	CKPT_CHECK(epoll_wait(ep, &ev, 1, 0) == 0, "an event from nowhere");
	CKPT_CHECK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0, "cannot signal: %s",
		   strerror(errno));
	CKPT_CHECK(epoll_wait(ep, &ev, 1, 5000) == 1 && ev.data.u64 == 77, "no event of the end");
	CKPT_CHECK(waitpid(child, NULL, 0) == child, "it was not our child");
	ckpt_pass();
}
