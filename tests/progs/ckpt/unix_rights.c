/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_rights.c - descriptors in flight: a file, a socket with something in it, a process, and a
 * socket within itself.
 */
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sock.h"

static void give(int sock, const char *text, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(16))) = { 0 };
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	CKPT_SETUP(sendmsg(sock, &h, 0));
}

/* Reads size bytes; the descriptor that came with them, or -1. */
static int take(int sock, const char *want, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(16))), buf[64];
	struct iovec iov = { buf, size };
	struct msghdr h = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;
	ssize_t n = recvmsg(sock, &h, MSG_DONTWAIT);
	CKPT_CHECK(n == (ssize_t)strlen(want) && memcmp(buf, want, strlen(want)) == 0,
		   "'%s' did not come", want);
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int main(void)
{
	int s[2], inner[2];
	struct stat before, after;
	ckpt_init();
	pid_t child = CKPT_SETUP(fork());
	if (child == 0) {
		ckpt_wait();
		_exit(7);
	}
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	CKPT_SETUP(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, inner));
	int file = CKPT_SETUP(open("/progs/ckpt/ckpt-unix_rights", O_RDONLY));
	CKPT_SETUP(lseek(file, 64, SEEK_SET));
	CKPT_SETUP(fstat(file, &before));
	CKPT_SETUP(send(inner[0], "within", 6, 0));
	CKPT_SETUP(send(s[0], "plain", 5, 0));
	give(s[0], "file", file);
	give(s[0], "socket", inner[1]);
	give(s[0], "process", CKPT_SETUP((int)syscall(SYS_pidfd_open, child, 0)));
	give(s[0], "circle", s[1]);
	close(inner[1]);

	ckpt_ready();

	CKPT_CHECK(take(s[1], "plain", 5) < 0, "a descriptor came too early");
	int f = take(s[1], "file", 64);
	CKPT_CHECK(f >= 0 && fstat(f, &after) == 0 && after.st_ino == before.st_ino, "the file");
	CKPT_CHECK(lseek(f, 32, SEEK_CUR) == 96 && lseek(file, 0, SEEK_CUR) == 96,
		   "it is not the same open file");
	int i = take(s[1], "socket", 64), p = take(s[1], "process", 64),
	    c = take(s[1], "circle", 64);
	CKPT_CHECK(i >= 0 && sock_hear(i, "within"), "the socket's own message");
	CKPT_CHECK(sock_say(i, "out") && sock_hear(inner[0], "out"), "the socket's other end");
	CKPT_CHECK(c >= 0 && sock_say(s[0], "round") && sock_hear(c, "round"), "the circle");
	siginfo_t info = { 0 };
	CKPT_CHECK(syscall(SYS_pidfd_send_signal, p, SIGUSR1, NULL, 0) == 0, "the process");
	CKPT_CHECK(waitid(P_PIDFD, (id_t)p, &info, WEXITED) == 0 && info.si_status == 7, "its end");
	ckpt_pass();
}
