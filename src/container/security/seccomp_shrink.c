/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_shrink.c - a filter that decides the same by fewer instructions.
 *
 * The kernel translates a filter when it is installed, and runs it in thought for each number of each
 * architecture (seccomp_cache_prepare(), Linux 5.11): both cost by the instruction, at the start of each
 * container and each exec. libseccomp takes about three instructions for each call that is named; but named
 * calls lie side by side, and a range of numbers needs no more than its two ends.
 *
 * How: no test of the program but by the constants in it tells two numbers apart, so between two constants
 * all numbers share one fate, and one of them shows it. It is run for each such range up to what it returns,
 * or to where it first looks at an argument. Ranges with the same fate become one; a binary tree of them is
 * put in front of what is left of the program, the instructions that look at arguments. What the new program
 * decides is thus what the old one did, whatever made it; anything in it that is not understood leaves it as
 * it is.
 *
 *     A = arch
 *     if A == one of those tested for:  A = nr, its tree
 *     ...
 *     A = nr, the tree of all others
 *     the old instructions that can be reached from the first look at an argument on, in their order
 */
#include "container/security/seccomp.h"

#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TESTED_ARCHS 16
#define FAR		 255 /* a conditional jump goes no further */

/* What becomes of a call. */
struct fate {
	bool looks; /* at arguments, from instruction `value` on; else `value` is returned */
	uint32_t value;
};

struct range {
	uint32_t first;
	struct fate fate;
};

struct branch { /* the numbers of one architecture */
	struct range *v;
	size_t n;
};

struct patch { /* the jump at `at` leads to the old instruction `to` */
	size_t at;
	uint32_t to;
};

struct shrink {
	const struct sock_filter *insn; /* the old program */
	size_t n;
	struct arena arena;
	uint32_t *starts; /* of the ranges, ascending */
	size_t n_starts;
	uint32_t archs[MAX_TESTED_ARCHS];
	size_t n_archs;
	struct buf out;
	struct patch *patches;
	size_t n_patches;
};

static void shrink_done(struct shrink *s)
{
	buf_done(&s->out);
	arena_done(&s->arena);
}

static bool is_test(const struct sock_filter *insn)
{
	return insn->code == (BPF_JMP | BPF_JEQ | BPF_K) ||
	       insn->code == (BPF_JMP | BPF_JGE | BPF_K) ||
	       insn->code == (BPF_JMP | BPF_JGT | BPF_K);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* A test with constant k tells at most k - 1 from k, and k from k + 1. */
static void find_starts(struct shrink *s)
{
	s->starts = arena_alloc(&s->arena, (2 * s->n + 1) * sizeof(*s->starts));
	size_t n = 1, kept = 1; /* the first is 0 */
	for (size_t i = 0; i < s->n; i++) {
		if (!is_test(&s->insn[i]))
			continue;
		s->starts[n++] = s->insn[i].k;
		if (s->insn[i].k != UINT32_MAX)
			s->starts[n++] = s->insn[i].k + 1;
	}
	qsort(s->starts, n, sizeof(*s->starts), by_value);
	for (size_t i = 1; i < n; i++)
		if (s->starts[i] != s->starts[kept - 1])
			s->starts[kept++] = s->starts[i];
	s->n_starts = kept;
}

static int note_arch(struct shrink *s, uint32_t arch)
{
	for (size_t i = 0; i < s->n_archs; i++)
		if (s->archs[i] == arch)
			return 0;
	if (s->n_archs == MAX_TESTED_ARCHS)
		return -E2BIG;
	s->archs[s->n_archs++] = arch;
	return 0;
}

static bool passes(const struct sock_filter *test, uint32_t a)
{
	switch (BPF_OP(test->code)) {
	case BPF_JEQ:
		return a == test->k;
	case BPF_JGE:
		return a >= test->k;
	default:
		return a > test->k;
	}
}

/* Runs the old program. -ENOTSUP: it does what we do not understand. */
static int find_fate(struct shrink *s, uint32_t arch, uint32_t nr, struct fate *ret)
{
	enum { NOTHING, ARCH, NR } holds = NOTHING;
	for (size_t pc = 0; pc < s->n; pc++) {
		const struct sock_filter *insn = &s->insn[pc];
		if (insn->code == (BPF_RET | BPF_K)) {
			*ret = (struct fate){ false, insn->k };
			return 0;
		}
		if (insn->code == (BPF_JMP | BPF_JA)) {
			pc += insn->k;
		} else if (insn->code == (BPF_LD | BPF_W | BPF_ABS)) {
			holds = insn->k == offsetof(struct seccomp_data, nr)	 ? NR
				: insn->k == offsetof(struct seccomp_data, arch) ? ARCH
										 : NOTHING;
			if (holds == NOTHING) {
				*ret = (struct fate){ true, (uint32_t)pc };
				return 0;
			}
		} else if (is_test(insn) && holds == NR) {
			pc += passes(insn, nr) ? insn->jt : insn->jf;
		} else if (insn->code == (BPF_JMP | BPF_JEQ | BPF_K) && holds == ARCH) {
			if (note_arch(s, insn->k) < 0)
				return -ENOTSUP;
			pc += passes(insn, arch) ? insn->jt : insn->jf;
		} else {
			return -ENOTSUP;
		}
	}
	return -ENOTSUP;
}

static int find_ranges(struct shrink *s, uint32_t arch, struct branch *ret)
{
	ret->v = arena_alloc(&s->arena, s->n_starts * sizeof(*ret->v));
	for (size_t i = 0; i < s->n_starts; i++) {
		struct fate fate;
		int r = find_fate(s, arch, s->starts[i], &fate);
		if (r < 0)
			return r;
		const struct fate *last = ret->n ? &ret->v[ret->n - 1].fate : NULL;
		if (!last || last->looks != fate.looks || last->value != fate.value)
			ret->v[ret->n++] = (struct range){ s->starts[i], fate };
	}
	return 0;
}

/* A number that no test for an architecture knows; all those fare alike. */
static uint32_t other_arch(const struct shrink *s)
{
	uint32_t arch = 0;
	for (size_t i = 0; i < s->n_archs; i++)
		if (s->archs[i] == arch) {
			arch++;
			i = (size_t)-1;
		}
	return arch;
}

/* ---- the new program ---- */

static void emit(struct shrink *s, uint16_t code, size_t jt, size_t jf, size_t k)
{
	struct sock_filter insn = {
		.code = code, .jt = (uint8_t)jt, .jf = (uint8_t)jf, .k = (uint32_t)k
	};
	buf_add(&s->out, &insn, sizeof(insn));
}

/*
 * A tree of ranges: its nodes, a jump for each range that looks at arguments, and behind them one return for
 * each verdict. Where they would be out of a node's reach, each range gets a return of its own instead.
 */
struct tree {
	bool own_returns;
	size_t returns_at;  /* absolute */
	uint32_t *verdicts; /* in the order of the returns */
	size_t n_verdicts;
};

/* Whether it has an instruction of its own in the tree. */
static bool has_place(const struct tree *t, const struct range *v, size_t n)
{
	return n > 1 || v->fate.looks || t->own_returns;
}

/* How many instructions, without the returns behind. */
static size_t tree_size(const struct tree *t, const struct range *v, size_t n)
{
	if (n == 1)
		return has_place(t, v, n);
	size_t left = tree_size(t, v, n / 2);
	return 1 + (left > FAR) + left + tree_size(t, v + n / 2, n - n / 2);
}

static size_t verdict_index(const struct tree *t, uint32_t verdict)
{
	size_t i = 0;
	while (i < t->n_verdicts && t->verdicts[i] != verdict)
		i++;
	return i;
}

static size_t here(const struct shrink *s)
{
	return s->out.len / sizeof(struct sock_filter);
}

static void emit_leaf(struct shrink *s, const struct range *v)
{
	if (!v->fate.looks) {
		emit(s, BPF_RET | BPF_K, 0, 0, v->fate.value);
		return;
	}
	struct patch *patch = arena_push(&s->arena, s->patches, s->n_patches);
	*patch = (struct patch){ here(s), v->fate.value };
	emit(s, BPF_JMP | BPF_JA, 0, 0, 0);
}

/* From the instruction after the next to a subtree that starts `skip` instructions from there. */
static size_t distance(const struct shrink *s, const struct tree *t, const struct range *v,
		       size_t n, size_t skip)
{
	if (has_place(t, v, n))
		return skip;
	return t->returns_at + verdict_index(t, v->fate.value) - here(s) - 1;
}

static void emit_tree(struct shrink *s, const struct tree *t, const struct range *v, size_t n)
{
	if (n == 1) {
		if (has_place(t, v, n))
			emit_leaf(s, v);
		return;
	}
	const struct range *right = v + n / 2;
	size_t size = tree_size(t, v, n / 2);
	if (size > FAR) {
		emit(s, BPF_JMP | BPF_JGE | BPF_K, 0, 1, right->first);
		emit(s, BPF_JMP | BPF_JA, 0, 0, size);
	} else {
		emit(s, BPF_JMP | BPF_JGE | BPF_K, distance(s, t, right, n - n / 2, size),
		     distance(s, t, v, n / 2, 0), right->first);
	}
	emit_tree(s, t, v, n / 2);
	emit_tree(s, t, right, n - n / 2);
}

static struct tree plan_tree(struct shrink *s, const struct branch *b)
{
	struct tree t = { 0 };
	for (size_t i = 0; i < b->n; i++)
		if (!b->v[i].fate.looks && verdict_index(&t, b->v[i].fate.value) == t.n_verdicts)
			*arena_push(&s->arena, t.verdicts, t.n_verdicts) = b->v[i].fate.value;
	t.own_returns = b->n == 1 || tree_size(&t, b->v, b->n) + t.n_verdicts > FAR;
	if (t.own_returns)
		t.n_verdicts = 0;
	return t;
}

static size_t branch_size(struct shrink *s, const struct branch *b)
{
	struct tree t = plan_tree(s, b);
	return 1 + tree_size(&t, b->v, b->n) + t.n_verdicts;
}

static void emit_branch(struct shrink *s, const struct branch *b)
{
	struct tree t = plan_tree(s, b);
	emit(s, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	t.returns_at = here(s) + tree_size(&t, b->v, b->n);
	emit_tree(s, &t, b->v, b->n);
	for (size_t i = 0; i < t.n_verdicts; i++)
		emit(s, BPF_RET | BPF_K, 0, 0, t.verdicts[i]);
}

/* Which of the old instructions are still wanted: all jumps lead forward, so one pass tells. */
static bool *find_wanted(struct shrink *s)
{
	bool *wanted = arena_alloc(&s->arena, s->n * sizeof(*wanted));
	for (size_t i = 0; i < s->n_patches; i++)
		wanted[s->patches[i].to] = true;
	for (size_t pc = 0; pc < s->n; pc++) {
		const struct sock_filter *insn = &s->insn[pc];
		bool conditional = BPF_CLASS(insn->code) == BPF_JMP && BPF_OP(insn->code) != BPF_JA;
		size_t to[2] = { pc + 1, pc + 1 };
		if (!wanted[pc] || BPF_CLASS(insn->code) == BPF_RET)
			continue;
		if (conditional) {
			to[0] += insn->jt;
			to[1] += insn->jf;
		} else if (BPF_CLASS(insn->code) == BPF_JMP) {
			to[0] = to[1] = pc + 1 + insn->k;
		}
		for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
			if (to[i] >= s->n)
				return NULL; /* no program that the kernel would take */
			wanted[to[i]] = true;
		}
	}
	return wanted;
}

/* Distances shrink, so every jump still reaches. */
static int emit_rest(struct shrink *s)
{
	const bool *wanted = find_wanted(s);
	size_t *place = arena_alloc(&s->arena, (s->n + 1) * sizeof(*place));
	size_t at = here(s);
	if (!wanted)
		return -ENOTSUP;
	for (size_t pc = 0; pc < s->n; pc++) {
		place[pc] = at;
		at += wanted[pc];
	}
	for (size_t pc = 0; pc < s->n; pc++) {
		const struct sock_filter *insn = &s->insn[pc];
		size_t jt = insn->jt, jf = insn->jf, k = insn->k, next = place[pc] + 1;
		if (!wanted[pc])
			continue;
		if (insn->code == (BPF_JMP | BPF_JA)) {
			k = place[pc + 1 + k] - next;
		} else if (BPF_CLASS(insn->code) == BPF_JMP) {
			jt = place[pc + 1 + jt] - next;
			jf = place[pc + 1 + jf] - next;
		}
		emit(s, insn->code, jt, jf, k);
	}
	struct sock_filter *out = (struct sock_filter *)s->out.data;
	for (size_t i = 0; i < s->n_patches; i++)
		out[s->patches[i].at].k =
			(uint32_t)(place[s->patches[i].to] - s->patches[i].at - 1);
	return 0;
}

static int shrink(struct shrink *s)
{
	struct branch b[MAX_TESTED_ARCHS] = { { 0 } }, rest = { 0 };
	find_starts(s);
	/* the tests for architectures are found by running into them */
	int r = find_ranges(s, 0, &rest);
	for (size_t i = 0; r == 0 && i < s->n_archs; i++)
		r = find_ranges(s, s->archs[i], &b[i]);
	rest = (struct branch){ 0 };
	if (r == 0)
		r = find_ranges(s, other_arch(s), &rest);
	if (r < 0)
		return r;
	emit(s, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < s->n_archs; i++) {
		emit(s, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, s->archs[i]);
		emit(s, BPF_JMP | BPF_JA, 0, 0, branch_size(s, &b[i]));
		emit_branch(s, &b[i]);
	}
	emit_branch(s, &rest);
	return emit_rest(s);
}

void seccomp_shrink(struct buf *program)
{
	CLEANUP(shrink_done)
	struct shrink s = {
		.insn = (const struct sock_filter *)program->data,
		.n = program->len / sizeof(struct sock_filter),
	};
	if (s.n == 0 || shrink(&s) < 0 || s.out.len >= program->len)
		return;
	buf_reset(program);
	buf_add(program, s.out.data, s.out.len);
}
