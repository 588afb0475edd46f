/* SPDX-License-Identifier: Apache-2.0 */
/* test_file_kinds.c - live round trips of what the kernel keeps in memory: anonymous inodes, memory files. */
#include "file_trip.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static struct trip t;

/* Goes there and back with one open file; the original is closed before it is made again. */
static int round_trip(int fd)
{
	trip_begin(&t);
	uint64_t id = trip_add(&t, fd);
	trip_dump(&t);
	close(fd);
	trip_restore(&t);
	return trip_take(&t, id);
}

static void test_eventfd(void **state)
{
	(void)state;
	uint64_t v;
	int fd = round_trip(eventfd(7, EFD_NONBLOCK));
	assert_int_equal(read(fd, &v, 8), 8);
	assert_int_equal(v, 7);
	assert_int_equal(read(fd, &v, 8), -1);
	close(fd);
	trip_end(&t);

	fd = round_trip(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(fd, &v, 8), 8);
		assert_int_equal(v, 1);
	}
	assert_int_equal(read(fd, &v, 8), -1);
	close(fd);
	trip_end(&t);

	int full = eventfd(0, EFD_NONBLOCK);
	v = UINT64_MAX - 1;
	assert_int_equal(write(full, &v, 8), 8);
	fd = round_trip(full);
	v = 1;
	assert_int_equal(write(fd, &v, 8), -1);
	assert_int_equal(read(fd, &v, 8), 8);
	assert_int_equal(v, UINT64_MAX - 1);
	close(fd);
	trip_end(&t);
}

static void test_signalfd(void **state)
{
	(void)state;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 5);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = round_trip(signalfd(-1, &set, SFD_NONBLOCK));
	struct signalfd_siginfo si;
	raise(SIGRTMIN + 5);
	assert_int_equal(read(fd, &si, sizeof(si)), sizeof(si));
	assert_int_equal(si.ssi_signo, SIGRTMIN + 5);
	assert_int_equal(read(fd, &si, sizeof(si)), -1);
	close(fd);
	trip_end(&t);
}

static int timer(int clock, int flags, long value_ms, long interval_ms)
{
	int fd = timerfd_create(clock, TFD_NONBLOCK);
	struct itimerspec its = { .it_value = { value_ms / 1000, value_ms % 1000 * 1000000 },
				  .it_interval = { interval_ms / 1000,
						   interval_ms % 1000 * 1000000 } };
	assert_int_equal(timerfd_settime(fd, flags, &its, NULL), 0);
	return fd;
}

static void test_timerfd(void **state)
{
	(void)state;
	struct itimerspec its;
	uint64_t ticks;
	/* running */
	int fd = round_trip(timer(CLOCK_BOOTTIME, 0, 100000, 5000));
	assert_int_equal(timerfd_gettime(fd, &its), 0);
	assert_in_range(its.it_value.tv_sec, 98, 99);
	assert_int_equal(its.it_interval.tv_sec, 5);
	assert_int_equal(read(fd, &ticks, 8), -1);
	close(fd);
	trip_end(&t);

	/* expired once, not read */
	fd = timer(CLOCK_MONOTONIC, 0, 1, 0);
	usleep(5000);
	fd = round_trip(fd);
	assert_int_equal(read(fd, &ticks, 8), 8);
	assert_int_equal(ticks, 1);
	assert_int_equal(read(fd, &ticks, 8), -1);
	assert_int_equal(timerfd_gettime(fd, &its), 0);
	assert_int_equal(its.it_value.tv_sec + its.it_value.tv_nsec, 0);
	close(fd);
	trip_end(&t);

	/* periodic, expired several times; it goes on in step */
	fd = timer(CLOCK_MONOTONIC, 0, 10, 500);
	usleep(1100000);
	fd = round_trip(fd);
	assert_int_equal(timerfd_gettime(fd, &its), 0);
	assert_int_equal(its.it_value.tv_sec, 0);
	assert_in_range(its.it_value.tv_nsec, 1, 480000000);
	assert_int_equal(read(fd, &ticks, 8), 8);
	assert_int_equal(ticks, 3);
	close(fd);
	trip_end(&t);

	/* not armed, but with an interval that can be asked */
	fd = round_trip(timer(CLOCK_REALTIME, 0, 0, 3000));
	assert_int_equal(timerfd_gettime(fd, &its), 0);
	assert_int_equal(its.it_value.tv_sec + its.it_value.tv_nsec, 0);
	assert_int_equal(its.it_interval.tv_sec, 3);
	close(fd);
	trip_end(&t);
}

/* A point of wall-clock time stays that point, however long the image lay. */
static void test_timerfd_wall_clock(void **state)
{
	(void)state;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	long at = now.tv_sec * 1000 + now.tv_nsec / 1000000 + 300;
	trip_begin(&t);
	int fd = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, at, 0);
	uint64_t id = trip_add(&t, fd), ticks;
	trip_dump(&t);
	close(fd);
	usleep(400000);
	trip_restore(&t);
	fd = trip_take(&t, id);
	usleep(10000);
	assert_int_equal(read(fd, &ticks, 8), 8);
	close(fd);
	trip_end(&t);
}

/* ---- memory ---- */

static void test_memfd(void **state)
{
	(void)state;
	char buf[16] = "";
	int fd = memfd_create("my memory (deleted)", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 10 << 20), 0);
	assert_int_equal(pwrite(fd, "start", 5, 0), 5);
	assert_int_equal(pwrite(fd, "middle", 6, (5 << 20) + 4090), 6); /* over a page's end */
	assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
	char path[40];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = open(path, O_RDONLY);
	assert_true(reader >= 0);
	char *link = strdup(trip_link(fd));
	struct stat before, after;
	assert_int_equal(fstat(fd, &before), 0);
	trip_begin(&t);
	uint64_t a = trip_add(&t, fd), b = trip_add(&t, reader);
	trip_dump(&t);
	close(fd);
	close(reader);
	trip_restore(&t);
	fd = trip_take(&t, a);
	reader = trip_take(&t, b);
	assert_string_equal(trip_link(fd), link);
	free(link);
	assert_true(trip_same_inode(fd, reader));
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 77);
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(after.st_size, 10 << 20);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_blocks, before.st_blocks); /* holes are holes */
	assert_int_equal(pread(reader, buf, 5, 0), 5);
	assert_memory_equal(buf, "start", 5);
	assert_int_equal(pread(reader, buf, 6, (5 << 20) + 4090), 6);
	assert_memory_equal(buf, "middle", 6);
	close(fd);
	close(reader);
	trip_end(&t);
}

static void test_memfd_future_write(void **state)
{
	(void)state;
	int fd = memfd_create("future", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK), 0);
	fd = round_trip(fd);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK);
	close(fd);
	trip_end(&t);
}

static void test_shmem(void **state)
{
	(void)state;
	const size_t size = 3 << 20;
	char path[64],
		*at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	strcpy(at + 5000, "shared");
	(void)snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)at,
		       (unsigned long)at + size);
	int fd = open(path, O_RDWR), second = open(path, O_RDWR);
	assert_true(fd >= 0 && second >= 0);
	trip_begin(&t);
	uint64_t a = trip_add(&t, fd), b = trip_add(&t, second);
	trip_dump(&t);
	munmap(at, size);
	close(fd);
	close(second);
	trip_restore(&t);
	fd = trip_take(&t, a);
	second = trip_take(&t, b);
	assert_string_equal(trip_link(fd), "/dev/zero (deleted)");
	assert_true(trip_same_inode(fd, second));
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	assert_string_equal(at + 5000, "shared");
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	munmap(at, size);
	close(fd);
	close(second);
	trip_end(&t);
}

/* ---- epoll ---- */

static uint32_t next_event(int ep, uint64_t *ret_data)
{
	struct epoll_event ev;
	int n = epoll_wait(ep, &ev, 1, 0);
	*ret_data = n == 1 ? ev.data.u64 : 0;
	return n == 1 ? ev.events : 0;
}

static void add(int ep, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
}

/* The number that it was added as is none of the task's any more, then that of another file. */
static void test_epoll_reused_number(void **state)
{
	(void)state;
	uint64_t data;
	int ep = epoll_create1(0), inner = epoll_create1(0);
	int a = eventfd(0, 0), b = eventfd(5, 0);
	assert_int_equal(dup2(a, 90), 90);
	add(ep, 90, EPOLLIN | EPOLLET, 1);
	assert_int_equal(dup2(b, 90), 90);
	add(ep, 90, EPOLLIN, 2); /* the same number, another file */
	close(90);
	add(ep, a, EPOLLIN, 3); /* the same file, another number */
	add(inner, b, EPOLLIN, 4);
	add(ep, inner, EPOLLIN, 5);
	trip_begin(&t);
	uint64_t ids[4];
	int fds[4] = { ep, inner, a, b };
	for (int i = 0; i < 4; i++)
		ids[i] = trip_add(&t, fds[i]);
	trip_dump(&t);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	trip_restore(&t);
	for (int i = 0; i < 4; i++) { /* at the numbers that they had */
		int fd = trip_take(&t, ids[i]);
		if (fd != fds[i]) {
			assert_int_equal(dup2(fd, fds[i]), fds[i]);
			close(fd);
		}
	}
	int seen[6] = { 0 };
	struct epoll_event ev[8];
	int n = epoll_wait(ep, ev, 8, 0);
	for (int i = 0; i < n; i++)
		seen[ev[i].data.u64]++;
	assert_int_equal(n, 2);
	assert_int_equal(seen[2] + seen[5], 2);
	uint64_t one = 1, got;
	assert_int_equal(read(b, &got, 8), 8);
	assert_int_equal(got, 5);
	assert_int_equal(write(a, &one, 8), 8);
	n = epoll_wait(ep, ev, 8, 0);
	assert_int_equal(n, 2); /* 1 and 3 */
	assert_int_equal(ev[0].data.u64 + ev[1].data.u64, 4);
	n = epoll_wait(ep, ev, 8, 0);
	assert_int_equal(n, 1); /* 1 is edge-triggered */
	assert_int_equal(ev[0].data.u64, 3);
	/* the key is the number that the task uses */
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_DEL, a, NULL), 0);
	assert_int_equal(dup2(b, 90), 90);
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_DEL, 90, NULL), 0);
	assert_int_equal(next_event(ep, &data), 0);
	close(90);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	trip_end(&t);
}

static void test_epoll_oneshot(void **state)
{
	(void)state;
	uint64_t data;
	int ep = epoll_create1(0), fired = eventfd(1, 0), armed = eventfd(0, 0);
	add(ep, fired, EPOLLIN | EPOLLONESHOT, 10);
	assert_int_equal(next_event(ep, &data), EPOLLIN);
	add(ep, armed, EPOLLIN | EPOLLONESHOT, 11);
	int exclusive = eventfd(0, 0);
	add(ep, exclusive, EPOLLIN | EPOLLEXCLUSIVE, 12);
	trip_begin(&t);
	uint64_t ids[4];
	int fds[4] = { ep, fired, armed, exclusive };
	for (int i = 0; i < 4; i++)
		ids[i] = trip_add(&t, fds[i]);
	trip_dump(&t);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	trip_restore(&t);
	int got[4];
	for (int i = 0; i < 4; i++)
		got[i] = trip_take(&t, ids[i]);
	assert_int_equal(next_event(got[0], &data), 0); /* readable, but disabled */
	uint64_t one = 1;
	assert_int_equal(write(got[2], &one, 8), 8);
	assert_int_equal(next_event(got[0], &data), EPOLLIN);
	assert_int_equal(data, 11);
	assert_int_equal(next_event(got[0], &data), 0);
	struct buf info = BUF_INIT;
	assert_int_equal(fdinfo_read(t.c.proc, got[0], &info), 0);
	uint64_t events = 0;
	const char *end, *line, *next = buf_str(&info);
	while ((line = fdinfo_line(next, "tfd:", &end)) && (next = end)) {
		assert_int_equal(fdinfo_number(line, end, "events:", 16, &data), 0);
		events |= data;
	}
	assert_true(events & EPOLLEXCLUSIVE);
	buf_done(&info);
	for (int i = 0; i < 4; i++)
		close(got[i]);
	trip_end(&t);
}

/* Many of one inode: they are told apart another way. One of them was closed at its number. */
static void test_epoll_many(void **state)
{
	(void)state;
	enum { N = 300 };
	uint64_t ids[N], data;
	int ep = epoll_create1(0), fds[N];
	trip_begin(&t);
	for (int i = 0; i < N; i++) {
		fds[i] = eventfd(0, 0);
		assert_true(fds[i] >= 0);
		add(ep, fds[i], EPOLLIN, (uint64_t)i + 1);
	}
	int moved = fcntl(fds[7], F_DUPFD, 1000);
	close(fds[7]);
	fds[7] = moved;
	uint64_t epoll = trip_add(&t, ep);
	for (int i = N - 1; i >= 0; i--)
		ids[i] = trip_add(&t, fds[i]);
	trip_dump(&t);
	assert_int_equal(epoll_wait(ep, &(struct epoll_event){ 0 }, 1, 0), 0); /* not disturbed */
	close(ep);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	trip_restore(&t);
	ep = trip_take(&t, epoll);
	for (int i = 0; i < N; i++) {
		uint64_t one = 1;
		int fd = trip_take(&t, ids[i]);
		assert_int_equal(write(fd, &one, 8), 8);
		assert_int_equal(next_event(ep, &data), EPOLLIN);
		assert_int_equal(data, i + 1);
		assert_int_equal(read(fd, &one, 8), 8);
		close(fd);
	}
	close(ep);
	trip_end(&t);
}

static void test_epoll_of_a_stranger(void **state)
{
	(void)state;
	int ep = epoll_create1(0), fd = eventfd(0, 0);
	add(ep, fd, EPOLLIN, 1);
	trip_begin(&t);
	trip_add(&t, ep);
	trip_refused(&t, "nobody in the container holds");
	close(ep);
	close(fd);
	trip_end(&t);
}

/* ---- tasks ---- */

static void test_pidfd(void **state)
{
	(void)state;
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	assert_true(self >= 0);
	int fd = round_trip(self);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
	close(fd);
	trip_end(&t);

	pid_t child = fork();
	if (child == 0)
		_exit(0);
	int dead = (int)syscall(SYS_pidfd_open, child, 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	fd = round_trip(dead);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_int_equal(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(fd);
	trip_end(&t);
}

static void test_namespace(void **state)
{
	(void)state;
	static const char *const names[] = { "net", "uts", "user", "time_for_children" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		struct stat a, b;
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		assert_int_equal(stat(path, &a), 0);
		int fd = round_trip(open(path, O_RDONLY));
		assert_int_equal(fstat(fd, &b), 0);
		assert_int_equal(a.st_ino, b.st_ino);
		close(fd);
		trip_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_eventfd),
		cmocka_unit_test(test_signalfd),
		cmocka_unit_test(test_timerfd),
		cmocka_unit_test(test_timerfd_wall_clock),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_memfd_future_write),
		cmocka_unit_test(test_shmem),
		cmocka_unit_test(test_epoll_reused_number),
		cmocka_unit_test(test_epoll_oneshot),
		cmocka_unit_test(test_epoll_many),
		cmocka_unit_test(test_epoll_of_a_stranger),
		cmocka_unit_test(test_pidfd),
		cmocka_unit_test(test_namespace),
	};
	if (geteuid() != 0) {
		printf("needs root\n");
		return 77;
	}
	return cmocka_run_group_tests_name("file_kinds", tests, NULL, NULL);
}
