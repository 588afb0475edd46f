/* SPDX-License-Identifier: Apache-2.0 */
/* test_sys.c - the sys room: processes that are not mistaken, descriptors by message, paths, signals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/clone3.h"
#include "sys/mountfd.h"
#include "sys/openat2.h"
#include "sys/pidfd.h"
#include "sys/pidref.h"
#include "sys/scm.h"
#include "sys/signame.h"

/* A child that sleeps until it is killed, under an odd name. */
static pid_t child_make(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "x) R 1 2 (3");
		for (;;)
			pause();
	}
	return pid;
}

/* Ends it, leaving a zombie. */
static void child_end(pid_t pid)
{
	siginfo_t info;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void child_reap(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- pidref ---- */

static void pidref_follows_a_life(void **state UNUSED)
{
	pid_t pid = child_make();
	CLEANUP_PIDREF struct pidref p = PIDREF_NONE;

	assert_false(pidref_is_set(&p));
	assert_false(pidref_alive(&p));
	assert_int_equal(pidref_open(&p), -ESRCH);
	assert_int_equal(pidref_from_pid(pid, &p), 0);
	assert_int_equal(p.pid, pid);
	assert_true(p.start > 0);
	assert_true(fcntl(p.pidfd, F_GETFD) & FD_CLOEXEC);
	assert_true(pidref_alive(&p));
	assert_int_equal(pidref_kill(&p, 0), 0);
	child_end(pid);
	assert_false(pidref_alive(&p)); /* a zombie does not count */
	child_reap(pid);
	assert_false(pidref_alive(&p));
	assert_int_equal(pidref_kill(&p, SIGTERM), -ESRCH);
	assert_int_equal(pidref_from_pid(pid, &p), -ESRCH);
}

static void pidref_read_from_disk_is_checked(void **state UNUSED)
{
	pid_t pid = child_make();
	uint64_t start = pid_start_time(pid, NULL);
	CLEANUP_PIDREF struct pidref same = { .pid = pid, .pidfd = FD_NONE, .start = start };
	CLEANUP_PIDREF struct pidref other = { .pid = pid, .pidfd = FD_NONE, .start = start + 1 };

	assert_int_equal(pidref_open(&other), -ESRCH); /* the number was used again */
	assert_int_equal(other.pidfd, FD_NONE);
	assert_false(pidref_alive(&other));
	assert_int_equal(pidref_kill(&other, SIGKILL), -ESRCH);
	assert_true(pidref_alive(&same));
	assert_int_equal(pidref_kill(&same, SIGKILL), 0); /* opens it first */
	assert_true(same.pidfd >= 0);
	child_reap(pid);
	pidref_done(&same);
	assert_int_equal(same.pidfd, FD_NONE);
	assert_int_equal(same.pid, pid);
}

static void start_time_is_read_past_odd_names(void **state UNUSED)
{
	pid_t pid = child_make();
	char name[32] = "", path[40], state_letter = '?';

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	while (strcmp(name, "x) R 1 2 (3") != 0) /* the child has named itself */
		assert_true(file_read_line(AT_FDCWD, path, name, sizeof(name)) >= 0);
	assert_true(pid_start_time(pid, &state_letter) >= pid_start_time(getpid(), NULL));
	assert_non_null(strchr("SR", state_letter));
	child_end(pid);
	assert_true(pid_start_time(pid, &state_letter) > 0);
	assert_int_equal(state_letter, 'Z');
	child_reap(pid);
	assert_int_equal(pid_start_time(pid, &state_letter), 0);
}

static void boot_id_is_one_uuid(void **state UNUSED)
{
	assert_int_equal(strlen(boot_id()), 36);
	assert_ptr_equal(boot_id(), boot_id());
}

/* ---- pidfd, clone3 ---- */

static void fork_gives_a_pidfd(void **state UNUSED)
{
	int pidfd = FD_NONE;
	siginfo_t info = { 0 };
	pid_t pid = sys_fork(0, -1, &pidfd);

	if (pid == 0)
		_exit(7);
	assert_true(pid > 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(sys_pidfd_wait(pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_pid, pid);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 7);
	assert_int_equal(sys_pidfd_wait(pidfd, &info, WEXITED), -ECHILD);
	assert_int_equal(sys_pidfd_send_signal(pidfd, 0), -ESRCH);
	fd_close(pidfd);
	assert_int_equal(sys_pidfd_open(0), -EINVAL);
}

static void fork_makes_a_pid_namespace(void **state UNUSED)
{
	uint64_t flags = CLONE_NEWPID | (geteuid() ? CLONE_NEWUSER : 0);
	int status;
	pid_t pid = sys_fork(flags, -1, NULL);

	if (pid == 0)
		_exit(getpid() == 1 && getppid() == 0 ? 0 : 1);
	if (pid == -EPERM)
		skip();
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(sys_fork(CLONE_NEWNS | CLONE_FS, -1, NULL), -EINVAL);
}

static void getfd_shares_the_open_file(void **state UNUSED)
{
	CLEANUP_FD int self = sys_pidfd_open(getpid());
	int p[2];
	char c = 0;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	CLEANUP_FD int in = p[0], out = p[1];
	CLEANUP_FD int copy = sys_pidfd_getfd(self, out);
	assert_true(copy >= 0 && copy != out);
	assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_write_all(copy, "y", 1), 0);
	assert_int_equal(read(in, &c, 1), 1);
	assert_int_equal(c, 'y');
	assert_int_equal(sys_pidfd_getfd(self, 100000), -EBADF);
}

/* ---- scm ---- */

struct pair {
	int a, b;
};

static int pair_make(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	int sv[2];

	if (!p || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	p->a = sv[0];
	p->b = sv[1];
	*state = p;
	return 0;
}

static int pair_drop(void **state)
{
	struct pair *p = *state;

	fd_close(p->a);
	fd_close(p->b);
	free(p);
	return 0;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void scm_carries_data_and_descriptors(void **state)
{
	struct pair *s = *state;
	int p[2], got[SCM_MAX_FDS];
	size_t n = 99;
	char text[16] = "";

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(scm_send(s->a, "hello", 6, p, 2), 0);
	assert_int_equal(scm_recv(s->b, text, sizeof(text), got, SCM_MAX_FDS, &n, 0), 6);
	assert_string_equal(text, "hello");
	assert_int_equal(n, 2);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fd_write_all(got[1], "z", 1), 0);
	assert_int_equal(read(p[0], text, sizeof(text)), 1);
	assert_int_equal(text[0], 'z');
	for (int i = 0; i < 2; i++) {
		fd_close(p[i]);
		fd_close(got[i]);
	}
}

static void scm_without_descriptors(void **state)
{
	struct pair *s = *state;
	size_t n = 99;
	char text[16];

	assert_int_equal(scm_send(s->a, "x", 1, NULL, 0), 0);
	assert_int_equal(scm_recv(s->b, text, sizeof(text), NULL, 0, &n, 0), 1);
	assert_int_equal(n, 0);
	assert_int_equal(scm_recv(s->b, text, sizeof(text), NULL, 0, &n, MSG_DONTWAIT), -EAGAIN);
	s->a = fd_close(s->a);
	assert_int_equal(scm_recv(s->b, text, sizeof(text), NULL, 0, &n, 0), 0); /* closed */
	assert_int_equal(scm_send(s->b, "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
}

static void scm_closes_what_nobody_asked_for(void **state)
{
	struct pair *s = *state;
	int many[SCM_MAX_FDS + 1], got[3];
	size_t n;
	char c;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 0;
	assert_int_equal(scm_send(s->a, "x", 1, many, SCM_MAX_FDS + 1), -EINVAL);
	int before = open_fds();
	assert_int_equal(scm_send(s->a, "x", 1, many, SCM_MAX_FDS), 0);
	assert_int_equal(scm_recv(s->b, &c, 1, got, 3, &n, 0), 1);
	assert_int_equal(n, 3);
	assert_int_equal(open_fds(), before + 3);
	for (int i = 0; i < 3; i++)
		fd_close(got[i]);
	assert_int_equal(scm_send(s->a, "x", 1, many, 2), 0);
	assert_int_equal(scm_recv(s->b, &c, 1, NULL, 0, NULL, 0), 1);
	assert_int_equal(open_fds(), before);
}

/* ---- openat2 ---- */

static void paths_stay_below_the_root(void **state UNUSED)
{
	char root[] = "/tmp/contexe-test-sys.XXXXXX";
	char text[16] = "";

	assert_non_null(mkdtemp(root));
	CLEANUP_FD int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "etc", 0700), 0);
	assert_int_equal(file_replace(dir, "etc/hostname", 0600, "inside", 6), 0);
	assert_int_equal(symlinkat("/etc", dir, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../etc", dir, "climbing"), 0);
	static const char *const ways[] = { "/etc/hostname", "absolute/hostname",
					    "climbing/hostname", "../../etc/hostname" };
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		CLEANUP_FD int fd = sys_openat2(dir, ways[i], O_RDONLY, 0, RESOLVE_IN_ROOT);
		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(read(fd, text, sizeof(text)), 6);
		assert_memory_equal(text, "inside", 6);
	}
	assert_int_equal(sys_openat2(dir, "absolute", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), -ELOOP);
	assert_int_equal(sys_openat2(dir, "/proc", O_RDONLY, 0, RESOLVE_IN_ROOT), -ENOENT);
	assert_int_equal(file_remove_tree(AT_FDCWD, root), 0);
}

/* ---- mountfd ---- */

/* In a mount namespace of our own: a tmpfs that is made, filled and bound read-only, all by descriptor.
 * Returns the line where it went wrong, 0 when nowhere, 255 when the kernel lets us have no namespace. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__ % 254 + 1;                                                 \
	} while (0)
static int mount_by_descriptor(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 255;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 255; /* in a chroot: what we mount might show outside */
	MUST(sys_fsopen("no such file system") == -ENODEV);
	CLEANUP_FD int fs = sys_fsopen("tmpfs");
	MUST(fs >= 0);
	MUST(sys_fsconfig_string(fs, "size", "64k") == 0);
	MUST(sys_fsconfig_string(fs, "no such option", "1") == -EINVAL);
	MUST(sys_fsconfig_create(fs) == 0);
	CLEANUP_FD int tree = sys_fsmount(fs, MOUNT_ATTR_NOSUID);
	MUST(tree >= 0);
	MUST(file_replace(tree, "f", 0600, "x", 1) == 0);
	MUST(sys_move_mount(tree, "", AT_FDCWD, "/proc/sys", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	MUST(access("/proc/sys/f", F_OK) == 0);
	CLEANUP_FD int copy = sys_open_tree(AT_FDCWD, "/proc/sys", OPEN_TREE_CLONE);
	MUST(copy >= 0);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int r = sys_mount_setattr(copy, "", AT_EMPTY_PATH, &attr);
	if (r == -ENOSYS) /* before 5.12 */
		return 0;
	MUST(r == 0);
	MUST(file_write(copy, "f", "y") == -EROFS);
	MUST(file_write(tree, "f", "y") == 0);
	return 0;
}

static void mounts_are_made_by_descriptor(void **state UNUSED)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(mount_by_descriptor());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 255)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- signame ---- */

static void every_signal_goes_there_and_back(void **state UNUSED)
{
	char name[32], with_sig[40];

	for (int sig = 1; sig <= SIGNAME_MAX; sig++) {
		signame_format(sig, name, sizeof(name));
		assert_int_equal(signame_parse(name), sig);
		(void)snprintf(with_sig, sizeof(with_sig), "sig%s", name);
		if (name[0] > '9') /* 32 and 33 are glibc's own and have no name */
			assert_int_equal(signame_parse(with_sig), sig);
	}
}

static void signal_names(void **state UNUSED)
{
	static const struct {
		const char *text;
		int sig;
	} cases[] = {
		{ "TERM", SIGTERM },	{ "SIGTERM", SIGTERM },
		{ "term", SIGTERM },	{ "15", SIGTERM },
		{ "SigKill", SIGKILL }, { "POLL", SIGIO },
		{ "RTMIN", 34 },	{ "SIGRTMIN+3", 37 },
		{ "RTMAX-1", 63 },	{ "RTMAX", 64 },
		{ "64", 64 },		{ "", -EINVAL },
		{ "0", -EINVAL },	{ "65", -EINVAL },
		{ "-1", -EINVAL },	{ "SIG", -EINVAL },
		{ "TERMX", -EINVAL },	{ "RTMIN+31", -EINVAL },
		{ "RTMIN+", -EINVAL },	{ "RTMAX-31", -EINVAL },
		{ "SIG15", -EINVAL },
	};
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (signame_parse(cases[i].text) != cases[i].sig)
			fail_msg("\"%s\" gave %d, wanted %d", cases[i].text,
				 signame_parse(cases[i].text), cases[i].sig);
	assert_string_equal(signame_format(SIGTERM, name, sizeof(name)), "TERM");
	assert_string_equal(signame_format(34, name, sizeof(name)), "RTMIN");
	assert_string_equal(signame_format(37, name, sizeof(name)), "RTMIN+3");
	assert_string_equal(signame_format(999, name, sizeof(name)), "999");
}

#define IN_PAIR(test) cmocka_unit_test_setup_teardown(test, pair_make, pair_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pidref_follows_a_life),
		cmocka_unit_test(pidref_read_from_disk_is_checked),
		cmocka_unit_test(start_time_is_read_past_odd_names),
		cmocka_unit_test(boot_id_is_one_uuid),
		cmocka_unit_test(fork_gives_a_pidfd),
		cmocka_unit_test(fork_makes_a_pid_namespace),
		cmocka_unit_test(getfd_shares_the_open_file),
		IN_PAIR(scm_carries_data_and_descriptors),
		IN_PAIR(scm_without_descriptors),
		IN_PAIR(scm_closes_what_nobody_asked_for),
		cmocka_unit_test(paths_stay_below_the_root),
		cmocka_unit_test(mounts_are_made_by_descriptor),
		cmocka_unit_test(every_signal_goes_there_and_back),
		cmocka_unit_test(signal_names),
	};
	return cmocka_run_group_tests_name("sys", tests, NULL, NULL);
}
