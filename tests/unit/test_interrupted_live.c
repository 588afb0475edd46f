/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_interrupted_live.c - system calls that are stopped and released many times while they wait: none may be seen to
 * fail, each takes the time that it should. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "checkpoint/inject/arena_map.h"
#include "tracee_harness.h"

#define STOPS	 50
#define WAIT_MS	 400
#define STRETCH	 600 /* those that begin anew at each stop take as much longer as the stops do */
#define TOO_LONG 20000

static int fds[2];    /* of each case, made before the victim is */
static int sem;	      /* System V semaphores, 0 */
static char file[64]; /* an empty file */
static sigset_t usr1;

static struct timespec until(clockid_t clock, long ms)
{
	struct timespec t;
	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static const struct timespec span = { 0, WAIT_MS * 1000000L };

static bool fails(long r, int err)
{
	return r == -1 && errno == err;
}

/* ---- with a time limit: true when it ended as it does by time ---- */

static bool do_nanosleep(void)
{
	struct timespec left;
	return nanosleep(&span, &left) == 0;
}
static bool do_clock_nanosleep(void)
{
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL) == 0;
}
static bool do_clock_nanosleep_until(void)
{
	struct timespec t = until(CLOCK_MONOTONIC, WAIT_MS);
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0;
}
static bool do_poll(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	return poll(&p, 1, WAIT_MS) == 0;
}
static bool do_ppoll(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	return ppoll(&p, 1, &span, &usr1) == 0;
}
static bool do_select(void)
{
	struct timeval t = { 0, WAIT_MS * 1000 };
	return select(0, NULL, NULL, NULL, &t) == 0;
}
static bool do_pselect(void)
{
	return pselect(0, NULL, NULL, NULL, &span, &usr1) == 0;
}
static bool do_futex(void)
{
	return fails(syscall(SYS_futex, &page->quit, FUTEX_WAIT, 0, &span, NULL, 0), ETIMEDOUT);
}
static bool do_futex_until(void)
{
	struct timespec t = until(CLOCK_MONOTONIC, WAIT_MS);
	return fails(syscall(SYS_futex, &page->quit, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0u),
		     ETIMEDOUT);
}
static bool do_epoll_wait(void)
{
	struct epoll_event e;
	return epoll_wait(epoll_create1(0), &e, 1, WAIT_MS) == 0;
}
static bool do_epoll_pwait(void)
{
	struct epoll_event e;
	return epoll_pwait(epoll_create1(0), &e, 1, WAIT_MS, &usr1) == 0;
}
static bool do_sigtimedwait(void)
{
	siginfo_t info;
	return fails(sigtimedwait(&usr1, &info, &span), EAGAIN);
}
static bool do_semtimedop(void)
{
	struct sembuf op = { .sem_op = -1 };
	return fails(semtimedop(sem, &op, 1, &span), EAGAIN);
}
static bool do_io_getevents(void)
{
	aio_context_t context = 0;
	struct io_event e;
	return syscall(SYS_io_setup, 4, &context) == 0 &&
	       syscall(SYS_io_getevents, context, 1, 1, &e, &span) == 0;
}
static bool do_recv_timeout(void)
{
	struct timeval t = { 0, WAIT_MS * 1000 };
	char c;
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return fails(recv(fds[0], &c, 1, 0), EAGAIN);
}
static bool do_read_timeout(void)
{
	struct timeval t = { 0, WAIT_MS * 1000 };
	char c;
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return fails(read(fds[0], &c, 1), EAGAIN);
}
static bool do_accept_timeout(void)
{
	struct timeval t = { 0, WAIT_MS * 1000 };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un_any {
		sa_family_t family;
		char path[4];
	} a = { .family = AF_UNIX };
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return bind(sock, (struct sockaddr *)&a, sizeof(a.family)) == 0 && listen(sock, 1) == 0 &&
	       fails(accept(sock, NULL, NULL), EAGAIN);
}

/* ---- without one: true when it ended as it does when the test has done its part ---- */

static bool do_read(void)
{
	char c;
	return read(fds[0], &c, 1) == 1;
}
static bool do_recv(void)
{
	char c;
	return recv(fds[0], &c, 1, 0) == 1;
}
static bool do_epoll_forever(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
	return epoll_wait(ep, &e, 1, -1) == 1;
}
static bool do_poll_forever(void)
{
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	return poll(&p, 1, -1) == 1;
}
static bool do_wait(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(do_read() ? 3 : 4);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3;
}
static bool do_semop(void)
{
	struct sembuf op = { .sem_op = -1 };
	return semop(sem, &op, 1) == 0;
}
static bool do_futex_forever(void)
{
	return syscall(SYS_futex, &page->quit, FUTEX_WAIT, 0, NULL, NULL, 0) == 0;
}
static bool do_lock(void)
{
	struct flock l = { .l_type = F_WRLCK };
	int fd = open(file, O_RDWR);
	return fcntl(fd, F_SETLKW, &l) == 0;
}
static bool do_eventfd(void)
{
	uint64_t n;
	return read(fds[0], &n, 8) == 8;
}
static void on_usr1(int signal)
{
	(void)signal;
	page->count[2]++;
}
/* These have to fail, once, when the signal comes. */
static bool do_sigsuspend(void)
{
	sigset_t none;
	sigemptyset(&none);
	return fails(sigsuspend(&none), EINTR) && page->count[2] == 1;
}
static bool do_epoll_signal(void)
{
	struct epoll_event e;
	sigset_t none;
	sigemptyset(&none);
	return fails(epoll_pwait(epoll_create1(0), &e, 1, -1, &none), EINTR) && page->count[2] == 1;
}
static bool do_io_uring(void)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (ring < 0) {
		page->count[3] = 1; /* not here */
		return true;
	}
	return syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) >= 0;
}

/* ---- what the test does ---- */

static void end_write(pid_t pid)
{
	(void)pid;
	assert_int_equal(write(fds[1], "12345678", 8), 8);
}
static void end_semop(pid_t pid)
{
	(void)pid;
	struct sembuf op = { .sem_op = 1 };
	assert_int_equal(semop(sem, &op, 1), 0);
}
static void end_futex(pid_t pid)
{
	(void)pid;
	assert_int_equal(syscall(SYS_futex, &page->quit, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
}
static int lock_fd;
static void end_lock(pid_t pid)
{
	(void)pid;
	struct flock l = { .l_type = F_UNLCK };
	assert_int_equal(fcntl(lock_fd, F_SETLK, &l), 0);
}
static void end_signal(pid_t pid)
{
	kill(pid, SIGUSR1);
}
static void end_kill(pid_t pid)
{
	(void)pid; /* it must still wait: seen by the caller */
}

enum kind { PIPE, SOCKET, EVENTFD };
struct row {
	const char *name;
	bool (*life)(void);
	void (*end)(pid_t pid); /* NULL: time */
	bool stretches;		/* begins anew, or with what was left when it was stopped */
	enum kind kind;
	int named; /* what orig_rax tells at the second stop and later; 0: not looked at */
};

static const struct row rows[] = {
	{ "nanosleep", do_nanosleep, NULL, false, PIPE, SYS_clock_nanosleep },
	{ "clock_nanosleep", do_clock_nanosleep, NULL, false, PIPE, SYS_clock_nanosleep },
	{ "clock_nanosleep until", do_clock_nanosleep_until, NULL, false, PIPE, 0 },
	{ "poll", do_poll, NULL, false, PIPE, SYS_poll },
	{ "ppoll", do_ppoll, NULL, true, PIPE, 0 },
	{ "select", do_select, NULL, true, PIPE, 0 },
	{ "pselect", do_pselect, NULL, true, PIPE, 0 },
	{ "futex", do_futex, NULL, false, PIPE, 0 },
	{ "futex until", do_futex_until, NULL, false, PIPE, 0 },
	{ "epoll_wait", do_epoll_wait, NULL, true, PIPE, SYS_epoll_wait },
	{ "epoll_pwait", do_epoll_pwait, NULL, true, PIPE, SYS_epoll_pwait },
	{ "rt_sigtimedwait", do_sigtimedwait, NULL, true, PIPE, 0 },
	{ "semtimedop", do_semtimedop, NULL, true, PIPE, 0 },
	{ "io_getevents", do_io_getevents, NULL, true, PIPE, 0 },
	{ "recv SO_RCVTIMEO", do_recv_timeout, NULL, true, SOCKET, 0 },
	{ "read SO_RCVTIMEO", do_read_timeout, NULL, true, SOCKET, 0 },
	{ "accept SO_RCVTIMEO", do_accept_timeout, NULL, true, SOCKET, 0 },
	{ "read", do_read, end_write, true, PIPE, SYS_read },
	{ "recv", do_recv, end_write, true, SOCKET, 0 },
	{ "epoll_wait forever", do_epoll_forever, end_write, true, PIPE, 0 },
	{ "poll forever", do_poll_forever, end_write, true, PIPE, SYS_poll },
	{ "wait4", do_wait, end_write, true, PIPE, SYS_wait4 },
	{ "semop", do_semop, end_semop, true, PIPE, 0 },
	{ "futex forever", do_futex_forever, end_futex, true, PIPE, 0 },
	{ "F_SETLKW", do_lock, end_lock, true, PIPE, 0 },
	{ "read eventfd", do_eventfd, end_write, true, EVENTFD, 0 },
	{ "sigsuspend", do_sigsuspend, end_signal, true, PIPE, 0 },
	{ "epoll_pwait, signal", do_epoll_signal, end_signal, true, PIPE, 0 },
	{ "io_uring_enter", do_io_uring, end_kill, true, PIPE, 0 },
};

static const struct row *row;

static void life(void)
{
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	signal(SIGUSR1, on_usr1);
	int64_t start = now_us();
	page->count[0] = 1;
	bool ok = row->life();
	page->count[4] = (uint64_t)(now_us() - start);
	page->count[5] = (uint64_t)errno;
	page->count[1] = ok ? 1 : 2;
	for (;;)
		pause();
}

static void make_fds(enum kind kind)
{
	if (kind == PIPE)
		assert_int_equal(pipe(fds), 0);
	if (kind == SOCKET)
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if (kind == EVENTFD)
		fds[0] = fds[1] = eventfd(0, 0);
}

static void run_program(struct tracee *t)
{
	struct error err = ERROR_INIT;
	struct arena_map am;
	struct program p;
	uint64_t base;
	assert_int_equal(arena_map_new_private(65536, &am, &err), 0);
	assert_int_equal(tracee_map(t, 65536, &base, &err), 0);
	arena_map_place(&am, base);
	program_init(&p, &am);
	program_call(&p, SYS_getpid);
	program_close(&p);
	assert_int_equal(tracee_run(t, &am, &p, 5000, &err), 0);
	assert_int_equal(tracee_unmap(t, base, 65536, &err), 0);
	program_done(&p);
	arena_map_done(&am);
}

static void stop_often(pid_t pid)
{
	for (int i = 0; i < STOPS; i++) {
		struct tracees t;
		struct error err = ERROR_INIT;
		int r = tracees_stop(victim_list_one, &pid, 10000, &t, &err);
		if (r < 0)
			stop_failed(&err);
		assert_int_equal(r, 0);
		/* unless it has not come back to its call yet */
		if (i > 0 && row->named && !page->count[1] && (int64_t)t.v[0].regs.orig_rax >= 0)
			assert_int_equal(t.v[0].regs.orig_rax, row->named);
		/* every other time something is done in it */
		if (i % 2)
			assert_int_equal(tracee_call(&t.v[0], SYS_getpid, (uint64_t[6]){ 0 }, &err),
					 pid);
		if (i % 4 == 2)
			run_program(&t.v[0]);
		tracees_release(&t);
		tracees_done(&t);
		usleep(2000);
	}
}

static void check_row(void)
{
	make_fds(row->kind);
	pid_t pid = victim_start(life);
	while (!page->count[0])
		sleep_ms(1);
	sleep_ms(10);
	int64_t start = now_us();
	stop_often(pid);
	int64_t stopping = (now_us() - start) / 1000;
	if (row->end) {
		bool waits = !page->count[1] || page->count[3];
		if (!waits)
			print_message("%s: ended by a stop, errno %d\n", row->name,
				      (int)page->count[5]);
		assert_true(waits);
		row->end(pid);
	}
	if (row->end != end_kill) {
		for (int i = 0; i < TOO_LONG && !page->count[1]; i++)
			sleep_ms(1);
		long ms = (long)page->count[4] / 1000;
		if (page->count[1] != 1)
			print_message("%s: outcome %d, errno %d, after %ld ms\n", row->name,
				      (int)page->count[1], (int)page->count[5], ms);
		assert_int_equal(page->count[1], 1);
		if (!row->end &&
		    (ms < WAIT_MS - 5 || ms > WAIT_MS + STRETCH + (row->stretches ? stopping : 0)))
			print_message("%s: %ld ms\n", row->name, ms);
		assert_true(row->end || ms >= WAIT_MS - 5);
		assert_true(row->end || ms <= WAIT_MS + STRETCH + (row->stretches ? stopping : 0));
	}
	victims_end(pid);
	close(fds[0]);
	close(fds[1]);
}

static void calls_go_on(void **state UNUSED)
{
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	/* whatever becomes of us, nothing is left: a file in memory, semaphores in a namespace of their own */
	assert_int_equal(unshare(CLONE_NEWIPC), 0);
	lock_fd = memfd_create("lock", 0);
	(void)snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)getpid(), lock_fd);
	struct flock l = { .l_type = F_WRLCK };
	assert_int_equal(fcntl(lock_fd, F_SETLK, &l), 0);
	sem = semget(IPC_PRIVATE, 1, 0600);
	assert_true(sem >= 0);
	const char *only = getenv("ONLY");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		row = &rows[i];
		if (!only || strcmp(only, row->name) == 0)
			check_row();
	}
	close(lock_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls_go_on, victims_setup, victims_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
