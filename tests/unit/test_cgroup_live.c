/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cgroup_live.c - the life of control groups that are really there, on whatever layout this machine
 * has: made, entered, frozen, killed, given away, removed. As root.
 */
#include "cgroup_harness.h"

/* ---- life ---- */

static void test_life(void **state UNUSED)
{
	struct cgroup *cg = make("life", NULL);
	assert_int_equal(cg->n, 1); /* nothing in v1 that nobody asked for */
	assert_false(cgroup_populated(cg));
	assert_int_equal(run_in(cg, is_member, cg), 0);

	CLEANUP_BUF struct buf text = BUF_INIT, again = BUF_INIT;
	cgroup_describe(cg, &text);
	struct cgroup *copy = NULL;
	ok(cgroup_open(buf_str(&text), &copy, &err));
	cgroup_describe(copy, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	assert_int_equal(run_in(copy, is_member, copy), 0);
	cgroup_free(copy);
	done(cg);
	assert_int_equal(cgroup_open(buf_str(&text), &copy, &err), -ENOENT);
	assert_int_equal(cgroup_open("", &copy, &err), -EINVAL);
	assert_int_equal(cgroup_open("name=a cgroup2:0:/../..", &copy, &err), -EINVAL);
	assert_int_equal(cgroup_open("name=a cgroup2", &copy, &err), -EINVAL);
}

static void test_all_groups(void **state UNUSED)
{
	NEEDS(CTL_PIDS);
	struct spec_resources res = { .pids_limit = { true, 50 } };
	if (have(CTL_MEMORY))
		res.memory.limit = (struct opt_i64){ true, 64 * MIB };
	if (have(CTL_CPUSET))
		res.cpu.cpus = (char *)"0";
	struct cgroup *cg = make("all", &res);
	assert_int_equal(run_in(cg, is_member, cg), 0);
	/* a process that was elsewhere */
	pid_t pid = fork();
	if (pid == 0)
		_exit(sleep_long(NULL));
	ok(cgroup_attach(cg, pid, &err));
	pid_t *pids = NULL;
	size_t n = 0;
	ok(cgroup_pids(cg, &pids, &n));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	assert_int_equal(cgroup_remove(cg, 50, &err), -EBUSY);
	assert_non_null(strstr(err.why, "1 processes"));
	kill(pid, SIGKILL);
	ok(cgroup_remove(cg, 2000, &err)); /* waits for it */
	wait_for(pid);
	cgroup_free(cg);
}

static void test_path(void **state UNUSED)
{
	CLEANUP_STR char *path = xasprintf("//contexe-test-%d-p/in\\ner//leaf/", (int)getpid());
	struct cgroup *cg = NULL, *other = NULL, *copy = NULL;
	struct spec_resources res = { 0 };
	if (have(CTL_PIDS))
		res.pids_limit = (struct opt_i64){ true, 5 };
	ok(cgroup_create("x", path, &res, &cg, &err));
	assert_int_equal(cg->groups[0].made, 2);
	if (have(CTL_PIDS))
		expect_file(cg, CTL_PIDS, "pids.max", "5", "pids.max", "5");
	CLEANUP_STR char *beside = xasprintf("/contexe-test-%d-p/other", (int)getpid());
	ok(cgroup_create("x", beside, NULL, &other, &err));
	assert_int_equal(other->groups[0].made, 0);
	CLEANUP_BUF struct buf text = BUF_INIT;
	cgroup_describe(cg, &text);
	ok(cgroup_open(buf_str(&text), &copy, &err));
	cgroup_free(cg);
	done(other);
	done(copy); /* with the parents that it made */
	for (size_t i = 0; i < layout_get()->n; i++) {
		CLEANUP_STR char *dir =
			xasprintf("%s/contexe-test-%d-p", layout_get()->h[i].mount, (int)getpid());
		assert_int_equal(access(dir, F_OK), -1);
	}
	assert_int_equal(cgroup_create("x", "/a/../b", NULL, &cg, &err), -EINVAL);
	assert_int_equal(cgroup_create("x", "/", NULL, &cg, &err), -EINVAL);
	assert_int_equal(cgroup_create("x/y", NULL, NULL, &cg, &err), -EINVAL);
}

static void test_taken(void **state UNUSED)
{
	struct cgroup *cg = make("taken", NULL), *second = NULL;
	pid_t pid = spawn(cg, sleep_long, NULL);
	assert_int_equal(cgroup_create(test_id("taken"), NULL, NULL, &second, &err), -EEXIST);
	assert_true(err.hint[0]);
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	/* left behind after a kill: made anew, since the kernel kills what is cloned into such a group */
	CLEANUP_STR char *below = xasprintf("%s/below", cg->groups[0].dir);
	assert_int_equal(mkdir(below, 0755), 0);
	ok(cgroup_create(test_id("taken"), NULL, NULL, &second, &err));
	assert_int_equal(run_in(second, is_member, second), 0);
	cgroup_free(cg);
	done(second);
}

static void test_nested(void **state UNUSED)
{
	struct cgroup *cg = make("nested", NULL);
	CLEANUP_STR char *a = xasprintf("%s/a", cg->groups[0].dir);
	CLEANUP_STR char *ab = xasprintf("%s/b", a), *c = xasprintf("%s/c", cg->groups[0].dir);
	assert_int_equal(mkdir(a, 0755) | mkdir(ab, 0755) | mkdir(c, 0755), 0);
	CLEANUP_FD int dir = open(ab, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_STR char *deep = xstrdup("x");
	for (int i = 0; i < 50; i++) { /* as deep as a container may like it */
		assert_int_equal(mkdirat(dir, deep, 0755), 0);
		char *next = xasprintf("%s/x", deep);
		free(deep);
		deep = next;
	}
	pid_t pid = spawn(cg, sleep_long, NULL);
	CLEANUP_STR char *procs = xasprintf("%s/cgroup.procs", ab);
	CLEANUP_STR char *text = xasprintf("%d", (int)pid);
	ok(file_write(AT_FDCWD, procs, text));
	pid_t *pids = NULL;
	size_t n = 0;
	ok(cgroup_pids(cg, &pids, &n));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);
	free(pids);
	assert_true(cgroup_populated(cg));
	if (cgroup_fd(cg) >= 0) {
		CLEANUP_FD int fd = cgroup_fd_beside(cg, pid);
		struct stat want, is;
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &is) | stat(ab, &want), 0);
		assert_int_equal(is.st_ino, want.st_ino);
		assert_int_equal(cgroup_fd_beside(cg, getpid()), -ENOENT);
	}
	ok(cgroup_kill(cg, &err));
	assert_int_equal(WTERMSIG(wait_for(pid)), SIGKILL);
	done(cg);
}

/* ---- freeze, kill ---- */

static void test_freeze(void **state UNUSED)
{
	struct cgroup *cg = make("freeze", NULL);
	pid_t pid = spawn(cg, spin, NULL);
	for (int i = 0; i < 1000 && ticks_of(pid) == 0; i++)
		usleep(10000);
	assert_false(cgroup_frozen(cg));
	ok(cgroup_freeze(cg, true, 5000, &err));
	assert_true(cgroup_frozen(cg));
	uint64_t before = ticks_of(pid);
	usleep(100000);
	assert_int_equal(ticks_of(pid), before);
	ok(cgroup_freeze(cg, true, 5000, &err)); /* again is fine */
	ok(cgroup_freeze(cg, false, 5000, &err));
	assert_false(cgroup_frozen(cg));
	for (int i = 0; i < 1000 && ticks_of(pid) == before; i++)
		usleep(10000);
	assert_true(ticks_of(pid) > before);

	ok(cgroup_freeze(cg, true, 5000, &err));
	ok(cgroup_kill(cg, &err)); /* frozen ones die too */
	assert_int_equal(WTERMSIG(wait_for(pid)), SIGKILL);
	done(cg);
}

static int fork_forever(void *arg UNUSED)
{
	pid_t pid;
	while ((pid = fork()) > -2) {
		if (pid < 0)
			usleep(1000);
		if (pid == 0)
			usleep(20000);
	}
	return 0;
}

static void test_kill_forking(void **state UNUSED)
{
	struct spec_resources res = { .pids_limit = { have(CTL_PIDS), 60 } };
	NEEDS(CTL_PIDS);
	struct cgroup *cg = make("bomb", &res);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t pid = spawn(cg, fork_forever, NULL);
	usleep(100000);
	ok(cgroup_kill(cg, &err));
	assert_int_equal(WTERMSIG(wait_for(pid)), SIGKILL);
	done(cg);
	while (waitpid(-1, NULL, 0) > 0)
		;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- devices ---- */

/* Bits: what was refused with EPERM; 64: anything unexpected. */
static int try_devices(void *arg UNUSED)
{
	static const struct {
		const char *path;
		int flags;
	} opens[] = { { "/dev/null", O_RDWR },
		      { "/dev/zero", O_RDONLY },
		      { "/dev/zero", O_WRONLY } };
	int result = 0;
	for (size_t i = 0; i < ARRAY_SIZE(opens); i++) {
		int fd = open(opens[i].path, opens[i].flags | O_CLOEXEC);
		if (fd < 0)
			result |= errno == EPERM ? 1 << i : 64;
		fd_close(fd);
	}
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/contexe-test-node-%d", (int)getpid());
	for (unsigned minor = 3; minor <= 5; minor += 2) { /* null, zero */
		if (mknod(path, S_IFCHR | 0600, makedev(1, minor)) == 0)
			(void)unlink(path);
		else
			result |= errno == EPERM ? 4 << (minor / 2) : 64;
	}
	return result;
}

#define NULL_RDWR  1
#define ZERO_READ  2
#define ZERO_WRITE 4
#define NULL_MKNOD 8
#define ZERO_MKNOD 16

static void test_devices(void **state UNUSED)
{
	struct spec_device_rule rules[] = {
		{ .allow = false, .access = (char *)"rwm" },
		{ .allow = true,
		  .type = (char *)"c",
		  .major = { true, 1 },
		  .minor = { true, 3 },
		  .access = (char *)"rwm" },
		{ .allow = true,
		  .type = (char *)"c",
		  .major = { true, 1 },
		  .minor = { true, 5 },
		  .access = (char *)"r" },
	};
	struct spec_resources res = { .devices = rules, .n_devices = 3 };
	struct cgroup *cg = make("devices", &res);
	assert_int_equal(run_in(cg, try_devices, NULL), ZERO_WRITE | ZERO_MKNOD);
	/* an update exchanges the rules, it does not add to them */
	rules[1].minor.v = 5;
	rules[2].minor.v = 3;
	ok(cgroup_update(cg, &res, &err));
	assert_int_equal(run_in(cg, try_devices, NULL), NULL_RDWR | NULL_MKNOD);
	struct spec_resources one = { .devices = rules, .n_devices = 1 };
	ok(cgroup_update(cg, &one, &err));
	assert_int_equal(run_in(cg, try_devices, NULL), 31);
	struct spec_device_rule all = { .allow = true };
	struct spec_resources open = { .devices = &all, .n_devices = 1 };
	ok(cgroup_update(cg, &open, &err));
	assert_int_equal(run_in(cg, try_devices, NULL), 0);
	done(cg);
	/* "deny all" alone, from the start */
	cg = make("devices", &one);
	assert_int_equal(run_in(cg, try_devices, NULL), 31);
	done(cg);
	/* no rules: no program */
	cg = make("devices", NULL);
	assert_int_equal(run_in(cg, try_devices, NULL), 0);
	done(cg);
}

/* Lists of any shape and length pass the kernel's verifier. */
static void test_device_lists(void **state UNUSED)
{
	static const char *const types[] = { "a", "b", "c" };
	static const char *const accesses[] = { "r", "w", "m", "rw", "rm", "wm", "rwm" };
	static struct spec_device_rule rules[1000];
	if (cgroup_layout() == CGROUP_V1)
		skip();
	srandom(7);
	for (int round = 0; round < 30; round++) {
		size_t n = round == 0 ? ARRAY_SIZE(rules) : 1 + (size_t)random() % 40;
		for (size_t i = 0; i < n; i++)
			rules[i] = (struct spec_device_rule){
				.allow = random() % 2,
				.type = (char *)types[random() % 3],
				.major = { random() % 2, random() % 4096 },
				.minor = { random() % 2, random() % 1048576 },
				.access = (char *)accesses[random() % 7],
			};
		struct spec_resources res = { .devices = rules, .n_devices = n };
		done(make("lists", &res));
	}
}

/* ---- stats, delegation ---- */

static int burn(void *arg)
{
	size_t size = *(size_t *)arg;
	if (eat_memory(&size) != 0)
		return 1;
	uint64_t end = timestamp_now_monotonic() + 300000000;
	while (timestamp_now_monotonic() < end)
		;
	return sleep_long(NULL);
}

static void test_stats(void **state UNUSED)
{
	struct cgroup *cg = make("stats", NULL);
	size_t size = 20 * MIB;
	pid_t pid = spawn(cg, burn, &size);
	for (int i = 0; i < 2000 && state_of(pid) != 'S'; i++)
		usleep(10000);
	struct cgroup_stats st;
	ok(cgroup_stats(cg, &st, &err));
	assert_false(st.missing & (CGROUP_STATS_CPU | CGROUP_STATS_MEMORY | CGROUP_STATS_PIDS));
	assert_true(st.cpu_usage_ns > 50000000ull && st.cpu_usage_ns < 60000000000ull);
	assert_true(st.memory_usage >= size && st.memory_usage < size + 64 * MIB);
	assert_int_equal(st.pids, 1);
	assert_true(st.memory_limit == UINT64_MAX && st.pids_limit == UINT64_MAX);
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	done(cg);
}

static int count_v1(void *arg, const char *controllers, const char *dir)
{
	struct stat st;
	assert_true(controllers[0]);
	assert_int_equal(stat(dir, &st), 0);
	(*(int *)arg)++;
	return 0;
}

static void test_delegate(void **state UNUSED)
{
	struct spec_resources res = { .pids_limit = { have(CTL_PIDS), 7 } };
	struct cgroup *cg = make("delegate", &res);
	ok(cgroup_delegate(cg, 65534, 65534, &err));
	for (size_t i = 0; i < cg->n; i++) {
		struct stat st;
		assert_int_equal(fstatat(cg->groups[i].fd, "", &st, AT_EMPTY_PATH), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(fstatat(cg->groups[i].fd, "cgroup.procs", &st, 0), 0);
		assert_int_equal(st.st_gid, 65534);
		if (fstatat(cg->groups[i].fd, "pids.max", &st, 0) == 0)
			assert_int_equal(st.st_uid, 0); /* the limit stays ours */
	}
	int n = 0;
	assert_int_equal(cgroup_each_v1(cg, count_v1, &n), 0);
	assert_int_equal(n, cg->n - (cgroup_fd(cg) >= 0));
	done(cg);
}

/* ---- as somebody else: in a process of its own, because the layout is looked up once ---- */

static int as_nobody(void)
{
	struct cgroup *cg = NULL;
	struct spec_resources res = { .pids_limit = { true, 5 } };
	struct spec_device_rule deny = { .allow = false };
	struct spec_resources devices = { .devices = &deny, .n_devices = 1 };
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (cgroup_layout() != CGROUP_NONE)
		return 2;
	if (cgroup_create("nobody", NULL, &res, &cg, &err) != -EOPNOTSUPP || !err.hint[0])
		return 3;
	if (cgroup_create("nobody", NULL, &devices, &cg, &err) < 0 || cgroup_fd(cg) != FD_NONE)
		return 4;
	CLEANUP_BUF struct buf text = BUF_INIT;
	struct cgroup *copy = NULL;
	cgroup_describe(cg, &text);
	if (cgroup_open(buf_str(&text), &copy, &err) < 0 || cgroup_enter(copy, true) < 0)
		return 5;
	cgroup_free(copy);
	if (cgroup_kill(cg, &err) != -EOPNOTSUPP || cgroup_freeze(cg, true, 1, &err) != -EOPNOTSUPP)
		return 6;
	int r = cgroup_remove(cg, 0, &err);
	cgroup_free(cg);
	return r < 0 ? 7 : 0;
}

/* In a group that root gave to it: the base is that group. */
static int as_delegate(const char *dir)
{
	struct cgroup *cg = NULL;
	CLEANUP_STR char *procs = xasprintf("%s/cgroup.procs", dir);
	if (file_write(AT_FDCWD, procs, "0") < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (prctl(PR_SET_DUMPABLE, 1) < 0 || cgroup_layout() == CGROUP_NONE)
		return 2;
	if (cgroup_create("mine", NULL, NULL, &cg, &err) < 0)
		return 3;
	CLEANUP_STR char *want = xasprintf("%s/contexe-mine", dir);
	if (strcmp(cg->groups[0].dir, want) != 0)
		return 4;
	if (run_in(cg, is_member, cg) != 0)
		return 5;
	if (cgroup_remove(cg, 1000, &err) < 0)
		return 6;
	cgroup_free(cg);
	return 0;
}

static int unprivileged[2]; /* exit statuses */

static void run_unprivileged(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();
		char dir[128] = "";
		if (pid == 0 && i == 0)
			_exit(as_nobody());
		if (pid == 0) { /* root reads its own layout in yet another process */
			int fds[2];
			if (pipe2(fds, O_CLOEXEC) < 0)
				_exit(90);
			pid_t maker = fork();
			if (maker == 0) {
				struct cgroup *cg = NULL;
				if (cgroup_create(test_id("given"), NULL, NULL, &cg, &err) < 0 ||
				    cgroup_delegate(cg, 65534, 65534, &err) < 0)
					_exit(91);
				_exit(write(fds[1], cg->groups[0].dir, strlen(cg->groups[0].dir)) <
				      0);
			}
			int status = 0;
			(void)waitpid(maker, &status, 0);
			if (status != 0 || read(fds[0], dir, sizeof(dir) - 1) <= 0)
				_exit(WEXITSTATUS(status));
			pid_t child = fork();
			if (child == 0)
				_exit(as_delegate(dir));
			(void)waitpid(child, &status, 0);
			_exit(rmdir(dir) < 0 ? 92 : WEXITSTATUS(status));
		}
		int status = 0;
		(void)waitpid(pid, &status, 0);
		unprivileged[i] = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
	}
}

static void test_unprivileged(void **state UNUSED)
{
	assert_int_equal(unprivileged[0], 0);
	assert_int_equal(unprivileged[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),	     cmocka_unit_test(test_all_groups),
		cmocka_unit_test(test_path),	     cmocka_unit_test(test_taken),
		cmocka_unit_test(test_nested),	     cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_kill_forking), cmocka_unit_test(test_devices),
		cmocka_unit_test(test_device_lists), cmocka_unit_test(test_stats),
		cmocka_unit_test(test_delegate),     cmocka_unit_test(test_unprivileged),
	};
	if (geteuid() != 0)
		return 77; /* meson: skipped */
	run_unprivileged();
	if (cgroup_layout() == CGROUP_NONE)
		return 77;
	return cmocka_run_group_tests(tests, NULL, sweep);
}
