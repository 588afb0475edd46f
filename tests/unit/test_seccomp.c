/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp.c - filters: what the default list decides, by the interpreter of bpf_judge.h; what
 * the kernel makes of filters, in real children; and their cache. The reading of profiles is
 * test_seccomp_profile.c's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "bpf_judge.h"
#include "container/security/security.h"

#define X32	     0x40000000
#define DEFAULT_CAPS UINT64_C(0x800405fb)

static void default_spec(struct spec *spec, const char *extra_cap)
{
	struct error err = ERROR_INIT;
	security_default_caps(spec);
	if (extra_cap)
		assert_int_equal(security_caps_add(spec, extra_cap, &err), 0);
	security_default_seccomp(spec);
}

/* Runs fn under the filter in a child; the exit status, or minus the signal. */
static int under(const struct security *sec, int (*fn)(void))
{
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = ERROR_INIT;
		(void)signal(SIGSYS, SIG_DFL); /* cmocka has a handler for it */
		if (security_apply_final(sec, &err) < 0) {
			(void)fprintf(stderr, "%s\n", err.why);
			_exit(255);
		}
		_exit(fn());
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- what the default list decides ---- */

/* Numbers that no libseccomp of today need know. */
enum {
	NR_URETPROBE = 335,
	NR_IO_URING_SETUP = 425,
	NR_CLONE3 = 435,
	NR_FCHMODAT2 = 452,
	NR_MSEAL = 462,
	NR_OPEN_TREE_ATTR = 467,
	NR_FILE_SETATTR = 469,
	NR_NEWEST = 470,
};

static void test_default_numbers(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, NULL);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	static const struct {
		const char *name;
		uint32_t verdict;
	} known[] = {
		{ "read", SECCOMP_RET_ALLOW },
		{ "getppid", SECCOMP_RET_ALLOW },
		{ "execve", SECCOMP_RET_ALLOW },
		{ "openat2", SECCOMP_RET_ALLOW },
		{ "futex_waitv", SECCOMP_RET_ALLOW },
		{ "ptrace", SECCOMP_RET_ALLOW },
		{ "chroot", SECCOMP_RET_ALLOW },
		{ "clone3", RET_ENOSYS },
		{ "mount", RET_EPERM },
		{ "unshare", RET_EPERM },
		{ "setns", RET_EPERM },
		{ "bpf", RET_EPERM },
		{ "keyctl", RET_EPERM },
		{ "add_key", RET_EPERM },
		{ "userfaultfd", RET_EPERM },
		{ "io_uring_setup", RET_EPERM },
		{ "kexec_load", RET_EPERM },
		{ "reboot", RET_EPERM },
		{ "open_by_handle_at", RET_EPERM },
		{ "kcmp", RET_EPERM },
		{ "init_module", RET_EPERM },
		{ "perf_event_open", RET_EPERM },
		{ "pivot_root", RET_EPERM },
		{ "swapon", RET_EPERM },
		{ "clock_settime", RET_EPERM },
		{ "set_mempolicy", RET_EPERM },
	};
	static const uint32_t archs[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };
	for (size_t a = 0; a < ARRAY_SIZE(archs); a++) {
		uint32_t audit = archs[a] == SCMP_ARCH_X86 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
			int nr = seccomp_syscall_resolve_name_arch(archs[a], known[i].name);
			if (nr < 0)
				continue;
			uint32_t verdict = JUDGE(&sec, audit, nr, 0);
			if (verdict != known[i].verdict)
				fail_msg("%s (%d) on %#x: %#x", known[i].name, nr, archs[a],
					 verdict);
		}
	}
}

static void test_default_new_calls(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, NULL);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	static const struct {
		uint32_t arch, bias;
	} abis[] = { { AUDIT_ARCH_X86_64, 0 }, { AUDIT_ARCH_I386, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(abis); i++) {
		uint32_t arch = abis[i].arch, bias = abis[i].bias;
		assert_int_equal(JUDGE(&sec, arch, bias | NR_IO_URING_SETUP, 0), RET_EPERM);
		assert_int_equal(JUDGE(&sec, arch, bias | NR_CLONE3, 0), RET_ENOSYS);
		assert_int_equal(JUDGE(&sec, arch, bias | NR_FCHMODAT2, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(JUDGE(&sec, arch, bias | NR_MSEAL, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(JUDGE(&sec, arch, bias | NR_OPEN_TREE_ATTR, 0), RET_EPERM);
		assert_int_equal(JUDGE(&sec, arch, bias | NR_FILE_SETATTR, 0), SECCOMP_RET_ALLOW);
		for (uint32_t nr = NR_NEWEST; nr < 512; nr++)
			assert_int_equal(JUDGE(&sec, arch, bias | nr, 0), RET_ENOSYS);
	}
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, 5000, 0), RET_ENOSYS);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, NR_URETPROBE, 0), SECCOMP_RET_ALLOW);
	/* nobody runs x32: a program that calls so is up to something */
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, X32 | 520, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, UINT32_MAX, 0), RET_EPERM);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_AARCH64, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static void test_default_arguments(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, NULL);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	const uint32_t arch = AUDIT_ARCH_X86_64;

	assert_int_equal(JUDGE(&sec, arch, SYS_clone, SIGCHLD), SECCOMP_RET_ALLOW);
	assert_int_equal(JUDGE(&sec, arch, SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND),
			 SECCOMP_RET_ALLOW);
	static const uint64_t spaces[] = { CLONE_NEWNS,	 CLONE_NEWCGROUP, CLONE_NEWUTS,
					   CLONE_NEWIPC, CLONE_NEWUSER,	  CLONE_NEWPID,
					   CLONE_NEWNET };
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++)
		assert_int_equal(JUDGE(&sec, arch, SYS_clone, spaces[i] | SIGCHLD), RET_EPERM);

	for (uint64_t family = 0; family < 64; family++) {
		bool denied = family == 37 || family == AF_ALG || family == AF_VSOCK || family > 45;
		assert_int_equal(JUDGE(&sec, arch, SYS_socket, family, SOCK_DGRAM, 0),
				 denied ? RET_EPERM : SECCOMP_RET_ALLOW);
		/* the kernel reads an int: a bit above it must not open anything */
		assert_int_equal(JUDGE(&sec, arch, SYS_socket, family | 1ULL << 32, 0, 0),
				 RET_EPERM);
	}
	assert_int_equal(JUDGE(&sec, arch, SYS_socket, AF_NETLINK, SOCK_RAW, 9),
			 SECCOMP_RET_ERRNO | EINVAL);

	static const uint64_t good[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };
	static const uint64_t bad[] = { 1, 0x40000, 0x400000, 0x8000000, 9 };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(JUDGE(&sec, arch, SYS_personality, good[i]), SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(JUDGE(&sec, arch, SYS_personality, bad[i]), RET_EPERM);
}

static void test_default_by_capability(void **state)
{
	(void)state;
	static const struct {
		const char *cap, *call;
	} opened[] = {
		{ "SYS_ADMIN", "mount" },
		{ "SYS_ADMIN", "clone3" },
		{ "SYS_ADMIN", "unshare" },
		{ "SYS_ADMIN", "bpf" },
		{ "BPF", "bpf" },
		{ "PERFMON", "perf_event_open" },
		{ "SYSLOG", "syslog" },
		{ "SYS_PTRACE", "kcmp" },
		{ "SYS_MODULE", "finit_module" },
		{ "SYS_TIME", "clock_settime" },
		{ "SYS_NICE", "mbind" },
		{ "DAC_READ_SEARCH", "open_by_handle_at" },
		{ "SYS_BOOT", "reboot" },
		{ "SYS_PACCT", "acct" },
		{ "SYS_RAWIO", "iopl" },
		{ "SYS_TTY_CONFIG", "vhangup" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(opened); i++) {
		CLEANUP_SPEC struct spec spec = { 0 };
		default_spec(&spec, opened[i].cap);
		spec.linux_.seccomp.architectures.n = 0; /* the native one alone: quicker */
		struct security sec = prepare_in(&spec, NULL, &spec.arena);
		int nr = seccomp_syscall_resolve_name(opened[i].call);
		if (JUDGE(&sec, AUDIT_ARCH_X86_64, nr, 0) != SECCOMP_RET_ALLOW)
			fail_msg("%s does not open %s", opened[i].cap, opened[i].call);
	}
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, "AUDIT_WRITE");
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_socket, AF_NETLINK, SOCK_RAW, 9),
			 SECCOMP_RET_ALLOW);
}

/* ---- in the kernel ---- */

static int expect(long r, int errnum)
{
	return errnum ? r < 0 && errno == errnum : r >= 0;
}

static int probe_default(void)
{
	char status[4096];
	if (!expect(syscall(SYS_getppid), 0))
		return 1;
	if (!expect(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL), EPERM))
		return 2;
	if (!expect(syscall(NR_CLONE3, NULL, 0), ENOSYS))
		return 3;
	if (!expect(syscall(500), ENOSYS))
		return 4;
	if (!expect(syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0), EPERM))
		return 5;
	if (!expect(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0), 0))
		return 6;
	if (!expect(syscall(SYS_unshare, CLONE_NEWUSER), EPERM))
		return 7;
	if (!expect(syscall(NR_MSEAL, 1, 1, 0), EINVAL) && errno != ENOSYS)
		return 8;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd_read_all(fd, status, sizeof(status) - 1);
	status[n > 0 ? n : 0] = '\0';
	if (!strstr(status, "Seccomp:\t2\n"))
		return 9;
	pid_t pid = fork();
	if (pid == 0)
		execl("/bin/true", "true", NULL);
	int wait_status = -1;
	(void)waitpid(pid, &wait_status, 0);
	return wait_status ? 10 : 0;
}

static void test_installed(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, NULL);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	if (geteuid() != 0)
		skip();
	for (int nnp = 0; nnp < 2; nnp++)
		for (uid_t uid = 0; uid <= 1000; uid += 1000) {
			sec.no_new_privs = nnp;
			sec.uid = sec.gid = uid;
			assert_int_equal(under(&sec, probe_default), 0);
		}
}

static int show_no_admin(void)
{
	char status[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd_read_all(fd, status, sizeof(status) - 1);
	status[n > 0 ? n : 0] = '\0';
	return !(strstr(status, "CapPrm:\t00000000800405fb\n") &&
		 strstr(status, "CapEff:\t00000000800405fb\n") &&
		 strstr(status, "NoNewPrivs:\t0\n") && strstr(status, "Uid:\t1000\t"));
}

/*
 * CAP_SYS_ADMIN, which installing takes, must be gone afterwards, also for a user other than root.
 */
static void test_admin_is_dropped(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	default_spec(&spec, NULL);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	if (geteuid() != 0)
		skip();
	assert_true(sec.cap_permitted == DEFAULT_CAPS);
	sec.uid = sec.gid = 1000;
	assert_int_equal(under(&sec, show_no_admin), 0);
}

static int getppid_errno(void)
{
	return syscall(SYS_getppid) < 0 ? errno : 0;
}

static void test_actions(void **state)
{
	(void)state;
	static const struct {
		const char *action;
		int outcome;
	} cases[] = {
		{ "\"SCMP_ACT_ERRNO\", \"errnoRet\": 77", 77 },
		{ "\"SCMP_ACT_ERRNO\", \"errno\": \"EXDEV\"", EXDEV },
		{ "\"SCMP_ACT_ERRNO\"", EPERM },
		{ "\"SCMP_ACT_KILL_PROCESS\"", -SIGSYS },
		{ "\"SCMP_ACT_KILL\"", -SIGSYS },
		{ "\"SCMP_ACT_TRAP\"", -SIGSYS },
		{ "\"SCMP_ACT_TRACE\"", ENOSYS }, /* no tracer */
		{ "\"SCMP_ACT_LOG\"", 0 },
	};
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_SPEC struct spec spec = { 0 };
		char json[256];
		(void)snprintf(json, sizeof(json),
			       "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": "
			       "[\"getppid\"], "
			       "\"action\": %s}]}",
			       cases[i].action);
		load_profile(&spec, json);
		struct security sec = prepare_in(&spec, NULL, &spec.arena);
		sec.no_new_privs = true;
		assert_int_equal(under(&sec, getppid_errno), cases[i].outcome);
	}
}

static int listener_fd;

static int listener_is_open(void)
{
	return fcntl(listener_fd, F_GETFD) == FD_CLOEXEC ? 0 : 1;
}

static void test_listener(void **state)
{
	(void)state;
	static const char rules[] =
		"\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": "
		"[\"getppid\"], \"action\": \"SCMP_ACT_NOTIFY\"}]}";
	CLEANUP_SPEC struct spec spec = { 0 };
	char json[300];
	(void)snprintf(json, sizeof(json), "{\"listenerPath\": \"/run/agent\", %s", rules);
	load_profile(&spec, json);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	assert_true(sec.seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_getppid, 0), SECCOMP_RET_USER_NOTIF);
	(void)snprintf(json, sizeof(json), "{%s", rules);
	assert_refused(json, "/linux/seccomp/listenerPath", "nobody");
	assert_refused("{\"defaultAction\": \"SCMP_ACT_NOTIFY\", \"listenerPath\": \"/a\"}",
		       "/linux/seccomp/defaultAction", "cannot be the default");
	if (geteuid() != 0)
		skip();
	sec.no_new_privs = true;
	assert_int_equal(under(&sec, listener_is_open), 255); /* nobody takes it: refused */
	sec.listener = &listener_fd;
	assert_int_equal(under(&sec, listener_is_open), 0);
}

/* ---- the cache ---- */

struct cache {
	char dir[64];
	char file[160]; /* after the first store */
};

static void cache_make(struct cache *c)
{
	(void)strcpy(c->dir, "/tmp/test-seccomp-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
}

static void cache_remove(struct cache *c)
{
	(void)!file_remove_tree(AT_FDCWD, c->dir);
}

static size_t cache_files(struct cache *c)
{
	size_t n = 0;
	DIR *dir = opendir(c->dir);
	assert_non_null(dir);
	for (struct dirent *de; (de = readdir(dir));)
		if (de->d_name[0] != '.') {
			(void)snprintf(c->file, sizeof(c->file), "%s/%.80s", c->dir, de->d_name);
			n++;
		}
	(void)closedir(dir);
	return n;
}

static bool from_cache(const struct spec *spec, const struct cache *c)
{
	CLEANUP_ARENA struct arena arena = { 0 }, fresh = { 0 };
	struct security a = prepare_in(spec, c->dir, &arena), b = prepare_in(spec, NULL, &fresh);
	assert_int_equal(a.filter_len, b.filter_len);
	assert_memory_equal(a.filter, b.filter, a.filter_len * sizeof(*a.filter));
	return a.filter_from_cache;
}

static void native_default(struct spec *spec)
{
	default_spec(spec, NULL);
	spec->linux_.seccomp.architectures.n = 0;
}

static void test_cache(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP(cache_remove) struct cache c;
	cache_make(&c);
	native_default(&spec);
	assert_false(from_cache(&spec, &c));
	assert_int_equal(cache_files(&c), 1);
	struct stat st;
	assert_int_equal(stat(c.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(from_cache(&spec, &c));
	/* another profile, another file */
	spec.linux_.seccomp.default_errno_ret.v = EACCES;
	assert_false(from_cache(&spec, &c));
	assert_int_equal(cache_files(&c), 2);
	spec.linux_.seccomp.default_errno_ret.v = EPERM;
	assert_true(from_cache(&spec, &c));
	/* names that run together are not the same names */
	struct strings *names = &spec.linux_.seccomp.syscalls[0].names;
	names->v[0] = (char *)"open openat";
	assert_false(from_cache(&spec, &c));
}

/* "the default list" alone, as specs say it: by what it allows whom */
static void test_cache_of_default(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 }, more = { 0 };
	CLEANUP(cache_remove) struct cache c;
	struct error err = ERROR_INIT;
	cache_make(&c);
	spec.contexe.default_seccomp = more.contexe.default_seccomp = true;
	security_default_caps(&spec);
	security_default_caps(&more);
	assert_int_equal(security_caps_add(&more, "CAP_SYS_ADMIN", &err), 0);
	assert_false(from_cache(&spec, &c));
	assert_true(from_cache(&spec, &c));
	assert_false(from_cache(&more, &c));
	assert_int_equal(cache_files(&c), 2);
	struct security sec = prepare_in(&spec, c.dir, &spec.arena);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_mount), RET_EPERM);
	sec = prepare_in(&more, c.dir, &more.arena);
	assert_true(sec.filter_from_cache);
	assert_int_equal(JUDGE(&sec, AUDIT_ARCH_X86_64, SYS_mount), SECCOMP_RET_ALLOW);
}

static void test_cache_damaged(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP(cache_remove) struct cache c;
	cache_make(&c);
	native_default(&spec);
	assert_false(from_cache(&spec, &c));
	assert_int_equal(cache_files(&c), 1);
	CLEANUP_BUF struct buf good = BUF_INIT;
	assert_int_equal(file_read(AT_FDCWD, c.file, 1 << 20, &good), 0);
	/* a flipped bit anywhere: header, key, instructions */
	for (size_t at = 0; at < good.len; at += good.len / 23) {
		good.data[at] ^= 4;
		assert_int_equal(file_replace(AT_FDCWD, c.file, 0600, good.data, good.len), 0);
		good.data[at] ^= 4;
		assert_false(from_cache(&spec, &c)); /* and stores it anew */
		assert_true(from_cache(&spec, &c));
	}
	/* cut anywhere, or longer than it says */
	for (size_t size = 0; size < good.len; size += good.len / 11) {
		assert_int_equal(file_replace(AT_FDCWD, c.file, 0600, good.data, size), 0);
		assert_false(from_cache(&spec, &c));
	}
	buf_puts(&good, "more");
	assert_int_equal(file_replace(AT_FDCWD, c.file, 0600, good.data, good.len), 0);
	assert_false(from_cache(&spec, &c));
}

static void test_cache_not_ours(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP(cache_remove) struct cache c;
	cache_make(&c);
	native_default(&spec);
	assert_false(from_cache(&spec, &c));
	assert_int_equal(cache_files(&c), 1);
	assert_int_equal(chmod(c.file, 0602), 0);
	assert_false(from_cache(&spec, &c)); /* stored anew, with mode 0600 */
	assert_true(from_cache(&spec, &c));
	assert_int_equal(chmod(c.dir, 0777), 0);
	assert_false(from_cache(&spec, &c));
	assert_int_equal(chmod(c.dir, 0700), 0);
	char moved[200];
	(void)snprintf(moved, sizeof(moved), "%s/.elsewhere", c.dir);
	assert_int_equal(rename(c.file, moved), 0);
	assert_int_equal(symlink(moved, c.file), 0);
	assert_false(from_cache(&spec, &c));
}

static void test_cache_of_another(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP(cache_remove) struct cache c;
	cache_make(&c);
	native_default(&spec);
	assert_false(from_cache(&spec, &c));
	assert_int_equal(cache_files(&c), 1);
	assert_true(from_cache(&spec, &c));
	assert_int_equal(chown(c.file, 1000, 1000), 0);
	assert_false(from_cache(&spec, &c));
	assert_true(from_cache(&spec, &c));
	assert_int_equal(chown(c.dir, 1000, 1000), 0);
	assert_false(from_cache(&spec, &c));
	assert_false(from_cache(&spec, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_numbers),
		cmocka_unit_test(test_default_new_calls),
		cmocka_unit_test(test_default_arguments),
		cmocka_unit_test(test_default_by_capability),
		cmocka_unit_test(test_installed),
		cmocka_unit_test(test_admin_is_dropped),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_of_default),
		cmocka_unit_test(test_cache_damaged),
		cmocka_unit_test(test_cache_not_ours),
		cmocka_unit_test(test_cache_of_another),
	};
	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
