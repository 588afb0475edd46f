/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c - what the cgroup room decides without a kernel: layouts, conversions, plans, device programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/fd.h"
#include "container/cgroup/convert.h"
#include "container/cgroup/device_program.h"
#include "container/cgroup/limits.h"
#include "container/cgroup/watch.h"

static struct error unheard;

/* ---- layouts ---- */

#define TMPFS "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
#define V2                                                                                         \
	"38 31 0:41 / /sys/fs/cgroup/unified rw,relatime shared:4 master:2 - cgroup2 cgroup2 rw\n"
#define CPU   "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define NAMED "37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
#define INNER "90 31 0:41 / /srv/web/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
#define ODD   "91 31 0:33 /a\\040b /sys/fs/cgroup/me\\134m ro - cgroup cgroup rw,memory\n"

static void parse(struct layout *l, const char *text)
{
	memset(l, 0, sizeof(*l));
	char *copy = strdup(text);
	layout_parse(l, copy);
	free(copy);
}

static void test_layout(void **state UNUSED)
{
	struct layout l;
	parse(&l, TMPFS INNER V2 CPU NAMED ODD);
	assert_int_equal(l.n, 3);
	const struct hierarchy *h = layout_named(&l, "cgroup2", 7);
	assert_non_null(h);
	assert_true(h->v2);
	assert_string_equal(h->mount, "/sys/fs/cgroup/unified"); /* not the container's */
	h = layout_named(&l, "cpu,cpuacct", 11);
	assert_non_null(h);
	assert_int_equal(h->controllers, CTL_BIT(CTL_CPU) | CTL_BIT(CTL_CPUACCT));
	h = layout_named(&l, "memory", 6);
	assert_non_null(h);
	assert_string_equal(h->mount, "/sys/fs/cgroup/me\\m");
	assert_string_equal(h->root, "/a b");
	assert_null(layout_named(&l, "cpu", 3));
	assert_null(layout_v1(&l, CTL_MEMORY)); /* there is no such mount */
	assert_null(layout_v1(&l, CTL_NONE));
	layout_done(&l);

	/* what is hidden by a later mount does not count, not even at the usual place */
	parse(&l, TMPFS V2 CPU "60 27 0:60 / /sys/fs/cgroup rw - cgroup2 none rw\n");
	assert_int_equal(l.n, 2);
	h = layout_named(&l, "cgroup2", 7);
	assert_non_null(h);
	assert_string_equal(h->mount, "/sys/fs/cgroup");
	layout_done(&l);
	parse(&l, V2 "60 27 0:60 / /sys/fs/cgroup/uni rw - cgroup2 none rw\n");
	assert_string_equal(layout_named(&l, "cgroup2", 7)->mount, "/sys/fs/cgroup/unified");
	layout_done(&l);

	parse(&l, INNER "garbage\n\n1 2 3 - cgroup2\n");
	assert_int_equal(l.n, 1);
	assert_string_equal(l.h[0].mount, "/srv/web/sys/fs/cgroup");
	layout_done(&l);
	parse(&l, "");
	assert_int_equal(l.n, 0);
}

static void test_octal(void **state UNUSED)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	octal_encode(&b, "/a b\\\n");
	assert_string_equal(buf_str(&b), "/a\\040b\\134\\012");
	octal_decode(b.data);
	assert_string_equal(b.data, "/a b\\\n");
	char broken[] = "\\04\\9xx\\";
	octal_decode(broken);
	assert_string_equal(broken, "\\04\\9xx\\");
}

static void test_controllers(void **state UNUSED)
{
	for (unsigned i = 0; i < N_CONTROLLERS; i++)
		for (int v2 = 0; v2 < 2; v2++) {
			const char *name = controller_name(i, v2);
			if (name)
				assert_int_equal(controller_find(name, strlen(name), v2), i);
		}
	assert_int_equal(controller_find("blkio", 5, false), CTL_IO);
	assert_int_equal(controller_find("blkio", 5, true), CTL_NONE);
	assert_int_equal(controller_find("cpuset", 3, true), CTL_CPU);
}

/* ---- conversions ---- */

static void expect(convert_fn *fn, int64_t n, const char *text)
{
	char out[CONVERT_SIZE] = "";
	int r = fn(n, out);
	if (!text) {
		assert_int_equal(r, -ERANGE);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(out, text);
}

static void test_convert(void **state UNUSED)
{
	/* the three points of the curve, and two between them, worked out by hand */
	expect(convert_cpu_weight, 2, "1");
	expect(convert_cpu_weight, 1024, "100");
	expect(convert_cpu_weight, 262144, "10000");
	expect(convert_cpu_weight, 1, "1");
	expect(convert_cpu_weight, INT64_MAX, "10000");
	expect(convert_cpu_weight, 512, "59");
	expect(convert_cpu_weight, 2048, "174");
	expect(convert_cpu_weight, -1, NULL);
	char last[CONVERT_SIZE] = "0", out[CONVERT_SIZE];
	for (int64_t s = 2; s <= 262144; s += 7) {
		assert_int_equal(convert_cpu_weight(s, out), 0);
		assert_true(atoi(out) >= atoi(last));
		strcpy(last, out);
	}
	expect(convert_io_weight, 10, "1");
	expect(convert_io_weight, 1000, "10000");
	expect(convert_io_weight, 500, "4950");
	expect(convert_io_weight, 9, NULL);
	expect(convert_io_weight, 1001, NULL);
	expect(convert_or_max, -1, "max");
	expect(convert_or_max, 0, "0");
	expect(convert_or_max, -2, NULL);
	expect(convert_bytes_v1, -1, "-1");
	expect(convert_bytes_v1, -2, NULL);
	expect(convert_pids, 0, "max");
	expect(convert_pids, -1, "max");
	expect(convert_pids, 17, "17");
	assert_int_equal(convert_swap(300, 100, out), 0);
	assert_string_equal(out, "200");
	assert_int_equal(convert_swap(-1, 100, out), 0);
	assert_string_equal(out, "max");
	assert_int_equal(convert_swap(99, 100, out), -EINVAL);
	assert_int_equal(convert_swap(99, -1, out), -EINVAL);
}

static void test_cpulist(void **state UNUSED)
{
	assert_true(cpulist_is_subset("0", "0-3\n"));
	assert_true(cpulist_is_subset("1-2,3", "0-3"));
	assert_true(cpulist_is_subset("64-70", "0-127"));
	assert_false(cpulist_is_subset("0-4", "0-3"));
	assert_false(cpulist_is_subset("7", ""));
	assert_false(cpulist_is_subset("3-1", "0-3"));
	assert_false(cpulist_is_subset("99999", "0-8191"));
}

static void test_keys(void **state UNUSED)
{
	uint64_t v = 7;
	assert_int_equal(watch_find_key("populated 1\nfrozen 0\n", "frozen", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(watch_find_key("populated 1\nfrozen 0\n", "populated", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(watch_find_key("anon_thp 5\nanon 18446744073709551615", "anon", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(watch_find_key("anon_thp 5\n", "anon", &v), -ENODATA);
	assert_int_equal(watch_find_key("anon x\n", "anon", &v), -EINVAL);
}

/* ---- plans ---- */

#define ALL_V2                                                                                     \
	(CTL_BIT(CTL_CPU) | CTL_BIT(CTL_CPUSET) | CTL_BIT(CTL_MEMORY) | CTL_BIT(CTL_IO) |          \
	 CTL_BIT(CTL_PIDS) | CTL_BIT(CTL_HUGETLB) | CTL_BIT(CTL_RDMA))

static struct limits_place on_v2(void)
{
	return (struct limits_place){
		.v2 = ALL_V2, .kind = CGROUP_V2, .creating = true, .v2_fd = FD_NONE
	};
}

static struct limits_place on_v1(void)
{
	return (struct limits_place){
		.v1 = ~0u, .kind = CGROUP_V1, .creating = true, .v2_fd = FD_NONE
	};
}

static const struct setting *find(const struct settings *s, const char *file)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].file, file))
			return &s->v[i];
	return NULL;
}

static void expect_setting(const struct settings *s, const char *file, const char *value)
{
	const struct setting *one = find(s, file);
	if (!one)
		fail_msg("no setting for %s", file);
	assert_string_equal(one->value, value);
}

static void fill(struct spec_resources *r)
{
	static struct spec_throttle dev = { .major = 8, .minor = 16, .rate = 1048576 };
	static struct spec_weight_device weight = { .major = 8,
						    .minor = 16,
						    .weight = { true, 1000 } };
	static struct spec_hugepage huge = { .page_size = (char *)"2MB", .limit = 4194304 };
	*r = (struct spec_resources){ 0 };
	r->memory.limit = (struct opt_i64){ true, 100 << 20 };
	r->memory.swap = (struct opt_i64){ true, 150 << 20 };
	r->memory.reservation = (struct opt_i64){ true, 50 << 20 };
	r->cpu.shares = (struct opt_u64){ true, 1024 };
	r->cpu.quota = (struct opt_i64){ true, 50000 };
	r->cpu.period = (struct opt_u64){ true, 100000 };
	r->cpu.cpus = (char *)"0-1";
	r->pids_limit = (struct opt_i64){ true, 12 };
	r->block_io.weight = (struct opt_u64){ true, 1000 };
	r->block_io.write_bps = (struct spec_throttles){ &dev, 1 };
	r->block_io.weight_devices = &weight;
	r->block_io.n_weight_devices = 1;
	r->hugepages = &huge;
	r->n_hugepages = 1;
}

static void test_plan_v2(void **state UNUSED)
{
	CLEANUP_SETTINGS struct settings s = { 0 };
	struct limits_place place = on_v2();
	struct spec_resources r;
	fill(&r);
	assert_int_equal(limits_plan(&r, &place, &s, &unheard), 0);
	expect_setting(&s, "memory.max", "104857600");
	expect_setting(&s, "memory.swap.max", "52428800");
	expect_setting(&s, "memory.low", "52428800");
	expect_setting(&s, "cpu.weight", "100");
	expect_setting(&s, "cpu.max", "50000 100000");
	expect_setting(&s, "cpuset.cpus", "0-1");
	expect_setting(&s, "pids.max", "12");
	expect_setting(&s, "io.max", "8:16 wbps=1048576");
	assert_string_equal(find(&s, "io.max")->reset, "8:16 wbps=max");
	expect_setting(&s, "io.bfq.weight", "default 1000");
	assert_string_equal(find(&s, "io.bfq.weight")->alt_value, "default 10000");
	expect_setting(&s, "hugetlb.2MB.max", "4194304");
	expect_setting(&s, "hugetlb.2MB.rsvd.max", "4194304");
	assert_true(find(&s, "hugetlb.2MB.rsvd.max")->optional);
	assert_int_equal(settings_controllers(&s, false), 0);
	assert_int_equal(settings_controllers(&s, true), ALL_V2 & ~CTL_BIT(CTL_RDMA));
}

static void test_plan_v1(void **state UNUSED)
{
	CLEANUP_SETTINGS struct settings s = { 0 };
	struct limits_place place = on_v1();
	struct spec_resources r;
	fill(&r);
	r.memory.swappiness = (struct opt_u64){ true, 0 };
	r.memory.disable_oom_killer = (struct opt_bool){ true, true };
	r.network.class_id = (struct opt_u64){ true, 1048577 };
	assert_int_equal(limits_plan(&r, &place, &s, &unheard), 0);
	expect_setting(&s, "memory.limit_in_bytes", "104857600");
	expect_setting(&s, "memory.memsw.limit_in_bytes", "157286400");
	expect_setting(&s, "memory.soft_limit_in_bytes", "52428800");
	expect_setting(&s, "memory.swappiness", "0");
	expect_setting(&s, "memory.oom_control", "1");
	expect_setting(&s, "cpu.shares", "1024");
	expect_setting(&s, "cpu.cfs_quota_us", "50000");
	expect_setting(&s, "cpu.cfs_period_us", "100000");
	expect_setting(&s, "blkio.throttle.write_bps_device", "8:16 1048576");
	expect_setting(&s, "blkio.bfq.weight", "1000");
	expect_setting(&s, "hugetlb.2MB.limit_in_bytes", "4194304");
	expect_setting(&s, "net_cls.classid", "1048577");
	assert_int_equal(settings_controllers(&s, true), 0);
}

static void test_plan_hybrid(void **state UNUSED)
{
	/* each limit goes where its controller is */
	CLEANUP_SETTINGS struct settings s = { 0 };
	struct limits_place place = { .v1 = CTL_BIT(CTL_PIDS),
				      .v2 = CTL_BIT(CTL_HUGETLB),
				      .kind = CGROUP_HYBRID,
				      .creating = true,
				      .v2_fd = FD_NONE };
	struct spec_hugepage huge = { .page_size = (char *)"1GB", .limit = 0 };
	struct spec_resources r = { .pids_limit = { true, 5 },
				    .hugepages = &huge,
				    .n_hugepages = 1 };
	assert_int_equal(limits_plan(&r, &place, &s, &unheard), 0);
	assert_false(find(&s, "pids.max")->v2);
	assert_true(find(&s, "hugetlb.1GB.max")->v2);
	struct error err = ERROR_INIT;
	r.memory.limit = (struct opt_i64){ true, 1 << 20 };
	assert_int_equal(limits_plan(&r, &place, &s, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.why, "memory"));
	assert_string_equal(err.object, "memory.limit");
	assert_true(err.hint[0]);
}

/* One field at a time: what it must answer on v2. */
static void test_plan_refusals(void **state UNUSED)
{
	struct spec_pair unified[] = { { (char *)"cgroup.procs", (char *)"1" } };
	struct spec_hugepage huge = { .page_size = (char *)"2MB/../x" };
	struct {
		struct spec_resources res;
		int want;
		const char *object;
	} cases[] = {
		{ { .memory.swap = { true, 1 << 20 } }, -EINVAL, "memory.swap" },
		{ { .memory = { .limit = { true, 9 }, .swap = { true, 8 } } },
		  -EINVAL,
		  "memory.swap" },
		{ { .memory.limit = { true, -7 } }, -ERANGE, "memory.limit" },
		{ { .memory.swappiness = { true, 60 } }, -EOPNOTSUPP, "memory.swappiness" },
		{ { .memory.disable_oom_killer = { true, true } },
		  -EOPNOTSUPP,
		  "memory.disableOOMKiller" },
		{ { .cpu.quota = { true, -5 } }, -EINVAL, "cpu.quota" },
		{ { .cpu.realtime_runtime = { true, 5 } }, -EOPNOTSUPP, "cpu.realtimeRuntime" },
		{ { .cpu.cpus = (char *)"1-x" }, -EINVAL, "cpu.cpus" },
		{ { .block_io.weight = { true, 5 } }, -ERANGE, "blockIO.weight" },
		{ { .network.class_id = { true, 5 } }, -EOPNOTSUPP, "network.classID" },
		{ { .unified = { unified, 1 } }, -EINVAL, "unified" },
		{ { .hugepages = &huge, .n_hugepages = 1 }, -EINVAL, "hugepageLimits" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_SETTINGS struct settings s = { 0 };
		struct limits_place place = on_v2();
		struct error err = ERROR_INIT;
		assert_int_equal(limits_plan(&cases[i].res, &place, &s, &err), cases[i].want);
		assert_string_equal(err.object, cases[i].object);
		assert_true(err.why[0] && err.hint[0]);
	}
}

/* What asks for nothing must need no controller. */
static void test_plan_nothing(void **state UNUSED)
{
	struct spec_resources cases[] = {
		{ 0 },
		{ .memory = { .limit = { true, -1 }, .swap = { true, -1 } } },
		{ .memory = { .limit = { true, 0 }, .kernel = { true, 0 } } },
		{ .cpu = { .shares = { true, 0 }, .quota = { true, 0 }, .cpus = (char *)"" } },
		{ .pids_limit = { true, -1 } },
		{ .memory.disable_oom_killer = { true, false } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_SETTINGS struct settings s = { 0 };
		struct limits_place place = { .kind = CGROUP_NONE,
					      .creating = true,
					      .v2_fd = FD_NONE };
		assert_int_equal(limits_plan(&cases[i], &place, &s, &unheard), 0);
		assert_int_equal(s.n, 0);
	}
	/* but on an update, where the controller is, "no limit" is one to set */
	CLEANUP_SETTINGS struct settings s = { 0 };
	struct limits_place place = on_v2();
	place.creating = false;
	assert_int_equal(limits_plan(&cases[1], &place, &s, &unheard), 0);
	expect_setting(&s, "memory.max", "max");
	expect_setting(&s, "memory.swap.max", "max");
}

static void test_plan_unified(void **state UNUSED)
{
	struct spec_pair pairs[] = { { (char *)"memory.high", (char *)"1000000" },
				     { (char *)"io.max", (char *)"8:0 rbps=5\n8:16 rbps=6\n" },
				     { (char *)"cgroup.max.depth", (char *)"3" } };
	struct spec_resources r = { .unified = { pairs, 3 } };
	struct limits_place place = on_v2();
	CLEANUP_SETTINGS struct settings s = { 0 };
	assert_int_equal(limits_plan(&r, &place, &s, &unheard), 0);
	assert_int_equal(s.n, 4);
	expect_setting(&s, "memory.high", "1000000");
	assert_null(find(&s, "memory.high")->key);
	expect_setting(&s, "io.max", "8:0 rbps=5");
	assert_string_equal(find(&s, "io.max")->key, "8:0");
	assert_int_equal(settings_controllers(&s, true), CTL_BIT(CTL_MEMORY) | CTL_BIT(CTL_IO));
	place = on_v1(); /* a v1 controller of that name does not help */
	CLEANUP_SETTINGS struct settings s1 = { 0 };
	assert_int_equal(limits_plan(&r, &place, &s1, &unheard), -EOPNOTSUPP);
}

/* ---- device programs, run by a small interpreter of the instructions that they are made of ---- */

static int run_program(const struct bpf_insn *p, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };
	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &p[pc];
		uint32_t imm = (uint32_t)i->imm;
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			r[i->dst_reg] =
				*(const uint32_t *)(const void *)((const char *)ctx + i->off);
			break;
		case BPF_LD | BPF_IMM | BPF_DW:
			r[i->dst_reg] = imm | (uint64_t)(uint32_t)i[1].imm << 32;
			pc++;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			r[i->dst_reg] = r[i->src_reg];
			break;
		case BPF_ALU64 | BPF_OR | BPF_X:
			r[i->dst_reg] |= r[i->src_reg];
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			r[i->dst_reg] &= imm;
			break;
		case BPF_ALU64 | BPF_LSH | BPF_K:
			r[i->dst_reg] <<= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			r[i->dst_reg] >>= imm;
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			r[i->dst_reg] = imm;
			break;
		case BPF_JMP | BPF_JA:
			pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += r[i->dst_reg] != imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += r[i->dst_reg] == imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_X:
			pc += r[i->dst_reg] == r[i->src_reg] ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			fail_msg("unknown instruction 0x%x at %zu", i->code, pc);
		}
	}
	fail_msg("ran off the end");
	return -1;
}

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD
#define C BPF_DEVCG_DEV_CHAR
#define B BPF_DEVCG_DEV_BLOCK

static struct spec_device_rule rule(bool allow, const char *type, int64_t major, int64_t minor,
				    const char *access)
{
	return (struct spec_device_rule){ .allow = allow,
					  .type = (char *)type,
					  .major = { major >= 0, major },
					  .minor = { minor >= 0, minor },
					  .access = (char *)access };
}

struct question {
	unsigned type, major, minor, access;
	int want;
};

static void ask(const struct spec_device_rule *rules, size_t n, const struct question *q,
		size_t n_q)
{
	struct bpf_insn *insns;
	size_t n_insns;
	assert_int_equal(device_program(rules, n, &insns, &n_insns, &unheard), 0);
	for (size_t i = 0; i < n_q; i++) {
		struct bpf_cgroup_dev_ctx ctx = { .access_type = q[i].access << 16 | q[i].type,
						  .major = q[i].major,
						  .minor = q[i].minor };
		if (run_program(insns, n_insns, &ctx) != q[i].want)
			fail_msg("question %zu is not answered with %d", i, q[i].want);
	}
	free(insns);
}

static void test_device_program(void **state UNUSED)
{
	struct spec_device_rule rules[] = {
		rule(true, "c", 9, 9, "rwm"), /* before "deny all": void */
		rule(false, "a", -1, -1, "rwm"), rule(true, "c", 1, 3, "rwm"),
		rule(true, "c", 5, -1, "rw"),	 rule(true, NULL, 8, 1, NULL),
		rule(true, "c", 5, 1, "m"),	 rule(false, "c", 5, 2, "w"),
		rule(true, "b", -1, -1, "m"),
	};
	struct question questions[] = {
		{ C, 9, 9, R, 0 },	   { C, 1, 3, R | W, 1 },     { C, 1, 3, M, 1 },
		{ B, 1, 3, R, 0 },	   { C, 1, 4, R, 0 },	      { C, 5, 0, R | W, 1 },
		{ C, 5, 0, M, 0 },	   { C, 5, 1, R | W | M, 1 }, /* by two rules together */
		{ C, 5, 2, W, 0 },	   { C, 5, 2, R, 1 },	      { C, 5, 2, R | W, 0 },
		{ B, 8, 1, R | W | M, 1 }, { C, 8, 1, R, 1 },	      { B, 7, 0, M, 1 },
		{ B, 7, 0, M | R, 0 },
	};
	ask(rules, ARRAY_SIZE(rules), questions, ARRAY_SIZE(questions));

	/* without "deny all" in front what no rule names is allowed */
	struct spec_device_rule open[] = { rule(false, "c", 1, 3, "w") };
	struct question few[] = {
		{ C, 1, 3, W, 0 }, { C, 1, 3, R, 1 }, { C, 1, 3, R | W, 0 }, { B, 7, 7, R, 1 }
	};
	ask(open, 1, few, ARRAY_SIZE(few));

	struct spec_device_rule all[] = { rule(false, "a", -1, -1, NULL),
					  rule(true, "a", -1, -1, NULL) };
	struct question any[] = { { C, 1, 3, R | W | M, 1 }, { B, 1, 3, M, 1 } };
	ask(all, 2, any, ARRAY_SIZE(any));
}

/* The program against the rules read plainly: each access is decided by the last rule that names it. */
static int plainly(const struct spec_device_rule *rules, size_t n, const struct question *q)
{
	for (unsigned bit = 1; bit <= 4; bit <<= 1) {
		bool allowed = true;
		for (size_t i = 0; i < n; i++) {
			struct device_rule r;
			assert_int_equal(device_rule_read(&rules[i], &r, &unheard), 0);
			if ((r.type == 0 || r.type == q->type) && (r.access & bit) &&
			    (r.major < 0 || (unsigned)r.major == q->major) &&
			    (r.minor < 0 || (unsigned)r.minor == q->minor))
				allowed = r.allow;
		}
		if ((q->access & bit) && !allowed)
			return 0;
	}
	return 1;
}

static void test_device_random(void **state UNUSED)
{
	static const char *const types[] = { "a", "b", "c" };
	static const char *const accesses[] = { "r", "w", "m", "rw", "rm", "wm", "rwm" };
	srandom(1);
	for (int round = 0; round < 3000; round++) {
		struct spec_device_rule rules[8];
		size_t n = (size_t)random() % ARRAY_SIZE(rules);
		for (size_t i = 0; i < n; i++)
			rules[i] = rule(random() % 2, types[random() % 3], random() % 4 - 1,
					random() % 4 - 1, accesses[random() % 7]);
		for (int k = 0; k < 40; k++) {
			struct question q = { .type = random() % 2 ? B : C,
					      .major = (unsigned)random() % 4,
					      .minor = (unsigned)random() % 4,
					      .access = 1 + (unsigned)random() % 7 };
			q.want = plainly(rules, n, &q);
			ask(rules, n, &q, 1);
		}
	}
}

static void test_device_mistakes(void **state UNUSED)
{
	struct spec_device_rule bad[] = {
		rule(true, "x", 1, 3, "r"),	  rule(true, "cc", 1, 3, "r"),
		rule(true, "c", 1, 3, "rx"),	  rule(true, "c", 4096, 3, "r"),
		rule(true, "c", 1, 1 << 20, "r"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		/* a later "allow all" does not hide it */
		struct spec_device_rule two[] = { bad[i], rule(true, "a", -1, -1, NULL) };
		struct error err = ERROR_INIT;
		struct bpf_insn *insns;
		size_t n;
		assert_int_equal(device_program(two, 2, &insns, &n, &err), -EINVAL);
		assert_true(err.why[0] && err.object[0] && err.hint[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),		cmocka_unit_test(test_octal),
		cmocka_unit_test(test_controllers),	cmocka_unit_test(test_convert),
		cmocka_unit_test(test_cpulist),		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_plan_v2),		cmocka_unit_test(test_plan_v1),
		cmocka_unit_test(test_plan_hybrid),	cmocka_unit_test(test_plan_refusals),
		cmocka_unit_test(test_plan_nothing),	cmocka_unit_test(test_plan_unified),
		cmocka_unit_test(test_device_program),	cmocka_unit_test(test_device_random),
		cmocka_unit_test(test_device_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
