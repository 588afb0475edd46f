/* SPDX-License-Identifier: Apache-2.0 */
/* test_socket_tcp.c - TCP sockets go through an image and are what they were. */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/prctl.h>

#include "checkpoint/kind/tcp_survey.h"
#include "socket_harness.h"

#define PORT 4711

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	CHECK(inet_pton(AF_INET, ip, &in.sin_addr) == 1);
	return in;
}

static int listening(const char *ip, int port)
{
	struct sockaddr_in in = address(ip, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(fd, 5) == 0);
	return fd;
}

static int connected(const char *ip, int port)
{
	struct sockaddr_in in = address(ip, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	return fd;
}

static void nonblocking(int fd)
{
	CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static int option(int fd, int level, int opt)
{
	int v = -1;
	socklen_t size = sizeof(v);
	CHECK(getsockopt(fd, level, opt, &v, &size) == 0);
	return v;
}

static int state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
	return info.tcpi_state;
}

/* Packets need a moment, even at home. */
static void wait_for(int fd, short what)
{
	struct pollfd p = { .fd = fd, .events = what };
	CHECK(poll(&p, 1, 5000) == 1);
}

static void wait_for_state(int fd, int want)
{
	for (int i = 0; state(fd) != want; i++) {
		CHECK(i < 2000);
		usleep(1000);
	}
}

static void soon(int fd, const char *text)
{
	wait_for(fd, POLLIN);
	expect(fd, text);
}

struct names {
	struct sockaddr_storage own, peer;
};

static struct names names_of(int fd)
{
	struct names n = { 0 };
	socklen_t size = sizeof(n.own);
	CHECK(getsockname(fd, (struct sockaddr *)&n.own, &size) == 0);
	size = sizeof(n.peer);
	(void)getpeername(fd, (struct sockaddr *)&n.peer, &size);
	return n;
}

static void same_names(int fd, const struct names *before)
{
	struct names now = names_of(fd);
	CHECK(memcmp(&now, before, sizeof(now)) == 0);
}

/* ---- free and listening ---- */

static void free_and_bound(void)
{
	loopback_up();
	int fresh = socket(AF_INET, SOCK_STREAM, 0), bound = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int on = 1, idle = 77;
	CHECK(setsockopt(bound, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
	CHECK(setsockopt(bound, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle)) == 0);
	CHECK(bind(bound, (struct sockaddr *)&in6, sizeof(in6)) == 0);
	struct names before = names_of(bound);
	CARRY(fresh, bound);
	same_names(bound, &before);
	CHECK(option(bound, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
	CHECK(option(bound, IPPROTO_TCP, TCP_KEEPIDLE) == 77);
	CHECK(option(bound, SOL_SOCKET, SO_REUSEADDR) == 0);
	int l = listening("127.0.0.1", PORT);
	struct sockaddr_in in = address("127.0.0.1", PORT);
	CHECK(connect(fresh, (struct sockaddr *)&in, sizeof(in)) == 0 &&
	      accept(l, NULL, NULL) >= 0);
}

static void listeners(void)
{
	loopback_up();
	int l = listening("0.0.0.0", PORT), m = listening("127.0.0.1", PORT + 1);
	int defer = 7, v;
	CHECK(setsockopt(m, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer)) == 0);
	v = option(m, IPPROTO_TCP, TCP_DEFER_ACCEPT);
	struct names before = names_of(l);
	CARRY(l, m);
	same_names(l, &before);
	CHECK(option(m, IPPROTO_TCP, TCP_DEFER_ACCEPT) == v);
	struct tcp_info info;
	socklen_t size = sizeof(info);
	CHECK(getsockopt(l, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
	CHECK(info.tcpi_state == STATE_LISTEN && info.tcpi_sacked == 5);
	int c = connected("127.0.0.1", PORT), a = accept(l, NULL, NULL);
	say(c, "x");
	soon(a, "x");
}

static void waiting(void)
{
	loopback_up();
	int l = listening("0.0.0.0", PORT), c[3];
	for (int i = 0; i < 3; i++)
		c[i] = connected("127.0.0.1", PORT);
	struct names before = names_of(c[0]);
	say(c[0], "zero");
	say(c[1], "one");
	CHECK(shutdown(c[1], SHUT_WR) == 0);
	say(c[2], "two");
	close(c[2]);
	CARRY(l, c[0], c[1]);
	same_names(c[0], &before);
	nonblocking(l);
	int a[3];
	for (int i = 0; i < 3; i++)
		CHECK((a[i] = accept(l, NULL, NULL)) >= 0);
	soon(a[0], "zero");
	soon(a[1], "one");
	soon(a[1], "");
	soon(a[2], "two");
	soon(a[2], "");
	say(a[0], "hello");
	soon(c[0], "hello");
	say(a[1], "there");
	soon(c[1], "there");
	CHECK(accept(l, NULL, NULL) < 0 && errno == EAGAIN);
}

static void waiting_and_running_on(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int both[] = { l, c };
	CHECK(!refusal(both, 2, true));
	say(c, "request");
	const char *why = refusal(both, 2, true);
	CHECK(why && strstr(why, "not accepted"));
	soon(accept(l, NULL, NULL), "request");
}

/* ---- pairs ---- */

static void pair(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL), on = 1;
	CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
	CHECK(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	struct names client = names_of(c), server = names_of(a);
	say(c, "request");
	say(a, "answer");
	CARRY(c, l, a);
	same_names(c, &client);
	same_names(a, &server);
	CHECK(option(c, IPPROTO_TCP, TCP_NODELAY) == 1 && option(a, IPPROTO_TCP, TCP_NODELAY) == 0);
	CHECK(option(a, SOL_SOCKET, SO_REUSEADDR) == 1 && option(c, SOL_SOCKET, SO_REUSEADDR) == 0);
	soon(a, "request");
	soon(c, "answer");
	for (int i = 0; i < 1000; i++) {
		say(c, "ping");
		soon(a, "ping");
		say(a, "pong");
		soon(c, "pong");
	}
	CHECK(would_block(a) && would_block(c));
	int d = connected("127.0.0.1", PORT), b = accept(l, NULL, NULL);
	say(d, "new");
	soon(b, "new");
	CHECK(close(c) == 0);
	soon(a, "");
}

static void pair_without_listener(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL), d = connected("127.0.0.1", PORT), b = accept(l, NULL, NULL);
	close(l);
	CARRY(a, b, c, d);
	say(c, "one");
	say(d, "two");
	soon(a, "one");
	soon(b, "two");
}

static void ipv6_pair(void)
{
	loopback_up();
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int l = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK(bind(l, (struct sockaddr *)&in6, sizeof(in6)) == 0 && listen(l, 5) == 0);
	in6.sin6_addr = in6addr_loopback;
	CHECK(connect(c, (struct sockaddr *)&in6, sizeof(in6)) == 0);
	int a = accept(l, NULL, NULL), d = connected("127.0.0.1", PORT); /* a mapped one too */
	int b = accept(l, NULL, NULL);
	say(c, "six");
	say(b, "four");
	struct names before = names_of(b);
	CARRY(l, a, b, c, d);
	same_names(b, &before);
	soon(a, "six");
	soon(d, "four");
	say(d, "on");
	soon(b, "on");
}

/* More than the receiver takes: it lies in both queues. */
static void full_queues(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL);
	size_t sent = 0;
	char *chunk = malloc(65536), *back = malloc(65536);
	nonblocking(c);
	for (;;) {
		for (size_t i = 0; i < 65536; i++)
			chunk[i] = (char)((sent + i) * 31 + (sent + i) / 1000);
		ssize_t n = send(c, chunk, 65536, 0);
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	CHECK(sent > 1 << 20);
	int sndbuf = option(c, SOL_SOCKET, SO_SNDBUF), rcvbuf = option(a, SOL_SOCKET, SO_RCVBUF);
	CARRY(c, a, l);
	CHECK(option(c, SOL_SOCKET, SO_SNDBUF) >= sndbuf); /* it tunes itself */
	CHECK(option(a, SOL_SOCKET, SO_RCVBUF) >= rcvbuf);
	for (size_t at = 0; at < sent;) {
		wait_for(a, POLLIN);
		ssize_t n = recv(a, back, MIN(65536, sent - at), MSG_DONTWAIT);
		CHECK(n > 0);
		for (ssize_t i = 0; i < n; i++, at++)
			CHECK(back[i] == (char)(at * 31 + at / 1000));
	}
	CHECK(would_block(a));
	say(c, "more");
	soon(a, "more");
	say(a, "back");
	soon(c, "back");
}

static void half_closed(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL), d = connected("127.0.0.1", PORT), b = accept(l, NULL, NULL);
	say(c, "last words");
	CHECK(shutdown(c, SHUT_WR) == 0);
	CHECK(shutdown(d, SHUT_RD) == 0);
	wait_for_state(a, STATE_CLOSE_WAIT);
	wait_for_state(c, STATE_FIN_WAIT2);
	CARRY(a, b, c, d, l);
	wait_for_state(a, STATE_CLOSE_WAIT);
	wait_for_state(c, STATE_FIN_WAIT2);
	soon(a, "last words");
	soon(a, "");
	CHECK(send(c, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	say(a, "other way");
	soon(c, "other way");
	CHECK(events(d) & POLLRDHUP && state(d) == STATE_ESTABLISHED);
	say(d, "still sends");
	soon(b, "still sends");
	CHECK(close(a) == 0);
	soon(c, "");
}

static void hung_up(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL), d = connected("127.0.0.1", PORT), b = accept(l, NULL, NULL);
	say(a, "farewell");
	close(a);
	wait_for(c, POLLRDHUP);
	say(d, "not read");
	wait_for(b, POLLIN);
	say(b, "before the reset");
	wait_for(d, POLLIN);
	close(b); /* with something unread: a reset */
	wait_for(d, POLLERR);
	int e = connected("127.0.0.1", PORT), f = accept(l, NULL, NULL);
	say(f, "both done");
	CHECK(shutdown(f, SHUT_WR) == 0);
	wait_for(e, POLLRDHUP);
	CHECK(shutdown(e, SHUT_WR) == 0);
	wait_for(f, POLLRDHUP);
	wait_for_state(e, STATE_CLOSE);
	struct names before = names_of(d);
	CARRY(c, d, e, l);
	char buf[64];
	wait_for_state(c, STATE_CLOSE_WAIT);
	soon(c, "farewell");
	soon(c, "");
	say(c, "into nothing");
	wait_for(c, POLLERR);
	struct names after = names_of(d);
	CHECK(memcmp(&before.own, &after.own, sizeof(after.own)) == 0);
	CHECK(events(d) & POLLERR);
	expect(d, "before the reset");
	CHECK(recv(d, buf, sizeof(buf), 0) < 0 && errno == ECONNRESET);
	CHECK(recv(d, buf, sizeof(buf), 0) == 0);
	expect(e, "both done");
	expect(e, "");
	CHECK(send(e, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
}

static void connecting(void)
{
	loopback_up();
	struct sockaddr_in in = address("127.0.0.1", PORT);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(l, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(l, 0) == 0);
	int full = connected("127.0.0.1", PORT);
	nonblocking(c);
	CHECK(connect(c, (struct sockaddr *)&in, sizeof(in)) < 0 && errno == EINPROGRESS);
	usleep(20000);
	CHECK(state(c) == STATE_SYN_SENT);
	struct names before = names_of(c);
	CARRY(l, full, c);
	struct names after = names_of(c);
	CHECK(memcmp(&after.own, &before.own, sizeof(before.own)) == 0);
	CHECK(state(c) == STATE_SYN_SENT && state(full) == STATE_ESTABLISHED);
	CHECK(accept(l, NULL, NULL) >= 0); /* now there is room for the other one */
	wait_for(l, POLLIN);
	CHECK(accept(l, NULL, NULL) >= 0);
	wait_for(c, POLLOUT);
	CHECK(state(c) == STATE_ESTABLISHED);
}

/* ---- looking changes nothing ---- */

static void running_on(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT), on = 1;
	int a = accept(l, NULL, NULL), all[] = { c, a, l };
	CHECK(setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	say(c, "one");
	for (int i = 0; i < 3; i++)
		CHECK(!refusal(all, 3, true));
	CHECK(option(c, SOL_SOCKET, SO_REUSEADDR) == 1);
	CHECK(option(c, IPPROTO_TCP, TCP_REPAIR) == 0 && option(a, IPPROTO_TCP, TCP_REPAIR) == 0);
	soon(a, "one");
	say(a, "two");
	soon(c, "two");
}

/* ---- outside: another network namespace, over a pair of devices ---- */

#define OUTER "10.77.0.1"
#define INNER "10.77.0.2"

static void run(const char *command)
{
	if (system(command) != 0) {
		fprintf(stderr, "%s failed\n", command);
		_exit(77);
	}
}

/*
 * A process in a namespace of its own that accepts one connection and says what it sees, letter by
 * letter.
 */
static int outside_server(int *ret_control)
{
	int control[2], up[2];
	char c;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, control) == 0 && pipe(up) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		CHECK(unshare(CLONE_NEWNET) == 0);
		loopback_up();
		say(control[1], "n"); /* its namespace is there */
		CHECK(read(control[1], &c, 1) == 1);
		run("ip addr add " OUTER "/24 dev outer && ip link set outer up");
		int l = listening(OUTER, PORT);
		say(control[1], "l");
		int a = accept(l, NULL, NULL);
		CHECK(send(a, "greeting", 8, 0) == 8);
		for (;;) {
			char buf[64];
			struct pollfd p[] = { { a, POLLIN, 0 }, { control[1], POLLIN, 0 } };
			CHECK(poll(p, 2, 20000) > 0);
			if (p[1].revents) { /* an order: send, close */
				if (read(control[1], buf, 1) != 1)
					_exit(0);
				if (buf[0] == 's')
					say(a, "from outside");
				if (buf[0] == 'f')
					CHECK(shutdown(a, SHUT_WR) == 0);
				continue;
			}
			ssize_t n = recv(a, buf, sizeof(buf), 0);
			say(control[1], n > 0 ? "d" : n == 0 ? "e" : "r");
			if (n <= 0)
				p[0].fd = -1, pause();
		}
	}
	close(control[1]);
	CHECK(read(control[0], &c, 1) == 1);
	char command[160];
	snprintf(command, sizeof(command),
		 "ip link add inner type veth peer name outer netns %d && ip addr add " INNER
		 "/24 dev inner && ip link set inner up",
		 (int)pid);
	run(command);
	say(control[0], "g");
	CHECK(read(control[0], &c, 1) == 1 && c == 'l');
	*ret_control = control[0];
	return connected(OUTER, PORT);
}

static void heard(int control, char what)
{
	char c = 0;
	wait_for(control, POLLIN);
	CHECK(read(control, &c, 1) == 1);
	if (c != what) {
		fprintf(stderr, "the other end says %c, not %c\n", c, what);
		_exit(1);
	}
}

static void outside_refused_and_closed(void)
{
	loopback_up();
	int control, c = outside_server(&control);
	wait_for(c, POLLIN);
	const char *why = REFUSAL(c);
	CHECK(why && strstr(why, OUTER));
	world_tcp = TCP_CLOSE;
	CARRY(c);
	heard(control, 'r'); /* the other end sees a reset */
	expect(c, "greeting");
	char buf[8];
	CHECK(events(c) & POLLERR);
	CHECK(recv(c, buf, sizeof(buf), 0) < 0 && errno == ECONNRESET);
}

static void outside_kept(void)
{
	loopback_up();
	int control, c = outside_server(&control);
	wait_for(c, POLLIN);
	world_tcp = TCP_KEEP;
	struct names before = names_of(c);
	CHECK(!refusal(&c, 1, true));
	CARRY(c);
	same_names(c, &before);
	expect(c, "greeting");
	say(c, "data");
	heard(control, 'd');
	say(control, "s");
	soon(c, "from outside");
	say(control, "f");
	wait_for(c, POLLRDHUP);
	CARRY(c);
	CHECK(state(c) == STATE_CLOSE_WAIT);
	soon(c, "");
	say(c, "after its end");
	heard(control, 'd');
	CHECK(shutdown(c, SHUT_WR) == 0);
	heard(control, 'e');
}

static void refused(void)
{
	loopback_up();
	int l = listening("127.0.0.1", PORT), c = connected("127.0.0.1", PORT);
	int a = accept(l, NULL, NULL);
	const char *why = REFUSAL(c); /* a belongs to somebody else then */
	CHECK(why && strstr(why, "outside"));
	CHECK(send(c, "u", 1, MSG_OOB) == 1);
	wait_for(a, POLLPRI);
	why = REFUSAL(c, a);
	CHECK(why && strstr(why, "urgent"));
}

#define TEST(name)                                                                                 \
	static void test_##name(void **unused)                                                     \
	{                                                                                          \
		(void)unused;                                                                      \
		in_child(name);                                                                    \
	}
#define TESTS(X)                                                                                   \
	X(free_and_bound)                                                                          \
	X(listeners)                                                                               \
	X(waiting)                                                                                 \
	X(waiting_and_running_on)                                                                  \
	X(pair)                                                                                    \
	X(pair_without_listener)                                                                   \
	X(ipv6_pair)                                                                               \
	X(full_queues)                                                                             \
	X(half_closed)                                                                             \
	X(hung_up)                                                                                 \
	X(connecting)                                                                              \
	X(running_on)                                                                              \
	X(outside_refused_and_closed)                                                              \
	X(outside_kept)                                                                            \
	X(refused)
TESTS(TEST)

#define ENTRY(name) cmocka_unit_test(test_##name),
int main(void)
{
	const struct CMUnitTest tests[] = { TESTS(ENTRY) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
