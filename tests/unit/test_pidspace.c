/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pidspace.c - pid translation: the reference table of the RFC row by row, and what follows from
 * it, on snapshots made up here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "pidspace_check.h"
#include "proc/pidspace.h"

/* --- a made-up world --- */

enum { NS0 = 100, NS1 = 101, NS2 = 102, NS3 = 103, NS9 = 109 };

/* One process: its numbers from the host's down, ended by 0; pgrp and sid the same way, -1 = as the pid. */
struct row {
	pid_t ppid;
	uint64_t pidns;
	pid_t pid[5], pgrp[4], sid[4];
};

static struct proc_process make(const struct row *r)
{
	struct proc_process p = { .ppid = r->ppid, .pidns = r->pidns, .pid = r->pid[0] };
	while (r->pid[p.n_levels]) {
		int i = p.n_levels++;
		p.nspid[i] = p.nstgid[i] = r->pid[i];
		p.nspgid[i] = r->pgrp[i] < 0 ? r->pid[i] : r->pgrp[i];
		p.nssid[i] = r->sid[i] < 0 ? r->pid[i] : r->sid[i];
	}
	p.tgid = p.pid;
	p.pgrp = p.nspgid[0];
	p.sid = p.nssid[0];
	return p;
}

/*
 * host:      A bash 913, B contexe 1087 (pseudo init of 1), F contexe 1200 (of 3), G 1300 an outsider
 * space 1:   init 1088 = <1|1>, C bash 1090 = <1|2>, E contexe 1100 = <1|9> (pseudo init of 2)
 * space 2:   inside 1: init 1101 = <1|10> = <2|1>, D 1102 = <1|11> = <2|2>
 * space 3:   beside 1: init 1201 = <3|1>, H 1202 = <3|2>
 * ns 109:    inside 2, no container: 1150 = <1|12> = <2|3> = <ns:109|1>
 */
enum {
	A = 913,
	B = 1087,
	I1 = 1088,
	C = 1090,
	E = 1100,
	I2 = 1101,
	D = 1102,
	N = 1150,
	F = 1200,
	I3 = 1201,
	H = 1202,
	G = 1300
};

#define SELF                                                                                       \
	{                                                                                          \
		-1, -1, -1, -1                                                                     \
	}
static const struct row world[] = {
	{ 0, NS0, { 1 }, SELF, SELF },
	{ 1, NS0, { A }, SELF, SELF },
	{ A, NS0, { B }, SELF, { A } },
	{ B, NS1, { I1, 1 }, SELF, SELF },
	/* in B's group and A's session, as after a fork */
	{ I1, NS1, { C, 2 }, { B, 0 }, { A, 0 } },
	{ C, NS1, { E, 9 }, SELF, { I1, 1 } },
	{ E, NS2, { I2, 10, 1 }, SELF, SELF },
	/* its group's leader is C */
	{ I2, NS2, { D, 11, 2 }, { C, 2, 0 }, { I2, 10, 1 } },
	{ D, NS9, { N, 12, 3, 1 }, { D, 11, 2, 0 }, SELF },
	{ 1, NS0, { F }, SELF, SELF },
	{ F, NS3, { I3, 1 }, SELF, SELF },
	{ I3, NS3, { H, 2 }, SELF, SELF },
	{ 1, NS0, { G }, SELF, SELF },
};

static const struct pidspace_container containers[] = {
	{ .number = 1, .name = "web", .pidns = NS1, .supervisor = B, .init = I1 },
	{ .number = 2, .name = "inner", .pidns = NS2, .supervisor = E, .init = I2 },
	{ .number = 3, .name = "db", .pidns = NS3, .supervisor = F, .init = I3 },
	{ .number = 4, .name = "stopped" },
	/* shares the host's pid namespace */
	{ .number = 5, .name = "hostpid", .pidns = NS0, .supervisor = G },
};

struct fixture {
	struct proc_process p[ARRAY_SIZE(world)];
	struct pidspaces *s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	for (size_t i = 0; i < ARRAY_SIZE(world); i++)
		f->p[i] = make(&world[i]);
	struct error err = ERROR_INIT;
	*state = f;
	return pidspaces_build(f->p, ARRAY_SIZE(world), containers, ARRAY_SIZE(containers), NULL, 0,
			       &f->s, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	pidspaces_free(f->s);
	free(f);
	return 0;
}

static void test_reference_table(void **state)
{
	static const struct expected rows[] = {
		{ C, B, true, false, 2, C, "<1|2>" },	 { B, C, true, false, 1, 1, "<1|1>" },
		{ B, A, true, false, B, B, "<0|1087>" }, { C, A, true, true, 2, C, "<1|2>" },
		{ A, B, true, false, A, A, "<0|913>" },	 { A, C, false, false, -1, 0, "" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_PID, rows, ARRAY_SIZE(rows));
	check(((struct fixture *)*state)->s, PID_KIND_TGID, rows, ARRAY_SIZE(rows));
}

static void test_self_and_init(void **state)
{
	static const struct expected rows[] = {
		{ A, A, true, false, A, A, "<0|913>" },	   { B, B, true, false, B, B, "<0|1087>" },
		{ C, C, true, false, 2, 2, "<1|2>" },	   { D, D, true, false, 2, 2, "<2|2>" },
		{ N, N, true, false, 1, 1, "<ns:109|1>" }, { I1, C, true, false, 1, 1, "<1|1>" },
		{ I1, B, true, false, 1, I1, "<1|1>" },	   { I1, A, true, true, 1, I1, "<1|1>" },
		{ I1, I1, true, false, 1, 1, "<1|1>" },	   { B, I1, true, false, 1, 1, "<1|1>" },
		{ A, I1, false, false, -1, 0, "" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_PID, rows, ARRAY_SIZE(rows));
}

static void test_siblings(void **state)
{
	static const struct expected rows[] = {
		{ H, C, false, false, -1, 0, "" },    { C, H, false, false, -1, 0, "" },
		{ F, C, false, false, -1, 0, "" },    { B, H, false, false, -1, 0, "" },
		{ I3, D, false, false, -1, 0, "" },   { H, B, true, true, 2, H, "<3|2>" },
		{ C, F, true, true, 2, C, "<1|2>" },  { F, B, true, false, F, F, "<0|1200>" },
		{ H, F, true, false, 2, H, "<3|2>" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_PID, rows, ARRAY_SIZE(rows));
}

static void test_container_in_container(void **state)
{
	static const struct expected rows[] = {
		{ D, C, true, true, 2, 11, "<2|2>" },
		{ D, B, true, true, 2, D, "<2|2>" },
		{ D, A, true, true, 2, D, "<2|2>" },
		{ C, D, false, false, -1, 0, "" },
		{ E, D, true, false, 1, 1, "<2|1>" },
		{ D, E, true, false, 2, 11, "<2|2>" },
		{ E, C, true, false, 9, 9, "<1|9>" },
		{ E, B, true, false, 9, E, "<1|9>" },
		{ E, E, true, false, 9, 9, "<1|9>" },
		{ E, A, true, true, 9, E, "<1|9>" },
		{ C, E, true, false, 2, 2, "<1|2>" },
		{ B, E, true, false, 1, 1, "<1|1>" },
		{ B, D, false, false, -1, 0, "" },
		{ A, E, false, false, -1, 0, "" },
		{ N, D, true, true, 1, 3, "<ns:109|1>" },
		{ N, C, true, true, 1, 12, "<ns:109|1>" },
		{ N, E, true, true, 1, 12, "<ns:109|1>" },
		{ N, A, true, true, 1, N, "<ns:109|1>" },
		{ E, N, false, false, -1, 0, "" },
		{ D, N, false, false, -1, 0, "" },
		{ I2, C, true, true, 1, 10, "<2|1>" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_PID, rows, ARRAY_SIZE(rows));
}

static void test_groups(void **state)
{
	static const struct expected rows[] = {
		{ C, A, true, false, B, B, "<0|1087>" }, /* C is in the group of B */
		{ C, C, true, false, 0, 0, "" },	 /* ... which is outside of space 1 */
		{ C, B, true, false, 0, B, "" },
		{ D, C, true, false, 2, 2, "<1|2>" }, /* D is in the group of C */
		{ D, D, true, false, 0, 0, "" },
		{ D, A, true, true, 2, C, "<1|2>" },
		{ N, C, true, true, 2, 11, "<2|2>" },
		{ B, C, true, false, 1, 1, "<1|1>" }, /* that of the kernel's pid 1 */
		{ A, C, false, false, -1, 0, "" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_PGRP, rows, ARRAY_SIZE(rows));
}

static void test_sessions(void **state)
{
	static const struct expected rows[] = {
		{ C, A, true, false, A, A, "<0|913>" }, { C, C, true, false, 0, 0, "" },
		{ E, C, true, false, 1, 1, "<1|1>" },	{ E, A, true, true, 1, I1, "<1|1>" },
		{ D, C, true, true, 1, 10, "<2|1>" },	{ D, D, true, false, 1, 1, "<2|1>" },
		{ B, A, true, false, A, A, "<0|913>" }, { B, C, true, false, 1, 1, "<1|1>" },
	};
	check(((struct fixture *)*state)->s, PID_KIND_SID, rows, ARRAY_SIZE(rows));
}

static void test_container_as_context(void **state)
{
	const struct pidspaces *s = ((struct fixture *)*state)->s;
	static const struct {
		pid_t process;
		uint32_t container;
		pid_t vpid, kernel;
		bool crosses;
	} rows[] = {
		{ C, 0, 2, C, true },	{ A, 0, A, A, false }, { C, 1, 2, 2, false },
		{ B, 1, 1, 1, false },	{ D, 1, 2, 11, true }, { E, 2, 1, 1, false },
		{ C, 3, -1, 0, false }, { G, 5, G, G, false }, { A, 5, A, A, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pid_question q = { rows[i].process, PID_KIND_PID, { 0, rows[i].container } };
		struct pid_answer a;
		assert_int_equal(pid_translate(s, &q, &a, NULL), 0);
		assert_int_equal(a.vpid, rows[i].vpid);
		assert_int_equal(a.kernel_pid, rows[i].kernel);
		assert_int_equal(a.crosses, rows[i].crosses);
	}
}

static void test_questions_without_answer(void **state)
{
	const struct pidspaces *s = ((struct fixture *)*state)->s;
	static const struct {
		struct pid_question q;
		int r;
	} rows[] = {
		{ { 5, PID_KIND_PID, { A, 0 } }, -ESRCH },
		{ { A, PID_KIND_PID, { 5, 0 } }, -ESRCH },
		{ { A, PID_KIND_PID, { 0, 77 } }, -ENOENT },
		{ { A, PID_KIND_PID, { 0, 4 } }, -ESRCH },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		struct pid_answer a = { .vpid = 77 };
		assert_int_equal(pid_translate(s, &rows[i].q, &a, &err), rows[i].r);
		assert_int_equal(err.err, -rows[i].r);
		assert_true(err.why[0] && err.object[0]);
		assert_int_equal(a.vpid, 77);
	}
}

static void test_resolve(void **state)
{
	const struct pidspaces *s = ((struct fixture *)*state)->s;
	static const struct {
		const char *text;
		int r;
		pid_t pid;
	} rows[] = {
		{ "<1|2>", 0, C },	    { "web|2", 0, C },	       { "<web|1>", 0, I1 },
		{ "<inner|2>", 0, D },	    { "<2|2>", 0, D },	       { "<ns:109|1>", 0, N },
		{ "<ns:101|2>", 0, C },	    { "<0|913>", 0, A },       { "913", 0, A },
		{ "1102", 0, D },	    { "<1|3>", -ESRCH, 0 },    { "<77|1>", -ENOENT, 0 },
		{ "<none|1>", -ENOENT, 0 }, { "<4|1>", -ENOENT, 0 },   { "<ns:7|1>", -ENOENT, 0 },
		{ "5", -ESRCH, 0 },	    { "web", -EINVAL, 0 },     { "<1|", -EINVAL, 0 },
		{ "0", -EINVAL, 0 },	    { "<0|1090>", -ESRCH, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;
		pid_t pid = 0;
		assert_int_equal(pidspaces_resolve(s, rows[i].text, &pid, &err), rows[i].r);
		assert_int_equal(pid, rows[i].pid);
		if (rows[i].r)
			assert_string_equal(err.object, rows[i].text);
		char name[PIDNAME_SIZE];
		pid_t again;
		if (rows[i].r)
			continue;
		pidspaces_name(s, pidspaces_process(s, pid), name);
		assert_int_equal(pidspaces_resolve(s, name, &again, NULL), 0);
		assert_int_equal(again, pid);
	}
}

static void test_tree(void **state)
{
	const struct pidspaces *s = ((struct fixture *)*state)->s;
	static const struct {
		uint64_t pidns, parent;
		int level, container;
		pid_t init;
	} rows[] = {
		{ NS0, 0, 0, -1, 1 },	{ NS1, NS0, 1, 0, I1 }, { NS2, NS1, 2, 1, I2 },
		{ NS9, NS2, 3, -1, N }, { NS3, NS0, 1, 2, I3 },
	};
	assert_int_equal(pidspaces_count(s), ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct pidspace *sp = pidspaces_at(s, i);
		assert_int_equal(sp->pidns, rows[i].pidns);
		assert_int_equal(sp->level, rows[i].level);
		assert_int_equal(sp->container, rows[i].container);
		assert_int_equal(sp->init, rows[i].init);
		if (rows[i].parent)
			assert_int_equal(pidspaces_at(s, (size_t)sp->parent)->pidns,
					 rows[i].parent);
		else
			assert_int_equal(sp->parent, -1);
	}
}

/* --- other worlds --- */

static struct pidspaces *build(const struct row *rows, size_t n, struct proc_process *p,
			       const struct pidspace_container *c, size_t n_c,
			       const struct pidspace_link *links, size_t n_links)
{
	struct pidspaces *s = NULL;
	struct error err = ERROR_INIT;
	for (size_t i = 0; i < n; i++)
		p[i] = make(&rows[i]);
	assert_int_equal(pidspaces_build(p, n, c, n_c, links, n_links, &s, &err), 0);
	return s;
}

/* Two containers in one pid namespace (a pod): each pseudo init stands for its own init. */
static void test_shared_namespace(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 0, NS0, { 1 }, SELF, SELF },	    { 1, NS0, { 10 }, SELF, SELF },
		{ 1, NS0, { 20 }, SELF, SELF },	    { 10, NS1, { 30, 1 }, SELF, SELF },
		{ 20, NS1, { 40, 7 }, SELF, SELF }, { 40, NS1, { 50, 8 }, SELF, SELF },
	};
	static const struct pidspace_container c[] = {
		{ 3, "guest", NS1, 20, 40 },
		{ 6, "pause", NS1, 10, 30 }, /* the one that made it names it */
	};
	struct proc_process p[ARRAY_SIZE(rows)];
	CLEANUP_PIDSPACES struct pidspaces *s = build(rows, ARRAY_SIZE(rows), p, c, 2, NULL, 0);
	static const struct expected e[] = {
		{ 10, 50, true, false, 1, 1, "<6|1>" },
		{ 20, 50, true, false, 7, 7, "<6|7>" },
		{ 50, 20, true, false, 8, 50, "<6|8>" },
		{ 50, 1, true, true, 8, 50, "<6|8>" },
	};
	check(s, PID_KIND_PID, e, ARRAY_SIZE(e));
}

/* Namespaces that may not be looked at: placed by the parent, by the container, or nowhere. */
static void test_unreadable(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 0, NS0, { 1 }, SELF, SELF },	  { 1, 0, { 10 }, SELF, SELF },
		{ 10, 0, { 20, 1 }, SELF, SELF }, { 20, 0, { 30, 2 }, SELF, SELF },
		{ 1, 0, { 40, 1 }, SELF, SELF },
	};
	static const struct pidspace_container c[] = { { 1, "web", NS1, 10, 20 } };
	struct proc_process p[ARRAY_SIZE(rows)];
	CLEANUP_PIDSPACES struct pidspaces *s = build(rows, ARRAY_SIZE(rows), p, c, 1, NULL, 0);
	static const struct expected e[] = {
		{ 30, 10, true, false, 2, 30, "<1|2>" },
		{ 10, 30, true, false, 1, 1, "<1|1>" },
		{ 30, 1, true, true, 2, 30, "<1|2>" },
		{ 40, 1, true, true, 1, 40, "<?|1>" }, /* of a namespace that nobody can tell */
		{ 40, 30, false, false, -1, 0, "" },
		{ 40, 10, true, true, 1, 40, "<?|1>" },
	};
	check(s, PID_KIND_PID, e, ARRAY_SIZE(e));
	struct pid_question q = { 1, PID_KIND_PID, { 40, 0 } };
	struct pid_answer a;
	assert_int_equal(pid_translate(s, &q, &a, NULL), -ESRCH);
}

/* The supervisor of a container whose init has not been seen is process 1 all the same. */
static void test_init_not_seen(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 0, NS0, { 1 }, SELF, SELF },
		{ 1, NS0, { 10 }, SELF, SELF },
		{ 1, NS1, { 30, 2 }, SELF, SELF },
	};
	static const struct pidspace_container c[] = { { 1, "web", NS1, 10, 0 } };
	struct proc_process p[ARRAY_SIZE(rows)];
	CLEANUP_PIDSPACES struct pidspaces *s = build(rows, ARRAY_SIZE(rows), p, c, 1, NULL, 0);
	static const struct expected e[] = { { 10, 30, true, false, 1, 0, "<1|1>" } };
	check(s, PID_KIND_PID, e, 1);
	check(s, PID_KIND_TGID, e, 1);
	static const struct expected none[] = { { 10, 30, true, false, 0, 0, "" } };
	check(s, PID_KIND_SID, none, 1);
}

/* Orphans leave two possible parents: only the kernel's word tells, and nothing is guessed without. */
static void test_links(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 0, NS0, { 1 }, SELF, SELF },
		{ 1, NS1, { 10, 1 }, SELF, SELF },
		{ 1, NS2, { 20, 1 }, SELF, SELF },
		{ 1,
		  NS3,
		  { 30, 5, 1 },
		  SELF,
		  SELF }, /* parent not of level 1: adopted from outside */
	};
	static const struct pidspace_link links[] = { { NS3, NS2 } };
	struct proc_process p[ARRAY_SIZE(rows)];
	CLEANUP_PIDSPACES struct pidspaces *s = build(rows, 4, p, NULL, 0, links, 1);
	static const struct expected told[] = {
		{ 30, 20, true, true, 1, 5, "<ns:103|1>" },
		{ 30, 10, false, false, -1, 0, "" },
		{ 30, 1, true, true, 1, 30, "<ns:103|1>" },
	};
	check(s, PID_KIND_PID, told, ARRAY_SIZE(told));
	CLEANUP_PIDSPACES struct pidspaces *dark = build(rows, 4, p, NULL, 0, NULL, 0);
	static const struct expected not_told[] = {
		{ 30, 20, false, false, -1, 0, "" },
		{ 30, 10, false, false, -1, 0, "" },
		{ 30, 1, true, true, 1, 30, "<ns:103|1>" },
	};
	check(dark, PID_KIND_PID, not_told, ARRAY_SIZE(not_told));
}

/* As deep as the kernel goes: 33 namespaces, each the container of the one above. */
static void test_depth(void **state)
{
	(void)state;
	struct proc_process p[PROC_MAX_LEVELS] = { 0 };
	struct pidspace_container c[PROC_MAX_LEVELS - 1];
	for (int i = 0; i < PROC_MAX_LEVELS; i++) {
		p[i] = (struct proc_process){ .pid = 1000 + i,
					      .ppid = i ? 999 + i : 0,
					      .n_levels = i + 1,
					      .pidns = 100 + (uint64_t)i };
		for (int k = 0; k <= i; k++)
			p[i].nspid[k] = k == i && i ? 1 : 1000 * (k + 1) + i;
		if (i)
			c[i - 1] = (struct pidspace_container){ (uint32_t)i, NULL, p[i].pidns,
								999 + i, 1000 + i };
	}
	struct pidspaces *made = NULL;
	assert_int_equal(
		pidspaces_build(p, PROC_MAX_LEVELS, c, PROC_MAX_LEVELS - 1, NULL, 0, &made, NULL),
		0);
	CLEANUP_PIDSPACES struct pidspaces *s = made;
	for (int i = 0; i < PROC_MAX_LEVELS; i++) {
		for (int k = 0; k < PROC_MAX_LEVELS; k++) {
			struct pid_answer a = ask(s, 1000 + k, PID_KIND_PID, 1000 + i);
			assert_int_equal(a.visible, k >= i - 1); /* i-1 is the pseudo init of i */
			if (k < i - 1)
				assert_int_equal(a.vpid, -1);
			else if (k == i - 1 || (k == i && i))
				assert_int_equal(a.vpid, 1);
			else if (k > i) /* i is pseudo init of i+1: sees further, by name */
				assert_int_equal(a.kernel_pid, 1000 * (i + 1) + k);
			assert_int_equal(a.crosses, k > i + 1);
		}
	}
}

static void test_bad_snapshots(void **state)
{
	(void)state;
	struct proc_process p[2] = { { .pid = 2, .n_levels = 1 }, { .pid = 2, .n_levels = 1 } };
	struct pidspaces *s = NULL;
	struct error err = ERROR_INIT;
	assert_int_equal(pidspaces_build(p, 2, NULL, 0, NULL, 0, &s, &err), -EINVAL);
	assert_int_equal(pidspaces_build(p, 0, NULL, 0, NULL, 0, &s, &err), -EINVAL);
	p[1] = (struct proc_process){ .pid = 3, .n_levels = PROC_MAX_LEVELS + 1 };
	assert_int_equal(pidspaces_build(p, 2, NULL, 0, NULL, 0, &s, &err), -EINVAL);
	p[0].n_levels = 2;
	assert_int_equal(pidspaces_build(p, 1, NULL, 0, NULL, 0, &s, &err), -EINVAL);
	assert_null(s);
	pidspaces_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reference_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_self_and_init, setup, teardown),
		cmocka_unit_test_setup_teardown(test_siblings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_in_container, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_as_context, setup, teardown),
		cmocka_unit_test_setup_teardown(test_questions_without_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resolve, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
		cmocka_unit_test(test_shared_namespace),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_init_not_seen),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_bad_snapshots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
