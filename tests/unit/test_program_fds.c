/* SPDX-License-Identifier: Apache-2.0 */
/* test_program_fds.c - STEP_RECV_FDS: descriptors arrive at their numbers, whatever numbers the kernel gives them first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "program_harness.h"

static struct program_world world;

static int setup(void **state UNUSED)
{
	program_world_new(&world);
	return 0;
}

static int teardown(void **state UNUSED)
{
	program_world_done(&world);
	return 0;
}

/* For a second program in the same test. */
static int teardown_setup(void **state)
{
	teardown(state);
	return setup(state);
}

static void send_fds(int sock, const int *fds, uint32_t n)
{
	char control[CMSG_SPACE(253 * sizeof(int))];
	struct iovec iov = { &n, sizeof(n) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	memset(control, 0, sizeof(control));
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	assert_int_equal(sendmsg(sock, &msg, 0), sizeof(n));
}

/* 300 descriptors to numbers from `first` on; told apart by what is in them. */
static void receive(int type, int first)
{
	enum { N = 300 };
	int pair[2], fds[N];
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	int at = fcntl(pair[1], F_DUPFD_CLOEXEC, 800);
	for (int i = 0; i < N; i++) {
		fds[i] = memfd_create("x", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fds[i], i + 1), 0);
	}
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_close_range, (uint64_t)first, 799, 0);
	struct step *s = program_step(&p, STEP_RECV_FDS);
	memcpy(s->arg, (uint64_t[6]){ (uint64_t)at, (uint64_t)first, N }, sizeof(s->arg));
	for (uint64_t i = 0; i < N; i++) {
		s = program_call(&p, SYS_lseek, (uint64_t)first + i, 0, SEEK_END);
		s->want = WANT_EQUAL;
		s->value = (int64_t)i + 1;
		program_call(&p, SYS_fcntl, (uint64_t)first + i, F_GETFD)->want = WANT_EQUAL;
		p.v[p.n - 1].value = FD_CLOEXEC;
	}
	/* nothing else was left open */
	s = program_call(&p, SYS_fcntl, (uint64_t)first + N, F_GETFD);
	s->want = WANT_EQUAL;
	s->value = -EBADF;
	program_close_in(&world, &p);
	pid_t pid = program_start(&world, &p);
	send_fds(pair[0], fds, 1);
	send_fds(pair[0], fds + 1, 250);
	send_fds(pair[0], fds + 251, N - 251);
	assert_true(program_wait(&world, 1));
	program_end(pid);
	int r = program_outcome(&p, NULL, NULL);
	if (r < 0)
		print_message("first %d: step %u: %s\n", first, program_run_of(&p)->at,
			      strerror(-r));
	assert_int_equal(r, 0);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	close(at);
	close(pair[0]);
	close(pair[1]);
	program_done(&p);
}

static void receives_descriptors(void **state)
{
	static const int firsts[] = { 20, 3, 10, 400 };
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		receive(SOCK_SEQPACKET, firsts[i]);
		teardown_setup(state);
		receive(SOCK_STREAM, firsts[i]);
		teardown_setup(state);
	}
}

static int receive_outcome(void (*peer)(int sock), uint64_t n)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	struct program p;
	program_init(&p, &world.am);
	program_call(&p, SYS_close, (uint64_t)pair[0]);
	struct step *s = program_step(&p, STEP_RECV_FDS);
	memcpy(s->arg, (uint64_t[6]){ (uint64_t)pair[1], 100, n }, sizeof(s->arg));
	peer(pair[0]);
	program_close_in(&world, &p);
	pid_t pid = program_start(&world, &p);
	close(pair[0]);
	assert_true(program_wait(&world, 1));
	program_end(pid);
	close(pair[1]);
	int r = program_outcome(&p, NULL, NULL);
	program_done(&p);
	teardown_setup(NULL);
	return r;
}

static void peer_silent(int sock UNUSED)
{
}
static void peer_no_fds(int sock)
{
	assert_int_equal(write(sock, &(uint32_t){ 1 }, 4), 4);
}
static void peer_two(int sock)
{
	send_fds(sock, (int[]){ 0, 1 }, 2);
}

static void bad_messages_are_told(void **state UNUSED)
{
	assert_int_equal(receive_outcome(peer_silent, 1), -EPIPE);
	assert_int_equal(receive_outcome(peer_no_fds, 1), -EPROTO);
	assert_int_equal(receive_outcome(peer_two, 1), -EPROTO);
	assert_int_equal(receive_outcome(peer_two, 2), 0);
	assert_int_equal(receive_outcome(peer_two, 3), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(receives_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_messages_are_told, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
