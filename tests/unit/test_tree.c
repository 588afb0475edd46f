/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c - plans of process trees: by hand, hostile ones, and thousands of random histories whose outcome the
 * plan must bring about again, step by step, under the kernel's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/parse.h"
#include "tree_plan_run.h"

/* ---- trees as a text: "pid ppid pgrp sid [z]", by semicolons ---- */

struct sample {
	struct arena arena;
	const struct task_record **v;
	size_t n;
};

static void sample_add(struct sample *s, struct task_record rec)
{
	struct task_record *t = arena_alloc(&s->arena, sizeof(*t));
	*t = rec;
	*arena_push(&s->arena, s->v, s->n) = t;
}

static struct sample sample(const char *text)
{
	struct sample s = { 0 };
	while (*text) {
		struct task_record t = { .state = (char *)"running", .comm = (char *)"x" };
		int used = 0;
		assert_int_equal(
			sscanf(text, "%d %d %d %d%n", &t.pid, &t.ppid, &t.pgrp, &t.sid, &used), 4);
		text += used;
		if (strncmp(text, " z", 2) == 0) {
			t.state = (char *)"zombie";
			text += 2;
		}
		t.pids.n = 1;
		t.pids.v = arena_alloc(&s.arena, sizeof(uint64_t));
		t.pids.v[0] = (uint64_t)t.pid;
		sample_add(&s, t);
		while (*text == ';' || *text == ' ')
			text++;
	}
	return s;
}

static int plan(struct sample *s, struct tree *t, struct error *err)
{
	return tree_plan(s->v, s->n, &s->arena, t, err);
}

/* Plans it, carries the plan out many times, and gives how many helpers it needed. */
static int helpers_of(const char *text)
{
	struct sample s = sample(text);
	struct error err = ERROR_INIT;
	struct tree t;
	if (plan(&s, &t, &err) < 0)
		fail_msg("%s: %s: %s", text, err.object, err.why);
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct plan_run *x = malloc(sizeof(*x));
		if (plan_run(x, &t, &s.arena, &seed) < 0 || !plan_run_right(x)) {
			struct buf print CLEANUP_BUF = BUF_INIT;
			tree_print(&t, &print);
			fail_msg("%s: %s\n%s", text, buf_str(&x->why), buf_str(&print));
		}
		buf_done(&x->why);
		free(x);
	}
	int n = (int)t.n_helpers;
	assert_true(t.spare > 0);
	for (size_t i = 0; i < t.n; i++)
		assert_int_not_equal(t.v[i]->pid, t.spare);
	arena_done(&s.arena);
	return n;
}

static int refusal_of(const char *text)
{
	struct sample s = sample(text);
	struct error err = ERROR_INIT;
	struct tree t;
	int r = plan(&s, &t, &err);
	if (r < 0)
		assert_true(err.why[0]);
	arena_done(&s.arena);
	return r;
}

static void test_plain(void **state)
{
	(void)state;
	assert_int_equal(helpers_of("1 0 1 1"), 0);
	assert_int_equal(helpers_of("1 0 1 1; 2 1 1 1; 3 2 1 1; 9 1 1 1"), 0);
	/* a shell with two jobs, one of them a pipeline */
	assert_int_equal(helpers_of("1 0 1 1; 5 1 5 5; 6 5 6 5; 7 5 7 5; 8 5 7 5; 9 5 7 5 z"), 0);
	/* children with lower numbers than their parents */
	assert_int_equal(helpers_of("1 0 1 1; 9 1 9 9; 4 9 4 9; 2 4 4 9"), 0);
}

static void test_sessions(void **state)
{
	(void)state;
	/* a child that was forked before the leader's setsid */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 2; 3 2 1 1"), 0);
	/* of a leader of a leader */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 2; 3 2 3 3; 4 3 1 1"), 0);
	/* the daemon: fork, setsid, fork, exit */
	assert_int_equal(helpers_of("1 0 1 1; 4 1 3 3"), 1);
	/* two of them of one session; another session */
	assert_int_equal(helpers_of("1 0 1 1; 4 1 3 3; 5 1 3 3; 8 1 7 7"), 2);
	/* an orphan of a living leader: init is its parent, not the leader */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 2; 4 1 2 2"), 1);
	/* the same below a subreaper that leads a session itself */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 2; 3 2 3 3; 5 2 3 3; 7 2 6 6; 8 2 6 6"), 2);
	/* a leader that is a zombie */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 2 z; 3 1 2 2; 4 1 3 2; 5 4 5 5; 6 5 2 2"), 1);
}

static void test_groups(void **state)
{
	(void)state;
	/* the first of a pipeline has ended */
	assert_int_equal(helpers_of("1 0 1 1; 5 1 5 5; 7 5 6 5; 8 5 6 5"), 1);
	/* leader and members in different places of the tree */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 1; 3 2 3 1; 4 3 2 1; 5 1 3 1"), 0);
	/* a leader in another group, while its own lives on */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 2 1; 3 1 2 1; 4 1 3 1"), 0);
	/* two leaders, each alone in the other's group */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 3 1; 3 1 2 1"), 2);
	/* a ring of three, and a dead leader's group with a moved leader alone in it */
	assert_int_equal(helpers_of("1 0 1 1; 2 1 3 1; 3 1 4 1; 4 1 2 1"), 3);
	assert_int_equal(helpers_of("1 0 1 1; 2 1 9 1; 3 1 2 1"), 1);
	/* the group of a dead session leader */
	assert_int_equal(helpers_of("1 0 1 1; 4 1 3 3; 5 4 5 3; 6 5 3 3"), 1);
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(refusal_of("1 0 1 1; 2 1 2 0"), -ENOTSUP);
	assert_int_equal(refusal_of("1 0 1 1; 2 1 0 2"), -ENOTSUP);
	assert_int_equal(refusal_of("1 0 1 1; 2 0 2 2"), -ENOTSUP);
	/* the leader would have to have two parents that adopt */
	assert_int_equal(refusal_of("1 0 1 1; 2 1 1 1; 3 2 3 3; 4 1 3 3; 5 2 3 3"), -ENOTSUP);
}

static void test_hostile(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"2 0 2 2",
		"0 0 1 1; 1 0 1 1",
		"-1 0 1 1; 1 0 1 1",
		"1 1 1 1",
		"1 0 1 1; 1 0 1 1",
		"1 0 1 1; 2 1 1 1; 2 1 1 1",
		"1 2 1 1; 2 1 1 1",
		"1 0 2 2; 2 1 2 2",
		"1 0 2 1; 2 1 2 1",
		"1 0 1 1; 2 2 1 1",
		"1 0 1 1; 2 3 1 1; 3 2 1 1",
		"1 0 1 1; 2 3 1 1; 3 4 1 1; 4 2 1 1; 5 4 1 1",
		"1 0 1 1; 2 7 1 1",
		"1 0 1 1; 2 1 1 1 z; 3 2 1 1",
		"1 0 1 1; 2 1 1 1; 3 1 2 2",
		"1 0 1 1; 2 1 2 2; 3 1 2 1",
		"1 0 1 1; 2 1 1 2",
		"1 0 1 1; 2 1 9 1; 3 2 3 3; 4 3 9 3",
		"1 0 1 1 z; 2 1 1 1",
		"1 0 1 1; 2 1 5 1; 4 1 5 5",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (refusal_of(texts[i]) != -EBADMSG)
			fail_msg("'%s' is not refused as a lie", texts[i]);
	/* no numbers, too large ones, wrong ones, two that hold one thread */
	uint64_t large[] = { 2, UINT64_MAX }, other[] = { 7 }, nested[] = { 2, 1 };
	const struct u64s pids[] = {
		{ 0 }, { large, 2 }, { large + 1, 1 }, { other, 1 }, { nested, 2 }
	};
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		struct sample s = sample("1 0 1 1; 2 1 1 1");
		struct task_record bad = *s.v[1];
		bad.pids = pids[i];
		s.v[1] = &bad;
		struct tree t;
		assert_int_equal(plan(&s, &t, NULL), -EBADMSG);
		arena_done(&s.arena);
	}
	struct sample s = sample("1 0 1 1; 2 1 1 1; 3 1 1 1");
	struct thread_ref refs[] = { { 2, { nested, 1 } }, { 3, { other, 1 } } };
	struct task_record bad = *s.v[1];
	bad.threads = (struct list){ refs, 2 };
	s.v[1] = &bad;
	other[0] = 3;
	struct tree t;
	assert_int_equal(plan(&s, &t, NULL), -EBADMSG);
	arena_done(&s.arena);
}

/* Many at once: the plan is quick, deep chains are no danger. */
static void test_many(void **state)
{
	(void)state;
	struct sample s = { 0 };
	for (int pid = 1; pid <= 30000; pid++) {
		bool chain = pid < 15000;
		struct task_record t = {
			.pid = pid,
			.ppid = chain ? pid - 1 : 1,
			.pgrp = chain ? 1 : pid - pid % 4,
			.sid = chain ? 1 : pid - pid % 4,
			.state = (char *)"running",
			.comm = (char *)"x",
		};
		t.pids.n = 1;
		t.pids.v = arena_alloc(&s.arena, sizeof(uint64_t));
		t.pids.v[0] = (uint64_t)pid;
		if (!chain && pid % 8 == 0)
			continue;
		sample_add(&s, t);
	}
	struct tree t;
	assert_int_equal(plan(&s, &t, NULL), 0);
	assert_true(t.n_helpers > 3000);
	arena_done(&s.arena);
}

/* ---- random histories ---- */

static int any(unsigned *seed, int n)
{
	return (int)((unsigned)rand_r(seed) % (unsigned)n);
}

/* Somebody who lives; process 1 less often. */
static int somebody(const struct kernel *k, unsigned *seed)
{
	for (;;) {
		int p = any(seed, k->n);
		if (k->v[p].living && (p || any(seed, 3) == 0))
			return p;
		if (any(seed, 100) == 0)
			return 0;
	}
}

static void step_history(struct kernel *k, unsigned *seed, bool nested)
{
	int p = somebody(k, seed), q = somebody(k, seed);
	int what = any(seed, 100);
	if (what < 35)
		(void)kernel_fork(k, p, nested && any(seed, 6) == 0, NULL);
	else if (what < 47)
		(void)(p ? kernel_setsid(k, p) : 0);
	else if (what < 55)
		(void)kernel_setpgid(k, p, 0, 0);
	else if (what < 63)
		(void)kernel_setpgid(k, p, 0, kernel_number(k, k->v[p].space, k->v[q].pgrp));
	else if (what < 70 && k->v[q].parent >= 0)
		(void)kernel_setpgid(k, k->v[q].parent,
				     kernel_number(k, k->v[k->v[q].parent].space, q),
				     kernel_number(k, k->v[k->v[q].parent].space, k->v[p].pgrp));
	else if (what < 72)
		kernel_subreaper(k, p, any(seed, 4) > 0);
	else if (what < 76)
		k->v[p].executed = true;
	else if (what < 90)
		(void)kernel_exit(k, p);
	else
		for (int z = 0; z < k->n; z++)
			if (k->v[z].zombie && any(seed, 2))
				(void)kernel_reap(k, k->v[z].parent, z);
}

static struct u64s numbers_of(struct arena *arena, const struct kernel *k, int p, int who)
{
	struct u64s out = { .n = (size_t)k->v[p].n_levels };
	out.v = arena_alloc(arena, out.n * sizeof(uint64_t));
	int s = k->v[p].space;
	for (size_t level = out.n; level-- > 0; s = k->spaces[s].up)
		out.v[level] = (uint64_t)kernel_number(k, s, who);
	return out;
}

static void take(const struct kernel *k, struct sample *s)
{
	for (int p = 0; p < k->n; p++) {
		const struct kernel_proc *v = &k->v[p];
		if (!kernel_present(k, p))
			continue;
		struct task_record t = {
			.pid = v->pids[0],
			.ppid = v->parent < 0 ? 0 : k->v[v->parent].pids[0],
			.pgrp = kernel_number(k, 0, v->pgrp),
			.sid = kernel_number(k, 0, v->sid),
			.state = (char *)(v->zombie ? "zombie" : "running"),
			.comm = (char *)"x",
			.pidns = (uint64_t)v->space,
			.pids = numbers_of(&s->arena, k, p, p),
		};
		if (v->n_levels > 1) {
			t.pgrps = numbers_of(&s->arena, k, p, v->pgrp);
			t.sids = numbers_of(&s->arena, k, p, v->sid);
		}
		sample_add(s, t);
	}
}

static void show(const struct sample *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct task_record *t = s->v[i];
		printf("%d %d %d %d%s", t->pid, t->ppid, t->pgrp, t->sid,
		       strcmp(t->state, "zombie") ? "" : " z");
		for (size_t k = 1; k < t->pids.n; k++)
			printf(" /%d,%d,%d", (int)t->pids.v[k], (int)t->pgrps.v[k],
			       (int)t->sids.v[k]);
		printf("; ");
	}
	printf("\n");
}

/* Gives how many of the histories were refused. */
static int histories(int from, int to, int steps, bool nested)
{
	int refused = 0;
	struct kernel *k = malloc(sizeof(*k));
	struct plan_run *x = malloc(sizeof(*x));
	for (int i = from; i < to; i++) {
		unsigned seed = (unsigned)i * 7919u + 1;
		kernel_init(k);
		for (int n = any(&seed, steps); n >= 0; n--)
			step_history(k, &seed, nested);
		struct sample s = { 0 };
		struct tree t;
		struct error err = ERROR_INIT;
		take(k, &s);
		int r = plan(&s, &t, &err);
		if (r == -ENOTSUP) {
			refused++;
			if (getenv("TREE_SHOW")) {
				printf("%d: %s: %s\n", i, err.object, err.why);
				show(&s);
			}
		} else if (r < 0) {
			show(&s);
			fail_msg("history %d: %s: %s", i, err.object, err.why);
		} else {
			if (plan_run(x, &t, &s.arena, &seed) < 0 || !plan_run_right(x)) {
				struct buf print CLEANUP_BUF = BUF_INIT;
				tree_print(&t, &print);
				show(&s);
				fail_msg("history %d: %s\n%s", i, buf_str(&x->why),
					 buf_str(&print));
			}
			buf_done(&x->why);
		}
		arena_done(&s.arena);
	}
	free(k);
	free(x);
	return refused;
}

static void test_histories(void **state)
{
	(void)state;
	int refused = histories(0, 6000, 60, false) + histories(6000, 7000, 300, false);
	printf("%d of 7000 histories are refused\n", refused);
	assert_true(refused < 35);
}

static void test_nested_histories(void **state)
{
	(void)state;
	int refused = histories(0, 6000, 60, true);
	printf("%d of 6000 histories with nested pid namespaces are refused\n", refused);
	assert_true(refused <
		    480); /* groups that are led from outside of a namespace, in all ways */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	  cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_groups),	  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),	  cmocka_unit_test(test_many),
		cmocka_unit_test(test_histories), cmocka_unit_test(test_nested_histories),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
