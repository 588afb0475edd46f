/* SPDX-License-Identifier: Apache-2.0 */
/* test_procview.c - every view from given facts; the answers of sys/viewfs.h; load averages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "procview/gather.h"
#include "procview/text.h"
#include "procview/view.h"
#include "sys/viewfs.h"

#define SECOND 1000000000ull
#define MIB    (1024ull * 1024)

static struct facts four_cpus(const char *kernel)
{
	struct facts f;
	facts_init(&f);
	f.kernel = kernel;
	f.cpus[0] = 0xf;
	return f;
}

static void shows(view_fn *fn, const struct facts *f, const char *want)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	assert_int_equal(fn(f, &out), 0);
	assert_string_equal(buf_str(&out), want);
}

static void leaves(view_fn *fn, const struct facts *f)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	assert_int_equal(fn(f, &out), 1);
	assert_int_equal(out.len, 0);
}

static void test_cpus(void **state)
{
	(void)state;
	struct facts f = four_cpus("");
	shows(view_cpu_online, &f, "0-3\n");
	f.quota = 1500;
	assert_int_equal(facts_cpus(&f), 2);
	shows(view_cpu_present, &f, "0-1\n");
	f.quota = 1;
	shows(view_cpu_online, &f, "0\n");
	f.quota = 99000;
	f.cpus[0] = 0xd1; /* 0, 4, 6, 7 */
	shows(view_cpu_online, &f, "0,4,6-7\n");
	f.quota = 3000;
	shows(view_cpu_online, &f, "0,4,6\n");
	assert_true(facts_has_cpu(&f, 6));
	assert_false(facts_has_cpu(&f, 7));
	assert_false(facts_has_cpu(&f, 1));
	assert_false(facts_has_cpu(&f, FACTS_MAX_CPUS));
	memset(f.cpus, 0xff, sizeof(f.cpus));
	f.quota = FACT_UNKNOWN;
	shows(view_cpu_online, &f, "0-4095\n");
	memset(f.cpus, 0, sizeof(f.cpus));
	leaves(view_cpu_online, &f);
	assert_int_equal(facts_cpus(&f), 1);
}

static void test_cpuinfo(void **state)
{
	(void)state;
	struct facts f = four_cpus("processor\t: 0\nmodel name\t: x\n\n"
				   "processor\t: 1\nmodel name\t: y\n\n"
				   "processor\t: 5\nmodel name\t: z\n\nHardware\t: board\n");
	f.cpus[0] = 0x22;
	shows(view_cpuinfo, &f,
	      "processor\t: 1\nmodel name\t: y\n\nprocessor\t: 5\nmodel name\t: z\n\n"
	      "Hardware\t: board\n");
	f.quota = 1000;
	shows(view_cpuinfo, &f, "processor\t: 1\nmodel name\t: y\n\nHardware\t: board\n");
	f.kernel = "";
	shows(view_cpuinfo, &f, "");
}

static const char meminfo[] = "MemTotal:        8000000 kB\n"
			      "MemFree:         7000000 kB\n"
			      "MemAvailable:    7500000 kB\n"
			      "Cached:           100000 kB\n"
			      "Active(anon):       5000 kB\n"
			      "Slab:              99999 kB\n"
			      "SwapTotal:       1048576 kB\n"
			      "SwapFree:        1000000 kB\n"
			      "VmallocTotal:   34359738367 kB\n"
			      "HugePages_Total:       3\n";

static void test_meminfo(void **state)
{
	(void)state;
	struct facts f = four_cpus(meminfo);
	leaves(view_meminfo, &f);
	f.memory_usage = 30 * MIB;
	f.memory_limit = 8000001ull * 1024;
	leaves(view_meminfo, &f);
	f.memory_limit = 100 * MIB;
	f.swap_limit = 50 * MIB;
	f.swap_usage = 20 * MIB;
	f.memory_stat = "anon 5242880\nfile 10485760\nactive_anon 4194304\nactive_file 1048576\n"
			"inactive_file 2097152\nslab_reclaimable 1048576\n"
			"slab_unreclaimable 3145728\n";
	shows(view_meminfo, &f,
	      "MemTotal:         102400 kB\n"
	      "MemFree:           71680 kB\n"
	      "MemAvailable:      75776 kB\n"
	      "Cached:            10240 kB\n"
	      "Active(anon):       4096 kB\n"
	      "Slab:               4096 kB\n"
	      "SwapTotal:         51200 kB\n"
	      "SwapFree:          30720 kB\n"
	      "VmallocTotal:   34359738367 kB\n"
	      "HugePages_Total:       3\n");
	/* more is used than is allowed, for a moment; swap is not limited, nor counted */
	f.memory_usage = 120 * MIB;
	f.swap_limit = f.swap_usage = FACT_UNKNOWN;
	f.memory_stat = NULL;
	CLEANUP_BUF struct buf out = BUF_INIT;
	assert_int_equal(view_meminfo(&f, &out), 0);
	uint64_t v = 1;
	assert_true(text_find(buf_str(&out), "MemFree", ':', &v) && v == 0);
	assert_true(text_find(buf_str(&out), "MemAvailable", ':', &v) && v == 0);
	assert_true(text_find(buf_str(&out), "SwapTotal", ':', &v) && v == 1048576);
	assert_true(text_find(buf_str(&out), "SwapFree", ':', &v) && v == 1048576);
}

static void test_swaps(void **state)
{
	(void)state;
	static const char heading[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
	struct facts f = four_cpus("Filename Type Size Used Priority\n"
				   "/dev/sda2 partition 1000000 5 -2\n/swap file 48576 0 -3\n");
	leaves(view_swaps, &f);
	f.swap_limit = 0;
	shows(view_swaps, &f, heading);
	f.swap_limit = 10 * MIB;
	f.swap_usage = 4 * MIB;
	CLEANUP_STR char *want =
		xasprintf("%snone\t\t\t\t\tvirtual\t\t10240\t\t4096\t\t0\n", heading);
	shows(view_swaps, &f, want);
	f.swap_limit = 1ull << 50; /* not more than there is */
	CLEANUP_STR char *all =
		xasprintf("%snone\t\t\t\t\tvirtual\t\t1048576\t\t4096\t\t0\n", heading);
	shows(view_swaps, &f, all);
}

static void test_time(void **state)
{
	(void)state;
	struct facts f = four_cpus("");
	f.uptime = 100 * SECOND + 50000000;
	f.cpu_user = 10 * SECOND;
	f.cpu_system = 2 * SECOND;
	f.quota = 2000;
	shows(view_uptime, &f, "100.05 188.10\n");
	f.cpu_user = 1000 * SECOND; /* more than there was: a quota that was lowered */
	shows(view_uptime, &f, "100.05 0.00\n");
}

static void test_stat(void **state)
{
	(void)state;
	struct facts f =
		four_cpus("cpu  9 9 9 9\ncpu0 9 9\ncpu1 9 9\ncpu2 9 9\nintr 5 1 2\nctxt 7\n"
			  "btime 100\nprocesses 8\nprocs_running 9\nprocs_blocked 9\n");
	f.uptime = 100 * SECOND;
	f.wall = 1000000;
	f.cpu_user = 10 * SECOND;
	f.cpu_system = 2 * SECOND;
	f.quota = 2000;
	f.running = 3;
	f.blocked = 1;
	shows(view_stat, &f,
	      "cpu  1000 0 200 18800 0 0 0 0 0 0\ncpu0 500 0 100 9400 0 0 0 0 0 0\n"
	      "cpu1 500 0 100 9400 0 0 0 0 0 0\nintr 5 1 2\nctxt 7\nbtime 999900\nprocesses 8\n"
	      "procs_running 3\nprocs_blocked 1\n");
}

static void test_loadavg(void **state)
{
	(void)state;
	struct facts f = four_cpus("");
	f.load[0] = 1.234;
	f.load[1] = 0.5;
	f.tasks = 12;
	f.last_pid = 99;
	shows(view_loadavg, &f, "1.23 0.50 0.00 1/12 99\n"); /* the reader runs */
}

static void test_diskstats(void **state)
{
	(void)state;
	struct facts f = four_cpus("   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
				   " 254       1 dm-1 1 2 3 4 5 6 7 8 9 10 11\n");
	shows(view_diskstats, &f, "");
	f.io_stat = "8:16 rbytes=512 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n"
		    "254:1 rbytes=4096 wbytes=8192 rios=2 wios=3 dbytes=512 dios=1\n";
	shows(view_diskstats, &f, " 254       1 dm-1 2 0 8 0 3 0 16 0 0 0 0 1 0 1 0 0 0\n");
}

static void test_vmstat(void **state)
{
	(void)state;
	struct facts f = four_cpus("nr_free_pages 5\nnr_shmem 6\npgfault 7\nnuma_hit 8\n");
	leaves(view_vmstat, &f);
	f.memory_stat = "shmem 8192\npgfault 42\n";
	f.memory_limit = 10 * 4096;
	f.memory_usage = 4 * 4096;
	shows(view_vmstat, &f, "nr_free_pages 6\nnr_shmem 2\npgfault 42\nnuma_hit 0\n");
	f.memory_limit = FACT_UNKNOWN;
	shows(view_vmstat, &f, "nr_free_pages 0\nnr_shmem 2\npgfault 42\nnuma_hit 0\n");
}

static void test_the_others(void **state)
{
	(void)state;
	struct facts f = four_cpus("slabinfo - version: 2.1\n# name <objs>\nkmalloc-8 1 2 3\n");
	shows(view_slabinfo, &f, "slabinfo - version: 2.1\n# name <objs>\n");
	f.kernel = "31000\n";
	leaves(view_threads_max, &f);
	f.tasks_limit = 40000;
	leaves(view_threads_max, &f);
	f.tasks_limit = 50;
	shows(view_threads_max, &f, "50\n");
	leaves(view_pressure_cpu, &f);
	f.pressure_cpu = "some 1\n";
	f.pressure_io = "some 2\n";
	f.pressure_memory = "some 3\n";
	shows(view_pressure_cpu, &f, "some 1\n");
	shows(view_pressure_io, &f, "some 2\n");
	shows(view_pressure_memory, &f, "some 3\n");
}

/* No view may stumble over a text of any kind. */
static void test_any_text(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",	     "\n",	    "cpu",	   "cpu\n",
		"processor", "a:b:c\n\n\n", "MemTotal:\n", "MemTotal: 8 kB",
		"/x y",	     "8 0"
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (uint64_t n = VIEWFS_FIRST; n <= VIEWFS_LAST; n++) {
			CLEANUP_BUF struct buf out = BUF_INIT;
			struct facts f = four_cpus(texts[i]);
			f.memory_stat = f.io_stat = texts[i];
			f.memory_limit = f.memory_usage = f.swap_limit = 1;
			assert_in_range(view_find(n)->fn(&f, &out), 0, 1);
		}
}

static void test_load(void **state)
{
	(void)state;
	struct viewfs_load l = { 0 };
	/* one of one processor for ten minutes, unseen: what a machine's own would be by now */
	load_catch_up(&l, 700 * SECOND, 100 * SECOND, 600 * SECOND);
	assert_true(l.average[0] > 0.99 && l.average[0] <= 1.0);
	assert_true(l.average[1] > 0.85 && l.average[1] < 0.88);
	assert_true(l.average[2] > 0.48 && l.average[2] < 0.50);
	/* too soon to tell more */
	struct viewfs_load before = l;
	load_catch_up(&l, 701 * SECOND, 100 * SECOND, 601 * SECOND);
	assert_memory_equal(&before, &l, sizeof(l));
	/* three run, for a minute in steps */
	for (uint64_t t = 705; t <= 760; t += 5)
		load_sample(&l, t * SECOND, 3, 600 * SECOND);
	assert_true(l.average[0] > 2.2 && l.average[0] < 2.3);
	/* nothing for an hour */
	load_catch_up(&l, 4360 * SECOND, 100 * SECOND, 600 * SECOND);
	assert_true(l.average[0] < 0.01 && l.average[2] < 0.05);
	/* a container that was restored: it counts from there */
	load_catch_up(&l, 50 * SECOND, 40 * SECOND, 0);
	assert_true(l.at == 50 * SECOND && l.average[0] == 0);
}

static void test_answers(void **state)
{
	(void)state;
	struct fuse_in_header req = { .len = sizeof(req), .opcode = FUSE_GETATTR, .unique = 77 };
	union viewfs_answer a;

	assert_int_equal(viewfs_files[0].number, VIEWFS_FIRST);
	assert_int_equal(viewfs_files[VIEWFS_COUNT - 1].number, VIEWFS_LAST);
	for (size_t i = 0; i < VIEWFS_COUNT; i++) {
		assert_int_equal(viewfs_files[i].number, VIEWFS_FIRST + i);
		assert_non_null(view_find(viewfs_files[i].number));
	}
	assert_null(viewfs_find(0));
	assert_null(viewfs_find(VIEWFS_LAST + 1));

	req.nodeid = 1;
	assert_int_equal(viewfs_answer_file(&req, &a, 0), VIEWFS_SEND);
	assert_true(S_ISDIR(a.body.attr.attr.mode) && a.header.unique == 77);
	req.nodeid = 5;
	assert_int_equal(viewfs_answer_file(&req, &a, 0), VIEWFS_SIZE);
	assert_true(S_ISREG(a.body.attr.attr.mode));
	assert_int_equal(a.body.attr.attr_valid, 0);

	req.opcode = FUSE_OPEN;
	assert_int_equal(viewfs_answer_file(&req, &a, 1234), VIEWFS_SEND);
	assert_int_equal(a.body.open.fh, 1234);
	assert_true(a.body.open.open_flags & FOPEN_DIRECT_IO);
	assert_int_equal(viewfs_answer_tree(&req, &req + 1, &a), VIEWFS_CONTENT);
	req.nodeid = 99; /* of a version to come */
	assert_int_equal(viewfs_answer_file(&req, &a, 1), VIEWFS_SEND);
	assert_int_equal(a.header.error, -5);
	req.opcode = FUSE_READ;
	assert_int_equal(viewfs_answer_file(&req, &a, 1), VIEWFS_SEND);
	assert_int_equal(a.header.error, -5);

	req.opcode = FUSE_FORGET;
	assert_int_equal(viewfs_answer_file(&req, &a, 1), VIEWFS_SILENT);
	req.opcode = FUSE_SETXATTR;
	assert_int_equal(viewfs_answer_file(&req, &a, 1), VIEWFS_SEND);
	assert_int_equal(a.header.error, -38);
}

static void test_first_answers(void **state)
{
	(void)state;
	struct {
		struct fuse_in_header head;
		union {
			struct fuse_init_in init;
			struct fuse_read_in read;
		};
	} req = { .head = { .opcode = FUSE_INIT } };
	union viewfs_answer a;

	req.init.major = 7;
	req.init.minor = 31;
	assert_int_equal(viewfs_answer_tree(&req.head, &req.init, &a), VIEWFS_SEND);
	assert_int_equal(a.body.init.minor, 31);
	req.init.minor = 1000;
	assert_int_equal(viewfs_answer_tree(&req.head, &req.init, &a), VIEWFS_SEND);
	assert_int_equal(a.body.init.minor, FUSE_KERNEL_MINOR_VERSION);

	memset(&req.read, 0, sizeof(req.read));
	req.head.opcode = FUSE_READDIRPLUS;
	assert_int_equal(viewfs_answer_tree(&req.head, &req.read, &a), VIEWFS_SEND);
	assert_true(a.header.len <= sizeof(a));
	size_t at = sizeof(a.header), n = 0;
	while (at < a.header.len) {
		struct fuse_direntplus *d = (void *)(a.bytes + at);
		char name[VIEWFS_NAME_MAX];
		size_t size = viewfs_name((uint32_t)d->entry_out.nodeid, name);
		assert_int_equal(d->dirent.namelen, size);
		assert_memory_equal(d->dirent.name, name, size);
		at += FUSE_DIRENTPLUS_SIZE(d);
		n++;
	}
	assert_int_equal(n, VIEWFS_COUNT);
	assert_int_equal(at, a.header.len);
	req.read.offset = n;
	assert_int_equal(viewfs_answer_tree(&req.head, &req.read, &a), VIEWFS_SEND);
	assert_int_equal(a.header.len, sizeof(a.header));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus),	 cmocka_unit_test(test_cpuinfo),
		cmocka_unit_test(test_meminfo),	 cmocka_unit_test(test_swaps),
		cmocka_unit_test(test_time),	 cmocka_unit_test(test_stat),
		cmocka_unit_test(test_loadavg),	 cmocka_unit_test(test_diskstats),
		cmocka_unit_test(test_vmstat),	 cmocka_unit_test(test_the_others),
		cmocka_unit_test(test_any_text), cmocka_unit_test(test_load),
		cmocka_unit_test(test_answers),	 cmocka_unit_test(test_first_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
