/* SPDX-License-Identifier: Apache-2.0 */
/* test_netns.c - the network namespace that is made beside: its own, its loopback up, nothing left of the helper. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "container/net/netns.h"

static ino_t inode(int fd)
{
	struct stat st;
	assert_int_equal(fd >= 0 ? fstat(fd, &st) : stat("/proc/self/ns/net", &st), 0);
	return st.st_ino;
}

/* In a child: whether the namespace can be entered and has nothing but its loopback, up. */
static int look_inside(int fd)
{
	struct ifreq ifr = { .ifr_ifindex = 1 };
	if (setns(fd, CLONE_NEWNET) < 0)
		return 1;
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0 || ioctl(sock, SIOCGIFNAME, &ifr) < 0 || strcmp(ifr.ifr_name, "lo") != 0)
		return 2;
	return ioctl(sock, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) ? 0 : 3;
}

static void test_made(void **state)
{
	(void)state;
	struct netns n;
	struct error err = ERROR_INIT;
	sigset_t before, after;
	(void)sigprocmask(SIG_SETMASK, NULL, &before);
	netns_begin(&n);
	(void)sigprocmask(SIG_SETMASK, NULL, &after);
	assert_memory_equal(&before, &after, sizeof(uint64_t)); /* the kernel knows 64 */
	int fd = netns_take(&n);
	if (fd == -EPERM) {
		netns_done(&n);
		skip();
	}
	assert_true(fd >= 0);
	assert_int_equal(netns_take(&n), fd);
	assert_true(inode(fd) != inode(-1));
	assert_int_equal(netns_finish(&n, &err), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(look_inside(fd));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	netns_done(&n);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	/* no child is left, not even one of those that are waited for by name only */
	assert_int_equal(waitpid(-1, &status, __WALL | WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_not_begun(void **state)
{
	(void)state;
	struct netns n;
	netns_init(&n);
	assert_int_equal(netns_take(&n), -EBADF);
	assert_int_equal(netns_finish(&n, NULL), 0);
	netns_done(&n);
	netns_done(&n);
}

/* Whoever kills the helper, at whatever moment: we do not wait for ever. */
static void test_killed(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct netns n;
		struct error err = ERROR_INIT;
		netns_begin(&n);
		assert_true(n.helper > 0);
		usleep((useconds_t)i * 30);
		(void)kill(n.helper, SIGKILL);
		int fd = netns_take(&n), r = netns_finish(&n, &err);
		assert_true(fd >= 0 || fd == -ECHILD || fd == -EPERM);
		assert_true(r == 0 || r == -EINTR);
		netns_done(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_not_begun),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
