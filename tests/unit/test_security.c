/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_security.c - capabilities, limits, identity: prepared, applied in a real child, and read
 * back from the kernel. What needs root is skipped without it. Filters are test_seccomp.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "container/security/security.h"

#define BIT(n) (UINT64_C(1) << (n))

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/*
 * Runs fn in a child; what it prints (to stdout) comes back in out, its exit status as the result.
 */
static int in_child(void (*fn)(const void *), const void *arg, struct buf *out)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	(void)fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(p[1], 1);
		(void)close(p[0]);
		(void)close(p[1]);
		fn(arg);
		(void)fflush(stdout);
		_exit(0);
	}
	(void)close(p[1]);
	char chunk[4096];
	ssize_t n;
	while ((n = read(p[0], chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	(void)close(p[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void show_error(const struct error *err)
{
	char line[1200];
	(void)printf("error %d: %s\n", err->err, error_line(err, line, sizeof(line)));
}

/* Applies and prints /proc/self/status. */
static void apply_and_show(const void *arg)
{
	struct error err = ERROR_INIT;
	if (security_apply_early(arg, &err) < 0 || security_apply_final(arg, &err) < 0) {
		show_error(&err);
		return;
	}
	struct buf status = BUF_INIT;
	if (file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &status) == 0)
		(void)fputs(buf_str(&status), stdout);
}

/* The same after execve(2), which is what counts. */
static void apply_and_exec(const void *arg)
{
	struct error err = ERROR_INIT;
	if (security_apply_early(arg, &err) < 0 || security_apply_final(arg, &err) < 0) {
		show_error(&err);
		return;
	}
	execl("/bin/cat", "cat", "/proc/self/status", NULL);
	(void)printf("error: execl: %d\n", errno);
}

static void assert_line(const struct buf *text, const char *line)
{
	if (!strstr(buf_str(text), line))
		fail_msg("no \"%s\" in:\n%s", line, buf_str(text));
}

static void assert_set(const struct buf *text, const char *name, uint64_t mask)
{
	char line[64];
	(void)snprintf(line, sizeof(line), "%s:\t%016llx\n", name, (unsigned long long)mask);
	assert_line(text, line);
}

static struct security prepare(struct spec *spec)
{
	struct security sec;
	struct error err = ERROR_INIT;
	if (security_prepare(spec, NULL, &spec->arena, &sec, &err) < 0)
		fail_msg("%s: %s", err.object, err.why);
	return sec;
}

static void assert_refused(const struct spec *spec, int errnum, const char *object, const char *why)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct security sec;
	struct error err = ERROR_INIT;
	assert_int_equal(security_prepare(spec, NULL, &arena, &sec, &err), -errnum);
	assert_string_equal(err.object, object);
	assert_non_null(strstr(err.why, why));
}

/* ---- names and sets ---- */

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(capability_number("CAP_CHOWN"), CAP_CHOWN);
	assert_int_equal(capability_number("net_raw"), CAP_NET_RAW);
	assert_int_equal(capability_number("cap_Checkpoint_Restore"), CAP_CHECKPOINT_RESTORE);
	assert_int_equal(capability_number("CAP_"), -EINVAL);
	assert_int_equal(capability_number("CAP_CHOWNS"), -EINVAL);
	assert_int_equal(capability_number(NULL), -EINVAL);
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		assert_int_equal(capability_number(capability_name(i)), i);
	assert_null(capability_name(-1));
	assert_null(capability_name(64));
	char text[16];
	assert_true(file_read_line(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", text, sizeof(text)) >
		    0);
	assert_true(capability_mask_all() == BIT(atoi(text) + 1) - 1);
}

static void test_default_set(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	security_default_caps(&spec);
	assert_true(spec.process.has_caps);
	assert_int_equal(spec.process.caps.bounding.n, 11);
	assert_int_equal(spec.process.caps.effective.n, 11);
	assert_int_equal(spec.process.caps.inheritable.n, 0);
	assert_int_equal(spec.process.caps.ambient.n, 0);
	security_all_caps(&spec);
	assert_int_equal(spec.process.caps.bounding.n, __builtin_popcountll(capability_mask_all()));
}

static void test_add_and_drop(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct error err = ERROR_INIT;
	struct spec_caps *caps = &spec.process.caps;
	security_default_caps(&spec);
	assert_int_equal(security_caps_add(&spec, "net_raw", &err), 0);
	assert_int_equal(security_caps_add(&spec, "CAP_NET_RAW", &err), 0);
	assert_int_equal(caps->bounding.n, 12);
	assert_string_equal(caps->bounding.v[11], "CAP_NET_RAW");
	assert_int_equal(caps->ambient.n, 0);
	assert_int_equal(security_caps_drop(&spec, "CHOWN", &err), 0);
	assert_int_equal(caps->bounding.n, 11);
	assert_int_equal(caps->permitted.n, 11);
	assert_string_not_equal(caps->bounding.v[0], "CAP_CHOWN");
	assert_int_equal(security_caps_drop(&spec, "all", &err), 0);
	assert_int_equal(caps->bounding.n, 0);
	assert_int_equal(security_caps_add(&spec, "ALL", &err), 0);
	assert_int_equal(caps->effective.n, __builtin_popcountll(capability_mask_all()));
	/* for another user than root it must survive execve(2) */
	assert_int_equal(security_caps_drop(&spec, "ALL", &err), 0);
	spec.process.user.uid = 1000;
	assert_int_equal(security_caps_add(&spec, "NET_RAW", &err), 0);
	assert_int_equal(caps->ambient.n, 1);
	assert_int_equal(caps->inheritable.n, 1);

	assert_int_equal(security_caps_add(&spec, "NET_ROW", &err), -EINVAL);
	assert_non_null(strstr(err.hint, "CAP_NET_RAW"));
	assert_int_equal(security_caps_drop(&spec, "no-such-thing-at-all", &err), -EINVAL);
	assert_non_null(strstr(err.hint, "capabilities(7)"));
}

static void test_wrong_sets(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct spec_caps *caps = &spec.process.caps;
	strings_add(&spec.arena, &caps->bounding, "CAP_CHOWN");
	strings_add(&spec.arena, &caps->bounding, "CAP_WHATEVER");
	assert_refused(&spec, EINVAL, "/process/capabilities/bounding/1", "CAP_WHATEVER");
	*caps = (struct spec_caps){ 0 };
	strings_add(&spec.arena, &caps->effective, "CAP_KILL");
	assert_refused(&spec, EINVAL, "/process/capabilities/effective", "CAP_KILL is effective");
	*caps = (struct spec_caps){ 0 };
	strings_add(&spec.arena, &caps->inheritable, "CAP_KILL");
	assert_refused(&spec, EINVAL, "/process/capabilities/inheritable", "not bounding");
}

/* As a caller that lacks CAP_SYS_TIME. */
static void without_sys_time(const void *arg)
{
	(void)arg;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	struct error err = ERROR_INIT;
	struct spec spec = { 0 };
	struct security sec;
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) < 0 || syscall(SYS_capget, &head, data) < 0)
		return;
	data[0].effective &= ~(1u << CAP_SYS_TIME);
	data[0].permitted &= ~(1u << CAP_SYS_TIME);
	if (syscall(SYS_capset, &head, data) < 0)
		return;
	security_default_caps(&spec);
	if (security_caps_add(&spec, "SYS_TIME", &err) < 0 ||
	    security_prepare(&spec, NULL, &spec.arena, &sec, &err) < 0)
		show_error(&err);
	(void)printf("missing %#llx\n", (unsigned long long)sec.cap_missing);
	(void)printf("kept %d\n", !!(sec.cap_bounding & BIT(CAP_SYS_TIME)));
	if (security_caps_require(&sec, BIT(CAP_CHOWN), &err) < 0 ||
	    security_caps_require(&sec, BIT(CAP_SYS_TIME) | BIT(CAP_CHOWN), &err) < 0)
		show_error(&err);
	apply_and_show(&sec);

	/* in a user namespace the same caller can give it */
	struct spec_namespace ns = { .type = (char *)"user" };
	spec.linux_.namespaces = &ns;
	spec.linux_.n_namespaces = 1;
	if (security_prepare(&spec, NULL, &spec.arena, &sec, &err) < 0)
		show_error(&err);
	(void)printf("in a user namespace: missing %#llx\n", (unsigned long long)sec.cap_missing);
}

static void test_missing(void **state)
{
	(void)state;
	need_root();
	CLEANUP_BUF struct buf out = BUF_INIT;
	assert_int_equal(in_child(without_sys_time, NULL, &out), 0);
	assert_line(&out, "missing 0x2000000\n");
	assert_line(&out, "kept 0\n");
	assert_line(&out,
		    "error 1: this system cannot give CAP_SYS_TIME: the caller does not have it");
	assert_set(&out, "CapBnd", 0x800405fb);
	assert_line(&out, "in a user namespace: missing 0\n");
}

/* ---- identity ---- */

static void test_apply_root(void **state)
{
	(void)state;
	need_root();
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	security_default_caps(&spec);
	struct security sec = prepare(&spec);
	assert_int_equal(in_child(apply_and_exec, &sec, &out), 0);
	assert_set(&out, "CapBnd", 0x800405fb);
	assert_set(&out, "CapPrm", 0x800405fb);
	assert_set(&out, "CapEff", 0x800405fb);
	assert_set(&out, "CapInh", 0);
	assert_set(&out, "CapAmb", 0);
	assert_line(&out, "NoNewPrivs:\t0\n");
	assert_line(&out, "Seccomp:\t0\n");
	assert_line(&out, "Groups:\t \n");
}

static void test_apply_user(void **state)
{
	(void)state;
	need_root();
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf shown = BUF_INIT, executed = BUF_INIT;
	struct error err = ERROR_INIT;
	uint32_t gids[] = { 7, 4711 };
	spec.process.user = (struct spec_user){ .uid = 1000,
						.gid = 1001,
						.umask = { true, 027 },
						.additional_gids = gids,
						.n_additional_gids = 2 };
	spec.process.no_new_privs = true;
	security_default_caps(&spec);
	assert_int_equal(security_caps_add(&spec, "NET_RAW", &err), 0);
	struct security sec = prepare(&spec);
	assert_int_equal(in_child(apply_and_show, &sec, &shown), 0);
	assert_line(&shown, "Uid:\t1000\t1000\t1000\t1000\n");
	assert_line(&shown, "Gid:\t1001\t1001\t1001\t1001\n");
	assert_line(&shown, "Groups:\t7 4711 \n");
	assert_line(&shown, "Umask:\t0027\n");
	assert_line(&shown, "NoNewPrivs:\t1\n");
	assert_set(&shown, "CapPrm", 0x800405fb | BIT(CAP_NET_RAW));
	assert_set(&shown, "CapBnd", 0x800405fb | BIT(CAP_NET_RAW));
	assert_set(&shown, "CapInh", BIT(CAP_NET_RAW));
	/* what was asked for by name, and nothing else, is there after execve */
	assert_int_equal(in_child(apply_and_exec, &sec, &executed), 0);
	assert_set(&executed, "CapEff", BIT(CAP_NET_RAW));
	assert_set(&executed, "CapPrm", BIT(CAP_NET_RAW));
	assert_set(&executed, "CapAmb", BIT(CAP_NET_RAW));
}

/* -1 tells setresuid(2) to leave the id as it is: whoever asks for it must not stay root. */
static void test_no_such_id(void **state)
{
	(void)state;
	need_root();
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf by_user = BUF_INIT, by_group = BUF_INIT;
	spec.process.user.uid = UINT32_MAX;
	struct security sec = prepare(&spec);
	assert_int_equal(in_child(apply_and_show, &sec, &by_user), 0);
	assert_line(&by_user, "error 22: 4294967295 is no user id");
	sec.uid = 0;
	sec.gid = UINT32_MAX;
	assert_int_equal(in_child(apply_and_show, &sec, &by_group), 0);
	assert_line(&by_group, "error 22: 4294967295 is no group id");
}

/*
 * In a user namespace of its own the child has all that the kernel has, whatever its maker lacked.
 */
static void in_user_namespace(const void *arg)
{
	char map[32];
	unsigned uid = geteuid(), gid = getegid();
	if (unshare(CLONE_NEWUSER) < 0) {
		(void)printf("skipped\n");
		return;
	}
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (file_write(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    file_write(AT_FDCWD, "/proc/self/uid_map", map) < 0)
		return;
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	if (file_write(AT_FDCWD, "/proc/self/gid_map", map) == 0)
		apply_and_exec(arg);
}

static void test_apply_in_user_namespace(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT, denied = BUF_INIT;
	*arena_push(&spec.arena, spec.linux_.namespaces, spec.linux_.n_namespaces) =
		(struct spec_namespace){ .type = (char *)"user" };
	security_all_caps(&spec);
	struct security sec = prepare(&spec);
	assert_int_equal(sec.cap_missing, 0);
	assert_int_equal(in_child(in_user_namespace, &sec, &denied), 0);
	if (!strcmp(buf_str(&denied), "skipped\n"))
		skip();
	assert_line(&denied, "setgroups is denied in this user namespace");
	sec.set_groups = false;
	assert_int_equal(in_child(in_user_namespace, &sec, &out), 0);
	assert_set(&out, "CapEff", capability_mask_all());
	assert_set(&out, "CapBnd", capability_mask_all());
}

/* ---- limits ---- */

static void show_limits(const void *arg)
{
	struct error err = ERROR_INIT;
	struct rlimit now;
	if (security_apply_early(arg, &err) < 0) {
		show_error(&err);
		(void)printf("object %s\n", err.object);
		return;
	}
	(void)getrlimit(RLIMIT_NOFILE, &now);
	(void)printf("nofile %llu %llu\n", (unsigned long long)now.rlim_cur,
		     (unsigned long long)now.rlim_max);
	(void)getrlimit(RLIMIT_CORE, &now);
	(void)printf("core %llu %llu\n", (unsigned long long)now.rlim_cur,
		     (unsigned long long)now.rlim_max);
}

static void test_rlimits(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	struct spec_rlimit limits[] = { { (char *)"RLIMIT_NOFILE", 30, 40 },
					{ (char *)"RLIMIT_CORE", 0, 0 } };
	spec.process.rlimits = limits;
	spec.process.n_rlimits = 2;
	struct security sec = prepare(&spec);
	assert_int_equal(in_child(show_limits, &sec, &out), 0);
	assert_line(&out, "nofile 30 40\ncore 0 0\n");
}

static void test_rlimit_refused(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	/* above fs.nr_open nobody may go, whatever the capabilities */
	struct spec_rlimit limit = { (char *)"RLIMIT_NOFILE", 1, 3000000000u };
	spec.process.rlimits = &limit;
	spec.process.n_rlimits = 1;
	struct security sec = prepare(&spec);
	assert_int_equal(in_child(show_limits, &sec, &out), 0);
	struct rlimit now;
	char line[128];
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	(void)snprintf(line, sizeof(line), "asked for, 3000000000, is above the caller's own, %llu",
		       (unsigned long long)now.rlim_max);
	assert_line(&out, line);
	assert_line(&out, "CAP_SYS_RESOURCE");
	assert_line(&out, "object RLIMIT_NOFILE\n");
}

static void test_rlimit_wrong(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct spec_rlimit limits[] = { { (char *)"RLIMIT_CORE", 0, 0 },
					{ (char *)"RLIMIT_FILES", 1, 1 } };
	spec.process.rlimits = limits;
	spec.process.n_rlimits = 2;
	assert_refused(&spec, EINVAL, "/process/rlimits/1", "RLIMIT_FILES");
	limits[1] = (struct spec_rlimit){ (char *)"RLIMIT_AS", 2, 1 };
	assert_refused(&spec, EINVAL, "/process/rlimits/1", "above the hard limit 1");
	limits[1].type = (char *)"RLIMIT_CORE";
	assert_refused(&spec, EINVAL, "/process/rlimits/1", "twice");
}

static void test_rlimits_of_another(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct security_rlimit limit = { RLIMIT_CORE, { 0, 0 } };
	struct security sec = { .rlimits = &limit, .n_rlimits = 1 };
	pid_t pid = fork();
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_int_equal(security_apply_rlimits(&sec, pid, &err), 0);
	struct rlimit now = { 1, 1 };
	assert_int_equal(prlimit(pid, RLIMIT_CORE, NULL, &now), 0);
	assert_true(now.rlim_max == 0);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- the rest ---- */

static void show_schedule(const void *arg)
{
	struct error err = ERROR_INIT;
	char text[64];
	long before = syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 1);
	if (security_apply_early(arg, &err) < 0) {
		show_error(&err);
		return;
	}
	(void)printf("policy %d ioprio %ld personality %#x\n", sched_getscheduler(0),
		     syscall(SYS_ioprio_get, 1, 0), (unsigned)personality(0xffffffff));
	if (file_read_line(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof(text)) > 0)
		(void)printf("oom %s\n", text);
	(void)printf("keyring %s\n", syscall(SYS_keyctl, 0, -3, 0) != before ? "new" : "old");
}

static void test_schedule(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_BUF struct buf out = BUF_INIT;
	spec.process.has_scheduler = true;
	spec.process.scheduler =
		(struct spec_scheduler){ .policy = (char *)"SCHED_BATCH", .nice = 3 };
	spec.process.has_io_priority = true;
	spec.process.io_priority = (struct spec_io_priority){ (char *)"IOPRIO_CLASS_BE", 6 };
	spec.process.oom_score_adj = (struct opt_i64){ true, 777 };
	spec.linux_.personality = (char *)"LINUX32";
	struct security sec = prepare(&spec);
	assert_true(sec.new_keyring);
	assert_int_equal(in_child(show_schedule, &sec, &out), 0);
	char line[80];
	(void)snprintf(line, sizeof(line), "policy %d ioprio %d personality %#x\n", SCHED_BATCH,
		       (int)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6), PER_LINUX32);
	assert_line(&out, line);
	assert_line(&out, "oom 777\n");
	if (syscall(SYS_keyctl, 0, -3, 1) >= 0)
		assert_line(&out, "keyring new\n");
}

static void test_schedule_wrong(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	struct spec_process *proc = &spec.process;
	proc->has_scheduler = true;
	proc->scheduler.policy = (char *)"SCHED_FAST";
	assert_refused(&spec, EINVAL, "/process/scheduler/policy", "SCHED_FAST");
	proc->scheduler.policy = (char *)"SCHED_FIFO";
	assert_refused(&spec, EINVAL, "/process/scheduler/priority", "0 is not within 1..99");
	proc->has_scheduler = false;
	proc->has_io_priority = true;
	proc->io_priority = (struct spec_io_priority){ (char *)"IOPRIO_CLASS_BE", 8 };
	assert_refused(&spec, EINVAL, "/process/ioPriority/priority", "0..7");
	proc->has_io_priority = false;
	proc->oom_score_adj = (struct opt_i64){ true, -1001 };
	assert_refused(&spec, EINVAL, "/process/oomScoreAdj", "-1001");
	proc->oom_score_adj.set = false;
	spec.linux_.personality = (char *)"WINDOWS";
	assert_refused(&spec, EINVAL, "/linux/personality/domain", "WINDOWS");
}

static void test_lsm(void **state)
{
	(void)state;
	if (access("/sys/module/apparmor/parameters/enabled", F_OK) == 0 ||
	    access("/sys/fs/selinux/enforce", F_OK) == 0)
		skip();
	CLEANUP_SPEC struct spec spec = { 0 };
	spec.process.apparmor_profile = (char *)"container-default";
	assert_refused(&spec, ENOTSUP, "/process/apparmorProfile", "AppArmor is not enabled");
	spec.process.apparmor_profile = (char *)"a\nb";
	assert_refused(&spec, EINVAL, "/process/apparmorProfile", "one line");
	spec.process.apparmor_profile = (char *)"unconfined";
	assert_null(prepare(&spec).exec_label);
	spec.process.apparmor_profile = (char *)"";
	spec.process.selinux_label = (char *)"system_u:system_r:container_t:s0";
	assert_refused(&spec, ENOTSUP, "/process/selinuxLabel", "SELinux is not enabled");
}

/* A label, or this, is never written to anything but procfs's own file. */
static void forge_and_apply(const void *command)
{
	struct error err = ERROR_INIT;
	struct security sec = { .has_oom_score_adj = true,
				.oom_score_adj = 9,
				.personality = ~0UL };
	if (unshare(CLONE_NEWNS) < 0 || system("mount --make-rprivate /") != 0 ||
	    system(command) != 0)
		(void)printf("skipped\n");
	else if (security_apply_early(&sec, &err) < 0)
		show_error(&err);
	else
		(void)printf("written\n");
}

static void test_forged_proc(void **state)
{
	(void)state;
	need_root();
	static const char *const forgeries[] = {
		"mount -t tmpfs t /proc && mkdir -p /proc/self && : > /proc/self/oom_score_adj",
		"mount --bind /proc/version /proc/$PPID/oom_score_adj",
	};
	for (size_t i = 0; i < ARRAY_SIZE(forgeries); i++) {
		CLEANUP_BUF struct buf out = BUF_INIT;
		assert_int_equal(in_child(forge_and_apply, forgeries[i], &out), 0);
		if (!strcmp(buf_str(&out), "skipped\n"))
			skip();
		assert_line(&out, "error 18: cannot set oom_score_adj to 9: ");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_default_set),
		cmocka_unit_test(test_add_and_drop),
		cmocka_unit_test(test_wrong_sets),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_apply_root),
		cmocka_unit_test(test_apply_user),
		cmocka_unit_test(test_no_such_id),
		cmocka_unit_test(test_apply_in_user_namespace),
		cmocka_unit_test(test_rlimits),
		cmocka_unit_test(test_rlimit_refused),
		cmocka_unit_test(test_rlimit_wrong),
		cmocka_unit_test(test_rlimits_of_another),
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_schedule_wrong),
		cmocka_unit_test(test_lsm),
		cmocka_unit_test(test_forged_proc),
	};
	return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
