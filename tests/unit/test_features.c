/* SPDX-License-Identifier: Apache-2.0 */
/* test_features.c - the table of kernel features: complete, asked once, honest, and without traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/file.h"
#include "sys/features.h"
#include "sys/probe.h"

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at((enum feature_id)i);
		assert_non_null(f->key);
		assert_true(f->title && f->used_for && f->without && f->since && f->probe);
		assert_int_equal(strspn(f->key, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(f->key));
		assert_int_equal(feature_find(f->key), i); /* also: no key twice */
	}
	assert_int_equal(feature_find("no-such-thing"), -ENOENT);
	assert_string_equal(feature_state_name(FEATURE_YES), "yes");
	assert_string_equal(feature_state_name(FEATURE_UNKNOWN), "unknown");
}

/* What contexe cannot do without, on any kernel that it supports. */
static void test_required(void **state)
{
	(void)state;
	static const enum feature_id required[] = {
		FEATURE_CLONE3,	    FEATURE_PIDFD_OPEN, FEATURE_PIDFD_GETFD, FEATURE_SETNS_PIDFD,
		FEATURE_OPENAT2,    FEATURE_MOUNT_API,	FEATURE_SECCOMP,     FEATURE_SECCOMP_NOTIFY,
		FEATURE_TCP_REPAIR, FEATURE_MEMFD,	FEATURE_USERFAULTFD, FEATURE_SET_TID,
	};
	struct features f = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		struct feature_answer a = features_ask(&f, required[i]);
		if (a.state != FEATURE_YES)
			print_message("%s: %s\n", feature_at(required[i])->key, strerror(a.err));
		assert_int_equal(a.state, FEATURE_YES);
		assert_int_equal(a.err, 0);
		assert_true(features_has(&f, required[i]));
	}
}

/* Answers that can be had in another, independent way. */
static void test_honest(void **state)
{
	(void)state;
	struct features f = { 0 };
	static const struct {
		enum feature_id id;
		const char *path;
	} files[] = {
		{ FEATURE_TIMENS, "/proc/self/ns/time" },
		{ FEATURE_USERNS, "/proc/self/ns/user" },
		{ FEATURE_FUSE, "/dev/fuse" },
		{ FEATURE_SELINUX, "/sys/fs/selinux/enforce" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (features_has(&f, files[i].id))
			assert_int_equal(access(files[i].path, F_OK), 0);
	CLEANUP_BUF struct buf fs = BUF_INIT;
	assert_int_equal(file_read(AT_FDCWD, "/proc/filesystems", 64 << 10, &fs), 0);
	if (features_has(&f, FEATURE_OVERLAY))
		assert_non_null(strstr(buf_str(&fs), "\toverlay\n"));
	if (features_has(&f, FEATURE_CGROUP2))
		assert_non_null(strstr(buf_str(&fs), "\tcgroup2\n"));
	for (int i = 0; i < FEATURE_COUNT; i++) {
		struct feature_answer a = features_ask(&f, (enum feature_id)i);
		assert_true(a.state != FEATURE_NOT_ASKED && a.state != FEATURE_UNKNOWN);
		assert_int_equal(a.state == FEATURE_YES, a.err == 0);
	}
}

static void test_asked_once(void **state)
{
	(void)state;
	struct features f = { 0 };
	f.answers[FEATURE_CLONE3] = (struct feature_answer){ FEATURE_NO, ENOSYS };
	assert_false(features_has(&f, FEATURE_CLONE3)); /* remembered, not asked again */
	assert_int_equal(features_ask(&f, FEATURE_CLONE3).err, ENOSYS);
	assert_int_equal(f.answers[FEATURE_OPENAT2].state, FEATURE_NOT_ASKED);
	assert_true(features_has(&f, FEATURE_OPENAT2));
	assert_int_equal(f.answers[FEATURE_OPENAT2].state, FEATURE_YES);
}

/* --- no traces --- */

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void read_all(const char *path, struct buf *b)
{
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, b), 0);
}

/* The lines NoNewPrivs and Seccomp of our status. */
static void seccomp_state(struct buf *b)
{
	CLEANUP_BUF struct buf status = BUF_INIT;
	read_all("/proc/self/status", &status);
	const char *from = strstr(buf_str(&status), "NoNewPrivs:");
	const char *to = from ? strstr(from, "Speculation") : NULL;
	assert_non_null(to);
	buf_add(b, from, (size_t)(to - from));
}

static volatile sig_atomic_t n_sigchld;

static void on_sigchld(int sig)
{
	(void)sig;
	n_sigchld = n_sigchld + 1;
}

static void test_no_traces(void **state)
{
	(void)state;
	/* others on this machine mount, too: look at mounts only where they cannot */
	bool apart =
		unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	static const char *const ns[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };
	ino_t before[ARRAY_SIZE(ns)];
	struct stat st;
	char path[64];
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", ns[i]);
		assert_int_equal(stat(path, &st), 0);
		before[i] = st.st_ino;
	}
	CLEANUP_BUF struct buf mounts = BUF_INIT, mounts_after = BUF_INIT;
	read_all("/proc/self/mountinfo", &mounts);
	CLEANUP_BUF struct buf filter = BUF_INIT;
	seccomp_state(&filter);
	int n_fds = count_fds();
	struct sigaction act = { .sa_handler = on_sigchld }, old;
	assert_int_equal(sigaction(SIGCHLD, &act, &old), 0);

	struct features f = { 0 };
	for (int i = 0; i < FEATURE_COUNT; i++)
		(void)features_ask(&f, (enum feature_id)i);

	assert_int_equal(sigaction(SIGCHLD, &old, NULL), 0);
	assert_int_equal(n_sigchld, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", ns[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_ino, before[i]);
	}
	read_all("/proc/self/mountinfo", &mounts_after);
	if (apart)
		assert_string_equal(buf_str(&mounts), buf_str(&mounts_after));
	assert_int_equal(count_fds(), n_fds);
	assert_int_equal(access("/sys/class/net/probe0", F_OK), -1);
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/unified/contexe-probe-%d", getpid());
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/contexe-probe-%d", getpid());
	assert_int_equal(access(path, F_OK), -1);
	CLEANUP_BUF struct buf filter_after = BUF_INIT;
	seccomp_state(&filter_after);
	assert_string_equal(buf_str(&filter), buf_str(&filter_after));
}

/* --- the child that probes run in --- */

static int child_says_no(void)
{
	return -EXDEV;
}

static int child_is_killed(void)
{
	(void)syscall(SYS_tgkill, getpid(), getpid(), SIGKILL); /* getpid(2) itself, not cached */
	return 0;
}

static int child_is_denied(void)
{
	(void)kill(getpid(), SIGSYS);
	return 0;
}

static int child_hangs(void)
{
	(void)alarm(1);
	while (pause() < 0)
		;
	return 0;
}

static ino_t mount_ns_outside;

static int child_is_apart(void)
{
	struct stat st;
	if (stat("/proc/self/ns/mnt", &st) < 0)
		return -errno;
	return st.st_ino != mount_ns_outside && geteuid() == 0 ? 0 : -EINVAL;
}

static void test_child(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	mount_ns_outside = st.st_ino;
	assert_int_equal(probe_in_child(child_says_no, 0), -EXDEV);
	assert_int_equal(probe_in_child(child_is_killed, 0), -EIO);
	assert_int_equal(probe_in_child(child_is_denied, 0), -EPERM);
	assert_int_equal(probe_in_child(child_hangs, 0), -ETIMEDOUT);
	assert_int_equal(probe_in_child(child_is_apart, CLONE_NEWNS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),	  cmocka_unit_test(test_required),
		cmocka_unit_test(test_honest),	  cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_no_traces), cmocka_unit_test(test_child),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
