/* SPDX-License-Identifier: Apache-2.0 */
/* test_file_pipes.c - live round trips of pipes and fifos: ends, content, packets, who holds the other end. */
#include "file_trip.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

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

/* ---- pipes ---- */

static void test_pipe(void **state)
{
	(void)state;
	int p[2];
	char buf[200000];
	struct stat before, after;
	assert_int_equal(pipe2(p, O_NONBLOCK), 0);
	assert_int_equal(fcntl(p[1], F_SETPIPE_SZ, 128 << 10), 128 << 10);
	assert_int_equal(fchown(p[1], 12, 34), 0);
	assert_int_equal(fstat(p[0], &before), 0);
	memset(buf, 'x', sizeof(buf));
	assert_int_equal(write(p[1], buf, 100000), 100000);
	assert_int_equal(read(p[0], buf, 3), 3);
	trip_begin(&t);
	uint64_t r = trip_add(&t, p[0]), w = trip_add(&t, p[1]);
	assert_int_equal(trip_add(&t, p[1]), w); /* the same open file twice */
	trip_dump(&t);
	int n;
	assert_int_equal(ioctl(p[0], FIONREAD, &n), 0);
	assert_int_equal(n, 99997); /* not disturbed */
	close(p[0]);
	close(p[1]);
	trip_restore(&t);
	p[0] = trip_take(&t, r);
	p[1] = trip_take(&t, w);
	assert_int_equal(fcntl(p[0], F_GETFL),
			 O_NONBLOCK | O_RDONLY); /* exactly: as pipe2(2) makes it */
	assert_int_equal(fcntl(p[1], F_GETFL), O_NONBLOCK | O_WRONLY);
	assert_int_equal(fcntl(p[0], F_GETPIPE_SZ), 128 << 10);
	assert_int_equal(fstat(p[0], &after), 0);
	assert_int_equal(after.st_uid, 12);
	assert_int_equal(after.st_gid, 34);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 99997);
	assert_int_equal(read(p[0], buf, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(p[1]);
	assert_int_equal(read(p[0], buf, 1), 0); /* nobody else holds an end */
	close(p[0]);
	trip_end(&t);
}

static void test_pipe_packets(void **state)
{
	(void)state;
	int p[2];
	char buf[70000];
	memset(buf, 'y', sizeof(buf));
	assert_int_equal(pipe2(p, O_DIRECT | O_NONBLOCK), 0);
	static const int sizes[] = { 5, 4096, 1, 700 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(write(p[1], buf, (size_t)sizes[i]), sizes[i]);
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(write(p[1], buf, 10),
			 10); /* and a plain tail, to which more may be added */
	trip_begin(&t);
	uint64_t r = trip_add(&t, p[0]), w = trip_add(&t, p[1]);
	trip_dump(&t);
	close(p[0]);
	close(p[1]);
	trip_restore(&t);
	p[0] = trip_take(&t, r);
	p[1] = trip_take(&t, w);
	assert_int_equal(write(p[1], buf, 7), 7);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(read(p[0], buf, sizeof(buf)), sizes[i]);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 17);
	assert_int_equal(read(p[0], buf, sizeof(buf)), -1);
	close(p[0]);
	close(p[1]);
	trip_end(&t);

	/* a last packet stays apart from what comes later; a full pipe of one-byte packets */
	assert_int_equal(pipe2(p, O_DIRECT | O_NONBLOCK), 0);
	int full = 0;
	while (write(p[1], buf, 1) == 1)
		full++;
	assert_int_equal(full, 16);
	trip_begin(&t);
	r = trip_add(&t, p[0]);
	w = trip_add(&t, p[1]);
	trip_dump(&t);
	close(p[0]);
	close(p[1]);
	trip_restore(&t);
	p[0] = trip_take(&t, r);
	p[1] = trip_take(&t, w);
	assert_int_equal(write(p[1], buf, 1), -1);
	for (int i = 0; i < full; i++)
		assert_int_equal(read(p[0], buf, sizeof(buf)), 1);
	close(p[0]);
	close(p[1]);
	trip_end(&t);
}

static void test_pipe_of_one_end(void **state)
{
	(void)state;
	int p[2];
	char buf[8];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "left", 4), 4);
	close(p[1]);
	int fd = round_trip(p[0]);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "left", 4);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	close(fd);
	trip_end(&t);

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(p), 0);
	close(p[0]);
	fd = round_trip(p[1]);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fd);
	trip_end(&t);
}

static void test_pipe_held_outside(void **state)
{
	(void)state;
	int p[2];
	for (int end = 0; end < 2; end++) {
		assert_int_equal(pipe(p), 0);
		trip_begin(&t);
		trip_add(&t, p[end]);
		trip_refused(&t, "holds the other end");
		close(p[0]);
		close(p[1]);
		trip_end(&t);
	}
}

/* An end of an outer pipe that was opened once more (/dev/stdout) is an end of what is supplied. */
static void test_pipe_of_an_external(void **state)
{
	(void)state;
	int p[2], q[2];
	char buf[8];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	int again = open("/proc/self/fd/1000", O_RDONLY);
	assert_int_equal(again, -1);
	char path[40];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	again = open(path, O_WRONLY | O_APPEND);
	assert_true(again >= 0);
	struct stat st;
	assert_int_equal(fstat(p[1], &st), 0);
	struct external x = { .name = "outside", .dev = st.st_dev, .ino = st.st_ino, .access = -1 };
	trip_begin(&t);
	t.c.externals = &x;
	t.c.n_externals = 1;
	uint64_t id = trip_add(&t, again);
	trip_dump(&t);
	t.h.external = q[1];
	trip_restore(&t);
	int fd = trip_take(&t, id);
	assert_int_equal(write(fd, "to q", 4), 4);
	assert_int_equal(read(q[0], buf, sizeof(buf)), 4);
	assert_int_not_equal(syscall(SYS_kcmp, getpid(), getpid(), 0, fd, q[1]), 0);
	close(fd);
	close(again);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
	trip_end(&t);
}

/* ---- fifos ---- */

static void test_fifo(void **state)
{
	(void)state;
	char buf[16];
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	int r = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK), w = open(in_dir("fifo"), O_WRONLY);
	assert_int_equal(fcntl(w, F_SETPIPE_SZ, 8192), 8192);
	assert_int_equal(write(w, "hello", 5), 5);
	trip_begin(&t);
	uint64_t a = trip_add(&t, r), b = trip_add(&t, w);
	trip_dump(&t);
	close(r);
	close(w);
	trip_restore(&t);
	r = trip_take(&t, a);
	w = trip_take(&t, b);
	assert_int_equal(fcntl(r, F_GETPIPE_SZ), 8192);
	assert_int_equal(read(r, buf, sizeof(buf)), 5);
	assert_int_equal(read(r, buf, sizeof(buf)), -1);
	close(w);
	assert_int_equal(read(r, buf, sizeof(buf)), 0);
	close(r);
	trip_end(&t);
}

static short events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

/* A reader to whom no writer ever came meets no hang-up; one whose writer went does. */
static void test_fifo_without_writer(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	int r = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK);
	assert_int_equal(events_of(r), 0);
	r = round_trip(r);
	assert_int_equal(events_of(r), 0);
	trip_end(&t);
	int w = open(in_dir("fifo"), O_WRONLY);
	close(w);
	assert_int_equal(events_of(r), POLLHUP);
	r = round_trip(r);
	assert_int_equal(events_of(r), POLLHUP);
	trip_end(&t);

	w = open(in_dir("fifo"), O_WRONLY);
	trip_begin(&t);
	trip_add(&t, r);
	trip_refused(&t, "outside of the container");
	trip_end(&t);
	close(w);
	close(r);

	/* a deleted one with data */
	int both = open(in_dir("fifo"), O_RDWR | O_NONBLOCK);
	assert_int_equal(write(both, "kept", 4), 4);
	assert_int_equal(unlink(in_dir("fifo")), 0);
	both = round_trip(both);
	check_read(both, "kept");
	assert_int_equal(count_names(dir), 0);
	close(both);
	trip_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pipe),
		TEST(test_pipe_packets),
		TEST(test_pipe_of_one_end),
		TEST(test_pipe_held_outside),
		TEST(test_pipe_of_an_external),
		TEST(test_fifo),
		TEST(test_fifo_without_writer),
	};
	if (geteuid() != 0) {
		printf("needs root\n");
		return 77;
	}
	return cmocka_run_group_tests_name("file_pipes", tests, NULL, NULL);
}
