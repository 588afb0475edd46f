/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_socket_rights.c - what unix sockets carry besides bytes: descriptors, credentials; their
 * options; what is refused.
 */
#include "socket_harness.h"
#include "unix_names.h"

/* ---- descriptors and credentials ---- */

static void send_fds(int sock, const char *text, const int *fds, size_t n)
{
	char control[256] __attribute__((aligned(16))) = { 0 };
	struct iovec iov = { (char *)(uintptr_t)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	CHECK(sendmsg(sock, &m, 0) == (ssize_t)strlen(text));
}

/* Reads up to size bytes and descriptors; returns how many descriptors came. */
static size_t take_fds(int sock, const char *want, size_t size, int *fds, struct ucred *cred)
{
	char control[256] __attribute__((aligned(16))) = { 0 }, data[64];
	struct iovec iov = { data, size };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t r = recvmsg(sock, &m, MSG_DONTWAIT);
	CHECK(r == (ssize_t)strlen(want) && memcmp(data, want, strlen(want)) == 0);
	size_t n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		}
		if (c->cmsg_type == SCM_CREDENTIALS && cred)
			memcpy(cred, CMSG_DATA(c), sizeof(*cred));
	}
	return n;
}

static void rights(void)
{
	int s[2], inner[2], got[8];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, inner) == 0);
	say(inner[0], "within");
	say(s[0], "plain");
	send_fds(s[0], "XY", &inner[1], 1);
	say(s[0], "after");
	/* a socket in flight within itself: a circle */
	send_fds(s[0], "Z", &s[1], 1);
	close(inner[1]);
	CARRY(s[0], s[1], inner[0]);
	CHECK(take_fds(s[1], "plain", 5, got, NULL) == 0); /* exactly as much as was before */
	CHECK(take_fds(s[1], "X", 1, got, NULL) == 1);
	expect(got[0], "within");
	say(got[0], "out");
	expect(inner[0], "out");
	CHECK(take_fds(s[1], "Y", 1, got, NULL) == 0);
	CHECK(take_fds(s[1], "afterZ", 40, got, NULL) == 1);
	say(s[0], "circle");
	expect(got[0], "circle");
}

static void waiting_rights(void)
{
	int l = listening(SOCK_STREAM, "/tmp/serv"), c = connected(SOCK_STREAM, "/tmp/serv");
	int inner[2], got[8];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, inner) == 0);
	say(inner[0], "within");
	send_fds(c, "take", inner, 2);
	close(inner[0]);
	close(inner[1]);
	CARRY(l, c);
	int a = accept(l, NULL, NULL);
	CHECK(take_fds(a, "take", 40, got, NULL) == 2);
	expect(got[1], "within");
}

static void peer_credentials(void)
{
	int pass[2], s[2];
	struct ucred u;
	socklen_t size = sizeof(u);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pass) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		gid_t groups[] = { 7, 8, 9 };
		CHECK(setgroups(3, groups) == 0 && setresgid(55, 55, 55) == 0);
		CHECK(setresuid(66, 66, 66) == 0);
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
		send_fds(pass[0], "p", s, 2);
		_exit(0);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(take_fds(pass[1], "p", 1, s, NULL) == 2);
	int passcred = 1;
	CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &passcred, sizeof(passcred)) == 0);
	say(s[0], "mine");
	CARRY(s[0], s[1]);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &size) == 0);
	CHECK(u.uid == 66 && u.gid == 55 && u.pid == pid);
	gid_t groups[8];
	size = sizeof(groups);
	CHECK(getsockopt(s[1], SOL_SOCKET, 59 /* SO_PEERGROUPS */, groups, &size) == 0);
	CHECK(size == 3 * sizeof(gid_t) && groups[0] == 7 && groups[2] == 9);
	int none[8];
	CHECK(take_fds(s[1], "mine", 40, none, &u) == 0);
	CHECK(u.uid == 0 && u.gid == 0);
	CHECK(getuid() == 0 && geteuid() == 0);
}

static void options(void)
{
	int s[2], on = 1, v;
	socklen_t size;
	struct timeval tv = { 3, 500000 }, got;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	v = 30000;
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)) == 0);
	v = 3;
	CHECK(setsockopt(s[0], SOL_SOCKET, 42 /* SO_PEEK_OFF */, &v, sizeof(v)) == 0);
	say(s[1], "queued");
	CARRY(s[0], s[1]);
	size = sizeof(v);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_PASSCRED, &v, &size) == 0 && v == 1);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &size) == 0 && v == 60000);
	CHECK(getsockopt(s[0], SOL_SOCKET, 42, &v, &size) == 0 && v == 3);
	CHECK(getsockopt(s[1], SOL_SOCKET, 42, &v, &size) == 0 && v == -1);
	size = sizeof(got);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0 && got.tv_sec == 3);
	char buf[8];
	CHECK(recv(s[0], buf, 8, MSG_PEEK) == 3 && memcmp(buf, "ued", 3) == 0);
	v = -1;
	CHECK(setsockopt(s[0], SOL_SOCKET, 42, &v, sizeof(v)) == 0);
	expect(s[0], "queued");
}

static void refused(void)
{
	int s[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	const char *why = REFUSAL(s[0]);
	CHECK(why && strstr(why, "outside"));
	CHECK(send(s[0], "u", 1, MSG_OOB) == 1);
	why = REFUSAL(s[0], s[1]);
	CHECK(why && strstr(why, "MSG_OOB"));
	int l = listening(SOCK_STREAM, "@l"), c = connected(SOCK_STREAM, "@l");
	why = REFUSAL(c);
	CHECK(why && strstr(why, "outside"));
	why = REFUSAL(l);
	CHECK(why && strstr(why, "outside"));
}

/* Looking does not change what is looked at. */
static void running_on(void)
{
	int s[2], got[4];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	say(s[0], "abc");
	send_fds(s[0], "d", &s[0], 1);
	close(s[0]);
	for (int i = 0; i < 2; i++)
		CHECK(!refusal(&s[1], 1, true));
	CHECK(take_fds(s[1], "abcd", 40, got, NULL) == 1);
	CHECK(would_block(s[1]));
}

#define TEST(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(name);                                                                    \
	}
#define TESTS(X)                                                                                   \
	X(rights)                                                                                  \
	X(waiting_rights)                                                                          \
	X(peer_credentials)                                                                        \
	X(options)                                                                                 \
	X(refused)                                                                                 \
	X(running_on)
TESTS(TEST)

#define ENTRY(name) cmocka_unit_test(test_##name),
int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(ENTRY) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
