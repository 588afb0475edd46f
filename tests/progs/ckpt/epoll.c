/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoll.c - what is watched: two numbers for one file, a number that is another file's by now, edge-triggered, one-shot that has
 * fired, nested.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "ckpt.h"

static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };
	CKPT_SETUP(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

/* Which data came, as a set of bits. */
static unsigned poll_all(int ep)
{
	struct epoll_event ev[16];
	unsigned set = 0;
	int n = epoll_wait(ep, ev, 16, 0);
	for (int i = 0; i < n; i++)
		set |= 1u << ev[i].data.u64;
	return set;
}

static void signal_event(int fd)
{
	uint64_t one = 1;
	if (write(fd, &one, 8) != 8)
		ckpt_fail("write to an eventfd: %s", strerror(errno));
}

int main(void)
{
	int ep = CKPT_SETUP(epoll_create1(0)), inner = CKPT_SETUP(epoll_create1(EPOLL_CLOEXEC));
	int a = CKPT_SETUP(eventfd(0, 0)), b = CKPT_SETUP(eventfd(0, 0)),
	    c = CKPT_SETUP(eventfd(1, 0));
	CKPT_SETUP(dup2(a, 200));
	add(ep, 200, EPOLLIN | EPOLLET, 1);
	CKPT_SETUP(dup2(b, 200));
	add(ep, 200, EPOLLIN, 2);
	close(200);
	add(ep, a, EPOLLIN, 3);
	add(inner, b, EPOLLIN, 4);
	add(ep, inner, EPOLLIN, 5);
	add(ep, c, EPOLLIN | EPOLLONESHOT, 6);
	if (poll_all(ep) != 1u << 6)
		ckpt_no_setup("the one-shot did not fire");

	ckpt_ready();

	uint64_t v;
	unsigned set = poll_all(ep);
	CKPT_CHECK(set == 0, "events %#x came from nowhere", set);
	signal_event(a);
	set = poll_all(ep);
	CKPT_CHECK(set == (1u << 1 | 1u << 3), "for a: %#x", set);
	set = poll_all(ep);
	CKPT_CHECK(set == 1u << 3, "edge and level are %#x", set);
	CKPT_CHECK(read(a, &v, 8) == 8, "read: %s", strerror(errno));
	signal_event(b);
	set = poll_all(ep);
	CKPT_CHECK(set == (1u << 2 | 1u << 5), "for b: %#x", set);
	CKPT_CHECK(poll_all(inner) == 1u << 4, "the inner one");
	CKPT_CHECK(read(b, &v, 8) == 8, "read: %s", strerror(errno));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 7 };
	CKPT_CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, c, &ev) == 0, "cannot arm again: %s",
		   strerror(errno));
	CKPT_CHECK(poll_all(ep) == 1u << 7, "the one-shot does not fire again");
	CKPT_CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, a, NULL) == 0, "cannot remove: %s",
		   strerror(errno));
	CKPT_CHECK(dup2(b, 200) == 200 && epoll_ctl(ep, EPOLL_CTL_DEL, 200, NULL) == 0,
		   "the watch is not known by its number: %s", strerror(errno));
	ckpt_pass();
}
