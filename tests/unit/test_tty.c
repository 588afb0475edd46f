/* SPDX-License-Identifier: Apache-2.0 */
/* test_tty.c - live round trips of pseudo terminals, in a devpts of our own. */
#include "file_trip.h"

#include <asm/termbits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/parse.h"
#include "checkpoint/kind/pty.h"
#include "sys/pidfd.h"

static struct trip t;

/* A mount namespace with a new devpts, so that numbers begin at 0 and nobody else takes them. */
static int own_devpts(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620,gid=5") <
		    0)
		return -1;
	return 0;
}

static int master_new(void)
{
	int fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), unlock = 0;
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TIOCSPTLCK, &unlock), 0);
	return fd;
}

static int slave_new(int master, int flags)
{
	int fd = pty_peer(master, flags);
	assert_true(fd >= 0);
	return fd;
}

static void says(int from, int to, const char *text, const char *comes)
{
	char buf[64] = "";
	assert_int_equal(write(from, text, strlen(text)), strlen(text));
	struct pollfd p = { .fd = to, .events = POLLIN };
	for (size_t n = 0; n < strlen(comes);) {
		assert_int_equal(poll(&p, 1, 2000), 1);
		ssize_t more = read(to, buf + n, sizeof(buf) - 1 - n);
		assert_true(more > 0);
		n += (size_t)more;
	}
	assert_string_equal(buf, comes);
}

static void test_pair(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* numbers below are free again: only this pair is kept */
	int low = master_new(), lower = master_new(), master = master_new();
	int slave = slave_new(master, O_RDWR), second = slave_new(master, O_RDONLY | O_NONBLOCK);
	assert_int_equal(pty_index(slave), 2);
	struct termios2 modes;
	assert_int_equal(ioctl(slave, TCGETS2, &modes), 0);
	modes.c_lflag &= ~(unsigned)(ECHO | ICANON);
	modes.c_oflag &= ~(unsigned)ONLCR;
	modes.c_cflag = (modes.c_cflag & ~(unsigned)CBAUD) | BOTHER;
	modes.c_ospeed = 12345;
	modes.c_cc[VMIN] = 3;
	assert_int_equal(ioctl(slave, TCSETS2, &modes), 0);
	assert_int_equal(ioctl(slave, TCGETS2, &modes), 0);
	struct winsize size = { 33, 101, 7, 9 }, size2;
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	int yes = 1;
	assert_int_equal(ioctl(master, TIOCPKT, &yes), 0);
	assert_int_equal(ioctl(master, TIOCSPTLCK, &yes), 0);
	assert_int_equal(ioctl(slave, TIOCEXCL), 0);
	assert_int_equal(fchown(slave, 1000, 1001), 0);
	assert_int_equal(fchmod(slave, 0600), 0);
	close(low);
	close(lower);

	trip_begin(&t);
	uint64_t m = trip_add(&t, master), s = trip_add(&t, slave), s2 = trip_add(&t, second);
	trip_dump(&t);
	close(master);
	close(slave);
	close(second);
	trip_restore(&t);
	master = trip_take(&t, m);
	slave = trip_take(&t, s);
	second = trip_take(&t, s2);

	assert_int_equal(pty_master_index(master), 2);
	assert_int_equal(pty_index(slave), 2);
	assert_int_equal(pty_index(second), 2);
	assert_string_equal(trip_link(slave), "/dev/pts/2");
	struct termios2 modes2;
	assert_int_equal(ioctl(slave, TCGETS2, &modes2), 0);
	assert_memory_equal(&modes, &modes2, sizeof(modes));
	assert_int_equal(ioctl(master, TIOCGWINSZ, &size2), 0);
	assert_memory_equal(&size, &size2, sizeof(size));
	int packet = 0, locked = 0, exclusive = 0;
	assert_int_equal(ioctl(master, TIOCGPKT, &packet) | ioctl(master, TIOCGPTLCK, &locked) |
				 ioctl(slave, TIOCGEXCL, &exclusive),
			 0);
	assert_true(packet && locked && exclusive);
	struct stat st;
	assert_int_equal(fstat(slave, &st), 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1001);
	assert_int_equal(st.st_mode & 07777, 0600);
	says(master, slave, "abc", "abc");
	/* in packet mode a byte of control comes first: 0 */
	char buf[8];
	assert_int_equal(write(slave, "x\n", 2), 2);
	assert_int_equal(read(master, buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "\0x\n", 3);
	close(master);
	close(slave);
	close(second);
	trip_end(&t);
}

/* Several pairs, in an order that is not that of their numbers. */
static void test_numbers(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int masters[5];
	uint64_t id[5];
	static const int order[] = { 3, 1, 4, 0 }; /* 2 is not kept */
	for (int i = 0; i < 5; i++)
		masters[i] = master_new();
	trip_begin(&t);
	for (int i = 0; i < 4; i++)
		id[order[i]] = trip_add(&t, masters[order[i]]);
	trip_dump(&t);
	for (int i = 0; i < 5; i++)
		close(masters[i]);
	trip_restore(&t);
	for (int i = 0; i < 4; i++) {
		int fd = trip_take(&t, id[order[i]]);
		assert_int_equal(pty_master_index(fd), order[i]);
		/* never had a slave: nobody to hang up */
		struct pollfd p = { .fd = fd };
		assert_int_equal(poll(&p, 1, 0), 0);
		close(fd);
	}
	trip_end(&t);
}

/* Ends that are gone stay so. */
static void test_hang_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int master = master_new(), gone = master_new();
	close(slave_new(master, O_RDWR));
	int orphan = slave_new(gone, O_RDWR);
	close(gone);
	trip_begin(&t);
	uint64_t m = trip_add(&t, master), o = trip_add(&t, orphan);
	trip_dump(&t);
	close(master);
	close(orphan);
	trip_restore(&t);
	master = trip_take(&t, m);
	orphan = trip_take(&t, o);
	char c;
	assert_int_equal(read(orphan, &c, 1), 0);
	assert_int_equal(write(orphan, "x", 1), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(read(master, &c, 1), -1);
	assert_int_equal(errno, EIO);
	int slave = slave_new(master, O_RDWR);
	says(slave, master, "back\n", "back\r\n");
	close(slave);
	close(master);
	close(orphan);
	trip_end(&t);
}

/* The container's terminal: its master is supplied again; the slave is that of the same number, /dev/console too. */
static void test_outside(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int console = master_new();
	int slave = slave_new(console, O_RDWR);
	struct winsize size = { 11, 22, 0, 0 }, size2;
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	trip_begin(&t);
	uint64_t s = trip_add(&t, slave);
	trip_dump(&t);
	close(slave);
	close(console);
	t.h.external = master_new();
	trip_restore(&t);
	slave = trip_take(&t, s);
	assert_int_equal(pty_index(slave), pty_master_index(t.h.external));
	assert_int_equal(ioctl(t.h.external, TIOCGWINSZ, &size2), 0);
	assert_memory_equal(&size, &size2, sizeof(size));
	says(slave, t.h.external, "hello\n", "hello\r\n");
	close(slave);
	close(t.h.external);
	trip_end(&t);
}

/* A slave whose master nobody has any more, as of an exec session: it sees the end. */
static void test_lost(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int elsewhere = master_new();
	int slave = slave_new(elsewhere, O_RDWR);
	trip_begin(&t);
	uint64_t s = trip_add(&t, slave);
	trip_dump(&t);
	close(slave);
	close(elsewhere);
	trip_restore(&t);
	slave = trip_take(&t, s);
	char c;
	assert_int_equal(read(slave, &c, 1), 0);
	close(slave);
	trip_end(&t);
}

/* What was typed and not read yet, what was written and not read yet: it is there again, and the dump takes nothing away. */
static void queue_trip(bool lines, const char *typed, size_t n_reads, const char *const *reads,
		       const char *rest)
{
	static const char written[] = "out\nput";
	struct termios2 modes;
	char buf[256];
	int master = master_new(), slave = slave_new(master, O_RDWR);
	assert_int_equal(ioctl(slave, TCGETS2, &modes), 0);
	modes.c_lflag = lines ? modes.c_lflag | ICANON : modes.c_lflag & ~(tcflag_t)ICANON;
	modes.c_lflag &= ~(tcflag_t)ECHO;
	assert_int_equal(ioctl(slave, TCSETS2, &modes), 0);
	assert_int_equal(write(master, typed, strlen(typed)), (ssize_t)strlen(typed));
	assert_int_equal(write(slave, written, strlen(written)), (ssize_t)strlen(written));
	trip_begin(&t);
	uint64_t m = trip_add(&t, master), s = trip_add(&t, slave);
	trip_dump(&t);
	for (int life = 0; life < 2; life++) {
		if (life == 1) {
			close(master);
			close(slave);
			trip_restore(&t);
			master = trip_take(&t, m);
			slave = trip_take(&t, s);
		}
		struct termios2 now;
		assert_int_equal(ioctl(slave, TCGETS2, &now), 0);
		assert_int_equal(now.c_lflag, modes.c_lflag);
		assert_int_equal(now.c_cc[VEOF], modes.c_cc[VEOF]);
		for (size_t i = 0; i < n_reads; i++) {
			assert_int_equal(read(slave, buf, sizeof(buf)), (ssize_t)strlen(reads[i]));
			assert_memory_equal(buf, reads[i], strlen(reads[i]));
		}
		struct pollfd p = { .fd = slave, .events = POLLIN };
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(read(master, buf, sizeof(buf)), 8); /* with a carriage return */
		assert_memory_equal(buf, "out\r\nput", 8);
		p.fd = master;
		assert_int_equal(poll(&p, 1, 0), 0);
		if (!rest)
			continue;
		assert_int_equal(write(master, "\n", 1), 1);
		assert_int_equal(read(slave, buf, sizeof(buf)), (ssize_t)strlen(rest) + 1);
		assert_memory_equal(buf, rest, strlen(rest));
	}
	close(master);
	close(slave);
	trip_end(&t);
}

static void test_queues(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	queue_trip(true, "one\ntwo\n", 2, (const char *const[]){ "one\n", "two\n" }, NULL);
	queue_trip(true, "", 0, NULL, NULL);
	queue_trip(true, "half a li", 0, NULL, "half a li");
	queue_trip(true, "one\nhalf a li", 1, (const char *const[]){ "one\n" }, "half a li");
	queue_trip(false, "raw\x01\x7f\n\xff", 1, (const char *const[]){ "raw\x01\x7f\n\xff" },
		   NULL);
}

/* /dev/tty of a process that has a controlling terminal. */
static int current_of(int slave)
{
	int ready[2];
	char c;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 ||
		    dup2(open("/dev/tty", O_RDWR), 400) < 0)
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(2);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	int pidfd = sys_pidfd_open(pid);
	int fd = sys_pidfd_getfd(pidfd, 400);
	assert_true(fd >= 0);
	close(pidfd);
	close(ready[0]);
	close(ready[1]);
	/* killed, its session's terminal would hang up, and this with it: stays until the dump is done */
	return fd | pid << 12;
}

static void test_current(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int master = master_new();
	int slave = slave_new(master, O_RDWR);
	int both = current_of(slave);
	int current = both & 0xfff;
	pid_t pid = both >> 12;
	assert_string_equal(trip_link(current), "/dev/tty");
	trip_begin(&t);
	uint64_t m = trip_add(&t, master), s = trip_add(&t, slave), c = trip_add(&t, current);
	trip_dump(&t);
	close(master);
	close(slave);
	close(current);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	trip_restore(&t);
	master = trip_take(&t, m);
	slave = trip_take(&t, s);
	current = trip_take(&t, c);
	assert_string_equal(trip_link(current), "/dev/tty");
	assert_int_equal(pty_index(current), pty_index(slave));
	says(current, master, "tty\n", "tty\r\n");
	/* the helper's session is gone without a trace: a new one can have the terminal */
	pid = fork();
	if (pid == 0)
		_exit(setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(master);
	close(slave);
	close(current);
	trip_end(&t);
}

/* The node alone, and a number that is taken. */
static void test_node(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int master = master_new();
	int node = open("/dev/pts/0", O_PATH | O_CLOEXEC);
	assert_true(node >= 0);
	trip_begin(&t);
	uint64_t m = trip_add(&t, master), n = trip_add(&t, node);
	trip_dump(&t);
	close(master);
	close(node);
	trip_restore(&t);
	assert_string_equal(trip_link(trip_take(&t, n)), "/dev/pts/0");
	close(trip_take(&t, m));
	trip_end(&t);

	master = master_new();
	trip_begin(&t);
	trip_add(&t, master);
	trip_dump(&t);
	close(master);
	master = master_new();
	assert_int_equal(trip_try_restore(&t), -EBUSY);
	close(master);
	trip_end(&t);
}

/* What another line discipline does with the data, nobody knows. */
static void test_discipline(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	int master = master_new(), null = 27 /* N_NULL */;
	int slave = slave_new(master, O_RDWR);
	assert_int_equal(ioctl(slave, TIOCSETD, &null), 0);
	trip_begin(&t);
	trip_add(&t, slave);
	trip_refused(&t, "line discipline");
	trip_end(&t);
	close(slave);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),	   cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_hang_up),	   cmocka_unit_test(test_outside),
		cmocka_unit_test(test_lost),	   cmocka_unit_test(test_queues),
		cmocka_unit_test(test_current),	   cmocka_unit_test(test_node),
		cmocka_unit_test(test_discipline),
	};
	return cmocka_run_group_tests_name("tty", tests, own_devpts, NULL);
}
