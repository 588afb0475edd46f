/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cgroup_limits.c - limits that the kernel enforces, refused limits, and updates, on whatever layout
 * this machine has. As root; what needs a controller that is not here is skipped.
 */
#include "cgroup_harness.h"

/* ---- limits ---- */

static void test_memory(void **state UNUSED)
{
	NEEDS(CTL_MEMORY);
	struct spec_resources res = { .memory.limit = { true, 16 * MIB } };
	struct cgroup *cg = make("memory", &res);
	expect_file(cg, CTL_MEMORY, "memory.limit_in_bytes", "16777216", "memory.max", "16777216");
	size_t little = 4 * MIB, much = 64 * MIB;
	assert_int_equal(run_in(cg, eat_memory, &little), 0);
	assert_int_equal(run_in(cg, eat_memory, &much), 1000 + SIGKILL);
	struct cgroup_stats st;
	ok(cgroup_stats(cg, &st, &err));
	assert_true(st.memory_limit == 16 * MIB);
	assert_true(st.oom_kills >= 1);
	if (!(st.missing & CGROUP_STATS_PEAK))
		assert_true(st.memory_peak > 8 * MIB && st.memory_peak <= 16 * MIB);
	done(cg);
}

static int fork_some(void *arg)
{
	int want = *(int *)arg, made = 0, failed = 0;
	while (made < want) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(sleep_long(NULL));
		if (pid < 0) {
			failed = errno;
			break;
		}
		made++;
	}
	return failed == EAGAIN ? made : 77;
}

static void test_pids(void **state UNUSED)
{
	NEEDS(CTL_PIDS);
	struct spec_resources res = { .pids_limit = { true, 4 } };
	struct cgroup *cg = make("pids", &res);
	int want = 10;
	assert_int_equal(run_in(cg, fork_some, &want), 3); /* and itself */
	ok(cgroup_kill(cg, &err));
	done(cg);
}

static void test_cpu_quota(void **state UNUSED)
{
	NEEDS(CTL_CPU);
	struct spec_resources res = { .cpu = { .quota = { true, 10000 },
					       .period = { true, 50000 } } };
	struct cgroup *cg = make("cpu", &res);
	pid_t pid = spawn(cg, spin, NULL);
	uint64_t start = timestamp_now_monotonic(),
		 tick = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	usleep(1000000);
	kill(pid, SIGSTOP);
	uint64_t used = ticks_of(pid) * tick, wall = timestamp_now_monotonic() - start;
	assert_true(used < wall * 35 / 100); /* 20 % and a wide margin */
	struct cgroup_stats st;
	ok(cgroup_stats(cg, &st, &err));
	assert_false(st.missing & CGROUP_STATS_THROTTLE);
	assert_true(st.cpu_periods > 0 && st.cpu_throttled_periods > 0 && st.cpu_throttled_ns > 0);
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	done(cg);
}

static void test_errors(void **state UNUSED)
{
	struct spec_hugepage huge = { .page_size = (char *)"3MB", .limit = 1 };
	struct spec_throttle dev = { .major = 4000, .minor = 77, .rate = 1 << 20 };
	struct {
		enum controller ctl;
		struct spec_resources res;
		const char *object; /* part of it */
	} cases[] = {
		{ CTL_CPU, { .cpu = { .quota = { true, 10 } } }, "cpu." },
		{ CTL_CPU, { .cpu = { .quota = { true, 9000 }, .period = { true, 5 } } }, "cpu." },
		{ CTL_CPUSET, { .cpu = { .cpus = (char *)"4000" } }, "cpuset.cpus" },
		{ CTL_CPUSET, { .cpu = { .mems = (char *)"777" } }, "cpuset.mems" },
		{ CTL_HUGETLB, { .hugepages = &huge, .n_hugepages = 1 }, "hugetlb.3MB." },
		{ CTL_IO, { .block_io.read_bps = { &dev, 1 } }, "io" },
		{ CTL_MEMORY, { .memory = { .swap = { true, 4096 } } }, "memory." },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup *cg = NULL;
		if (!have(cases[i].ctl))
			continue;
		if (cgroup_create(test_id("errors"), NULL, &cases[i].res, &cg, &err) == 0)
			fail_msg("case %zu was taken", i);
		if (!strstr(err.object, cases[i].object) || !err.why[0] || !err.hint[0])
			fail_msg("case %zu: %s: %s; %s", i, err.object, err.why, err.hint);
		for (size_t k = 0; k < layout_get()->n; k++) { /* nothing is left */
			CLEANUP_STR char *dir = xasprintf("%s/contexe-%s", layout_get()->h[k].mount,
							  test_id("errors"));
			assert_int_equal(access(dir, F_OK), -1);
		}
	}
	struct spec_network net = { .class_id = { true, 1 } };
	struct spec_resources absent = { .network = net };
	struct cgroup *cg = NULL;
	if (!have(CTL_NET_CLS))
		assert_int_equal(cgroup_create(test_id("errors"), NULL, &absent, &cg, &err),
				 -EOPNOTSUPP);
}

/* ---- update ---- */

static int hold_memory(void *arg)
{
	return eat_memory(arg) == 0 ? sleep_long(NULL) : 1;
}

static uint64_t usage(const struct cgroup *cg)
{
	struct cgroup_stats st = { 0 };
	ok(cgroup_stats(cg, &st, &err));
	return st.memory_usage;
}

static void test_update(void **state UNUSED)
{
	NEEDS(CTL_PIDS);
	NEEDS(CTL_CPU);
	struct cgroup *cg = make("update", NULL);
	pid_t pid = spawn(cg, sleep_long, NULL);
	struct spec_resources res = { .pids_limit = { true, 9 },
				      .cpu = { .quota = { true, 20000 },
					       .period = { true, 100000 } } };
	ok(cgroup_update(cg, &res, &err)); /* v1: makes the groups and moves the process */
	expect_file(cg, CTL_PIDS, "pids.max", "9", "pids.max", "9");
	expect_file(cg, CTL_CPU, "cpu.cfs_quota_us", "20000", "cpu.max", "20000 100000");
	for (size_t i = 0; i < cg->n; i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		CLEANUP_STR char *mine = xasprintf("%d\n", (int)pid);
		ok(file_read(cg->groups[i].fd, "cgroup.procs", 4096, &text));
		assert_string_equal(buf_str(&text), mine);
	}
	/* quota 200 ms of 100 ms, then a period against which the old quota would be refused */
	struct spec_resources more = { .cpu = { .quota = { true, 200000 } } };
	ok(cgroup_update(cg, &more, &err));
	expect_file(cg, CTL_CPU, "cpu.cfs_quota_us", "200000", "cpu.max", "200000 100000");
	struct spec_resources period = { .cpu = { .period = { true, 50000 } } };
	ok(cgroup_update(cg, &period, &err));
	expect_file(cg, CTL_CPU, "cpu.cfs_quota_us", "200000", "cpu.max", "200000 50000");
	/* one of two is refused: the other is put back */
	struct spec_resources bad = { .pids_limit = { true, 33 }, .cpu = { .quota = { true, 3 } } };
	assert_true(cgroup_update(cg, &bad, &err) < 0);
	assert_non_null(strstr(err.why, "cpu.quota 3"));
	expect_file(cg, CTL_PIDS, "pids.max", "9", "pids.max", "9");
	expect_file(cg, CTL_CPU, "cpu.cfs_quota_us", "200000", "cpu.max", "200000 50000");
	struct spec_resources none = { .pids_limit = { true, -1 },
				       .cpu = { .quota = { true, -1 } } };
	ok(cgroup_update(cg, &none, &err));
	expect_file(cg, CTL_PIDS, "pids.max", "max", "pids.max", "max");
	expect_file(cg, CTL_CPU, "cpu.cfs_quota_us", "-1", "cpu.max", "max 50000");
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	done(cg);
}

/* In a nested container: refused, and the groups below stay usable. */
static void test_base_with_processes(void **state UNUSED)
{
	const struct hierarchy *v2 = layout_v2(layout_get());
	struct cgroup *cg = NULL;
	struct spec_resources res = { .pids_limit = { true, 5 } };
	if (!v2 || base_is_free(v2) || !(hierarchy_v2_controllers(v2) & CTL_BIT(CTL_PIDS)))
		skip();
	assert_int_equal(cgroup_create(test_id("nested"), NULL, &res, &cg, &err), -EBUSY);
	assert_non_null(strstr(err.why, "pids"));
	assert_true(err.hint[0]);
	cg = make("nested", NULL);
	assert_int_equal(run_in(cg, is_member, cg), 0);
	done(cg);
}

/* A group that the update made is gone again when the update fails, and its process back. */
static void test_update_undone(void **state UNUSED)
{
	NEEDS(CTL_CPU);
	if (!layout_v1(layout_get(), CTL_CPU))
		skip();
	struct cgroup *cg = make("undone", NULL);
	pid_t pid = spawn(cg, sleep_long, NULL);
	struct spec_resources bad = { .cpu = { .quota = { true, 3 } } };
	assert_true(cgroup_update(cg, &bad, &err) < 0);
	assert_int_equal(cg->n, 1);
	CLEANUP_STR char *dir = xasprintf("%s/contexe-%s", layout_v1(layout_get(), CTL_CPU)->mount,
					  test_id("undone"));
	assert_int_equal(access(dir, F_OK), -1);
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	done(cg);
}

static void test_update_memory(void **state UNUSED)
{
	NEEDS(CTL_MEMORY);
	struct spec_resources res = { .memory.limit = { true, 128 * MIB } };
	struct cgroup *cg = make("shrink", &res);
	size_t size = 32 * MIB;
	pid_t pid = spawn(cg, hold_memory, &size);
	for (int i = 0; i < 2000 && usage(cg) < size; i++)
		usleep(10000);
	res.memory.limit.v = 8 * MIB;
	assert_int_equal(cgroup_update(cg, &res, &err), -EBUSY);
	assert_true(err.why[0] && err.hint[0]);
	assert_int_not_equal(state_of(pid), 'Z'); /* it was not killed for it */
	expect_file(cg, CTL_MEMORY, "memory.limit_in_bytes", "134217728", "memory.max",
		    "134217728");
	res.memory.limit.v = 64 * MIB;
	ok(cgroup_update(cg, &res, &err));
	expect_file(cg, CTL_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864");
	ok(cgroup_kill(cg, &err));
	wait_for(pid);
	done(cg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),	      cmocka_unit_test(test_pids),
		cmocka_unit_test(test_cpu_quota),     cmocka_unit_test(test_errors),
		cmocka_unit_test(test_update),	      cmocka_unit_test(test_base_with_processes),
		cmocka_unit_test(test_update_undone), cmocka_unit_test(test_update_memory),
	};
	if (geteuid() != 0 || cgroup_layout() == CGROUP_NONE)
		return 77; /* meson: skipped */
	return cmocka_run_group_tests(tests, NULL, sweep);
}
