/* SPDX-License-Identifier: Apache-2.0 */
/* test_socket_kinds.c - unix sockets go through an image and are what they were. */
#include "socket_harness.h"
#include "unix_names.h"

/* ---- pairs ---- */

static void stream_pair(void)
{
	int s[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	say(s[0], "to one");
	say(s[1], "to ");
	say(s[1], "zero");
	CARRY(s[0], s[1]);
	expect(s[0], "to zero");
	expect(s[1], "to one");
	CHECK(would_block(s[0]) && would_block(s[1]));
	say(s[0], "again");
	expect(s[1], "again");
	CHECK(close(s[0]) == 0);
	expect(s[1], "");
}

static void seqpacket_pair(void)
{
	int s[2];
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	say(s[0], "one");
	say(s[0], "two");
	say(s[0], "three");
	CARRY(s[1], s[0]);
	expect(s[1], "one");
	expect(s[1], "two");
	expect(s[1], "three");
	CHECK(would_block(s[1]));
	say(s[1], "back");
	expect(s[0], "back");
}

static void large_queue(void)
{
	int s[2], big = 4 << 20;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big)) == 0);
	char *data = malloc(3 << 20), *back = malloc(3 << 20);
	for (size_t i = 0; i < 3u << 20; i++)
		data[i] = (char)(i * 7 + i / 4096);
	CHECK(send(s[0], data, 3 << 20, MSG_DONTWAIT) == 3 << 20);
	CARRY(s[0], s[1]);
	CHECK(fd_read_all(s[1], back, 3 << 20) == 3 << 20 && memcmp(data, back, 3 << 20) == 0);
	CHECK(would_block(s[1]));
	int now = 0;
	socklen_t size = sizeof(now);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &now, &size) == 0 && now == 2 * big);
	CHECK(getsockopt(s[1], SOL_SOCKET, SO_SNDBUF, &now, &size) == 0 && now < big);
}

static void half_closed(void)
{
	int s[2], t[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, t) == 0);
	say(s[0], "last words");
	CHECK(shutdown(s[0], SHUT_WR) == 0);
	CHECK(shutdown(t[0], SHUT_RD) == 0);
	CARRY(s[0], s[1], t[0], t[1]);
	expect(s[1], "last words");
	expect(s[1], "");
	CHECK(events(s[1]) & POLLRDHUP);
	CHECK(!(events(s[1]) & POLLHUP));
	CHECK(send(s[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	say(s[1], "other way");
	expect(s[0], "other way");
	CHECK(send(t[1], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	say(t[0], "x");
	expect(t[1], "x");
}

static void hung_up(void)
{
	int s[2], t[2], u[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, t) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, u) == 0);
	say(s[1], "farewell");
	say(t[0], "never read");
	say(u[1], "farewell");
	close(s[1]);
	close(t[1]);
	close(u[1]);
	CARRY(s[0], t[0], u[0]);
	CHECK(events(s[0]) & POLLHUP && !(events(s[0]) & POLLERR));
	expect(s[0], "farewell");
	expect(s[0], "");
	expect(u[0], "farewell");
	expect(u[0], "");
	char c;
	CHECK(events(t[0]) & POLLERR);
	CHECK(recv(t[0], &c, 1, 0) < 0 && errno == ECONNRESET);
	CHECK(recv(t[0], &c, 1, 0) == 0);
}

/* ---- names ---- */

static void listen_and_connect(void)
{
	struct stat st;
	umask(027);
	int l = listening(SOCK_STREAM, "/tmp/serv");
	CHECK(chown("/tmp/serv", 12, 34) == 0);
	int c = connected(SOCK_STREAM, "/tmp/serv"), a = accept(l, NULL, NULL);
	int b = bound(SOCK_STREAM, "/tmp/client"), d;
	link_to(b, "/tmp/serv");
	d = accept(l, NULL, NULL);
	say(c, "request");
	CARRY(c, a, l, d, b);
	check_own(l, "/tmp/serv");
	check_own(a, "/tmp/serv");
	check_peer(c, "/tmp/serv");
	check_own(c, NULL);
	check_peer(a, NULL);
	check_own(b, "/tmp/client");
	check_peer(d, "/tmp/client");
	check_own(d, "/tmp/serv");
	expect(a, "request");
	say(d, "answer");
	expect(b, "answer");
	CHECK(stat("/tmp/serv", &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(st.st_uid == 12 && st.st_gid == 34);
	c = connected(SOCK_STREAM, "/tmp/serv");
	a = accept(l, NULL, NULL);
	say(a, "new");
	expect(c, "new");
	CHECK(connected(SOCK_STREAM, "/tmp/serv") >= 0);
}

static void layer_is_gone(void)
{
	struct stat st;
	int l = listening(SOCK_SEQPACKET, "/tmp/serv");
	CHECK(chmod("/tmp/serv", 0604) == 0);
	struct world w;
	CHECK(world_dump(&w, &l, 1, false) == 0);
	close(l);
	CHECK(unlink("/tmp/serv") == 0); /* as in a layer that was not kept */
	world_restore(&w, &l, 1);
	CHECK(stat("/tmp/serv", &st) == 0 && st.st_mode == (S_IFSOCK | 0604));
	CHECK(connected(SOCK_SEQPACKET, "/tmp/serv") >= 0);
}

static void relative_and_renamed(void)
{
	CHECK(mkdir("dir", 0755) == 0 && mkdir("other", 0755) == 0);
	CHECK(chdir("dir") == 0);
	int l = listening(SOCK_STREAM, "rel"), m = listening(SOCK_STREAM, "/tmp/dir/first");
	int up = listening(SOCK_STREAM, "../other/up");
	CHECK(rename("/tmp/dir/first", "/tmp/other/final") == 0);
	int n = listening(SOCK_STREAM, "/tmp/dir/first");
	CHECK(chdir("/") == 0);
	const char *why = REFUSAL(up);
	CHECK(why);
	CARRY(l, m, n);
	check_own(l, "rel");
	check_own(m, "/tmp/dir/first");
	check_own(n, "/tmp/dir/first");
	CHECK(fcntl(m, F_SETFL, O_NONBLOCK) == 0 && fcntl(n, F_SETFL, O_NONBLOCK) == 0);
	CHECK(connected(SOCK_STREAM, "/tmp/dir/rel") >= 0 && accept(l, NULL, NULL) >= 0);
	CHECK(connected(SOCK_STREAM, "/tmp/other/final") >= 0 && accept(m, NULL, NULL) >= 0);
	CHECK(connected(SOCK_STREAM, "/tmp/dir/first") >= 0 && accept(n, NULL, NULL) >= 0);
	CHECK(accept(m, NULL, NULL) < 0 && errno == EAGAIN);
	CHECK(access("/tmp/dir/first.contexe-aside", F_OK) < 0);
}

static void name_is_gone(void)
{
	int l = listening(SOCK_STREAM, "/tmp/serv");
	int c = connected(SOCK_STREAM, "/tmp/serv"), a = accept(l, NULL, NULL);
	CHECK(unlink("/tmp/serv") == 0);
	int m = listening(SOCK_STREAM, "/tmp/serv"); /* another one at the same place */
	CHECK(mkdir("/tmp/sub", 0755) == 0);
	int d = bound(SOCK_DGRAM, "/tmp/sub/gone"), s = connected(SOCK_DGRAM, "/tmp/sub/gone");
	CHECK(unlink("/tmp/sub/gone") == 0 && rmdir("/tmp/sub") == 0);
	say(s, "datagram");
	say(c, "stream");
	CARRY(l, m, c, a, d, s);
	check_own(l, "/tmp/serv");
	check_own(m, "/tmp/serv");
	check_own(d, "/tmp/sub/gone");
	check_peer(s, "/tmp/sub/gone");
	expect(a, "stream");
	expect(d, "datagram");
	say(s, "more");
	expect(d, "more");
	CHECK(access("/tmp/sub", F_OK) < 0);
	CHECK(fcntl(l, F_SETFL, O_NONBLOCK) == 0);
	CHECK(connected(SOCK_STREAM, "/tmp/serv") >= 0 && accept(m, NULL, NULL) >= 0);
	CHECK(accept(l, NULL, NULL) < 0 && errno == EAGAIN);
	CHECK(unlink("/tmp/serv") == 0);
}

static void abstract_names(void)
{
	int l = listening(SOCK_STREAM, "@serv"), c = connected(SOCK_STREAM, "@serv");
	int a = accept(l, NULL, NULL);
	int gone = listening(SOCK_STREAM, "@gone"), e = connected(SOCK_STREAM, "@gone");
	int f = accept(gone, NULL, NULL);
	close(gone);
	int u = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX }, before;
	socklen_t size = sizeof(before);
	CHECK(bind(u, (struct sockaddr *)&un, sizeof(sa_family_t)) == 0); /* autobind */
	CHECK(getsockname(u, (struct sockaddr *)&before, &size) == 0);
	CARRY(f, a, l, c, e, u);
	check_own(l, "@serv");
	check_own(a, "@serv");
	check_peer(c, "@serv");
	check_own(f, "@gone");
	check_peer(e, "@gone");
	check_own(e, NULL);
	CHECK(getsockname(u, (struct sockaddr *)&un, &size) == 0 && !memcmp(&un, &before, size));
	say(e, "x");
	expect(f, "x");
	CHECK(connected(SOCK_STREAM, "@serv") >= 0 && accept(l, NULL, NULL) >= 0);
	CHECK(listening(SOCK_STREAM, "@gone") >= 0);
}

static void server_hung_up(void)
{
	int l = listening(SOCK_STREAM, "/tmp/serv");
	int c = connected(SOCK_STREAM, "/tmp/serv"), a = accept(l, NULL, NULL);
	int d = bound(SOCK_STREAM, "/tmp/client");
	link_to(d, "/tmp/serv");
	int e = accept(l, NULL, NULL);
	say(a, "bye");
	close(a);
	close(d);
	CARRY(l, c, e);
	check_peer(c, "/tmp/serv");
	check_own(e, "/tmp/serv");
	check_peer(e, "/tmp/client");
	expect(c, "bye");
	expect(c, "");
	expect(e, "");
}

/* ---- not accepted yet ---- */

static void waiting(void)
{
	int l = listening(SOCK_STREAM, "/tmp/serv"), c[3];
	for (int i = 0; i < 3; i++)
		c[i] = connected(SOCK_STREAM, "/tmp/serv");
	say(c[0], "zero");
	say(c[1], "one");
	CHECK(shutdown(c[1], SHUT_WR) == 0);
	say(c[2], "two");
	close(c[2]);
	CARRY(l, c[0], c[1]);
	int a[3];
	for (int i = 0; i < 3; i++)
		CHECK((a[i] = accept(l, NULL, NULL)) >= 0);
	expect(a[0], "zero");
	expect(a[1], "one");
	expect(a[1], "");
	expect(a[2], "two");
	say(a[0], "hello");
	expect(c[0], "hello");
	say(a[1], "there");
	expect(c[1], "there");
	CHECK(fcntl(l, F_SETFL, O_NONBLOCK) == 0 && accept(l, NULL, NULL) < 0);
}

static void waiting_and_running_on(void)
{
	int l = listening(SOCK_SEQPACKET, "@serv"), c = connected(SOCK_SEQPACKET, "@serv");
	int both[] = { l, c };
	CHECK(!refusal(both, 2, true));
	say(c, "request");
	const char *why = refusal(both, 2, true);
	CHECK(why && strstr(why, "not accepted"));
	int a = accept(l, NULL, NULL); /* it is as it was */
	expect(a, "request");
}

/* ---- datagrams ---- */

static void datagrams(void)
{
	int r = bound(SOCK_DGRAM, "/tmp/log"), one = connected(SOCK_DGRAM, "/tmp/log");
	int named = bound(SOCK_DGRAM, "@me"), two = connected(SOCK_DGRAM, "/tmp/log");
	struct sockaddr_un un;
	socklen_t size = address(&un, "/tmp/log");
	say(one, "first");
	CHECK(send(two, "", 0, 0) == 0);
	CHECK(sendto(named, "third", 5, 0, (struct sockaddr *)&un, size) == 5);
	close(two);
	int gone = bound(SOCK_DGRAM, "@gone");
	CHECK(sendto(gone, "fourth", 6, 0, (struct sockaddr *)&un, size) == 6);
	close(gone);
	CARRY(one, named, r);
	expect(r, "first");
	char buf[16];
	CHECK(recv(r, buf, sizeof(buf), MSG_DONTWAIT) == 0);
	size = sizeof(un);
	CHECK(recvfrom(r, buf, sizeof(buf), 0, (struct sockaddr *)&un, &size) == 5);
	check_name("@me", &un, size);
	size = sizeof(un);
	CHECK(recvfrom(r, buf, sizeof(buf), 0, (struct sockaddr *)&un, &size) == 6);
	check_name("@gone", &un, size);
	CHECK(would_block(r));
	say(one, "later");
	expect(r, "later");
	check_peer(one, "/tmp/log");
	CHECK(connected(SOCK_DGRAM, "/tmp/log") >= 0);
	CHECK(bound(SOCK_DGRAM, "@gone") >= 0);
}

static void datagram_chain(void)
{
	/* a -> b -> c, and two that are connected to each other */
	int a = bound(SOCK_DGRAM, "@a"), b = bound(SOCK_DGRAM, "@b"), c = bound(SOCK_DGRAM, "@c");
	int x = bound(SOCK_DGRAM, "@x"), y = bound(SOCK_DGRAM, "@y");
	link_to(a, "@b");
	say(a, "from a");
	link_to(b, "@c");
	say(b, "from b");
	link_to(x, "@y");
	link_to(y, "@x");
	say(x, "from x");
	say(y, "from y");
	CARRY(c, b, a, y, x);
	expect(b, "from a");
	expect(c, "from b");
	expect(y, "from x");
	expect(x, "from y");
	CHECK(send(a, "x", 1, 0) < 0 && errno == EPERM); /* b listens only to c by now */
	say(b, "on");
	expect(c, "on");
	check_peer(x, "@y");
	check_peer(y, "@x");
}

static void datagram_pair(void)
{
	int s[2], t[2], u[2];
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, t) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, u) == 0);
	say(s[0], "one");
	say(s[0], "two");
	say(t[1], "left behind");
	say(u[0], "sent before");
	CHECK(shutdown(u[0], SHUT_WR) == 0);
	close(t[1]);
	int dead = bound(SOCK_DGRAM, "/tmp/dead"), d = connected(SOCK_DGRAM, "/tmp/dead");
	close(dead);
	CARRY(s[0], s[1], t[0], d, u[0], u[1]);
	expect(s[1], "one");
	expect(s[1], "two");
	say(s[1], "back");
	expect(s[0], "back");
	expect(t[0], "left behind");
	expect(u[1], "sent before");
	CHECK(send(u[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	CHECK(send(t[0], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED);
	check_peer(d, "/tmp/dead");
	CHECK(send(d, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED);
}

#define TEST(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		in_child(name);                                                                    \
	}
#define TESTS(X)                                                                                   \
	X(stream_pair)                                                                             \
	X(seqpacket_pair)                                                                          \
	X(large_queue)                                                                             \
	X(half_closed)                                                                             \
	X(hung_up)                                                                                 \
	X(listen_and_connect)                                                                      \
	X(layer_is_gone)                                                                           \
	X(relative_and_renamed)                                                                    \
	X(name_is_gone)                                                                            \
	X(abstract_names)                                                                          \
	X(server_hung_up)                                                                          \
	X(waiting)                                                                                 \
	X(waiting_and_running_on)                                                                  \
	X(datagrams)                                                                               \
	X(datagram_chain)                                                                          \
	X(datagram_pair)
TESTS(TEST)

#define ENTRY(name) cmocka_unit_test(test_##name),
int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(ENTRY) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
