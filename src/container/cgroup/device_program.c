/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_program.c - see device_program.h.
 *
 * Read, write and mknod are decided one after the other, each by a section of the program: the rules that
 * name it, from the last to the first, each a comparison that jumps to the section's end (allow) or to the
 * program's last line (deny). Accesses that the same rules name share a section. Nothing is remembered
 * from one comparison to the next, so that the verifier's work grows with the number of rules, not with
 * that of the paths through them: 12 rules load in 60 us where a running set of undecided accesses took
 * 220, and rules in plenty would have been refused.
 * Source: struct bpf_cgroup_dev_ctx in linux/bpf.h.
 */
#include "container/cgroup/device_program.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ALL_ACCESS	 (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD)
#define N_ACCESS	 3
#define MAX_RULES	 1000 /* jumps reach 32767 instructions */
#define INSNS_OF_A_RULE	 6    /* at most, in each section */
#define INSNS_AROUND	 32
#define DEVICE_KEY(t, m) ((uint64_t)(t) << 12 | (unsigned)(m))

enum { R_RESULT = BPF_REG_0, R_CTX, R_TYPE, R_ACCESS, R_KEY, R_TYPE_MAJOR, R_MINOR, R_SCRATCH };

/* ---- instructions ---- */

/* Jumps to a place that is not known yet. */
struct label {
	size_t *at;
	size_t n;
};

struct program {
	struct bpf_insn *insns;
	size_t n;
	struct label next, deny; /* end of the section, refusal */
};

static void emit(struct program *p, unsigned code, int dst, int src, int32_t imm)
{
	p->insns[p->n++] = (struct bpf_insn){ .code = (uint8_t)code,
					      .dst_reg = (uint8_t)dst & 0xf,
					      .src_reg = (uint8_t)src & 0xf,
					      .imm = imm };
}

static void emit_load(struct program *p, int reg, size_t field)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, R_CTX, 0);
	p->insns[p->n - 1].off = (int16_t)field;
}

static void emit_load_u64(struct program *p, int reg, uint64_t value) /* takes two places */
{
	emit(p, BPF_LD | BPF_IMM | BPF_DW, reg, 0, (int32_t)(uint32_t)value);
	emit(p, 0, 0, 0, (int32_t)(value >> 32));
}

static void emit_jump(struct program *p, struct label *to, unsigned code, int dst, int src,
		      int32_t imm)
{
	to->at[to->n++] = p->n;
	emit(p, BPF_JMP | code, dst, src, imm);
}

static void place(struct program *p, struct label *l)
{
	while (l->n > 0) {
		size_t at = l->at[--l->n];
		p->insns[at].off = (int16_t)(p->n - at - 1);
	}
}

static void emit_return(struct program *p, bool allow)
{
	emit(p, BPF_ALU | BPF_MOV | BPF_K, R_RESULT, 0, allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0);
}

/* R_TYPE_MAJOR = type << 12 | major, R_KEY = type << 32 | major << 20 | minor. */
static void emit_start(struct program *p)
{
	emit_load(p, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_load(p, R_KEY, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(p, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R_ACCESS, 0, 16);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0xffff);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_TYPE_MAJOR, R_TYPE, 0);
	emit(p, BPF_ALU64 | BPF_LSH | BPF_K, R_TYPE_MAJOR, 0, 12);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_TYPE_MAJOR, R_KEY, 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_KEY, R_TYPE_MAJOR, 0);
	emit(p, BPF_ALU64 | BPF_LSH | BPF_K, R_KEY, 0, 20);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, R_KEY, R_MINOR, 0);
}

/* ---- sections ---- */

/* Jumps when the device is of that type and has the rule's numbers. */
static void emit_match(struct program *p, const struct device_rule *r, unsigned type,
		       struct label *to)
{
	if (r->major >= 0 && r->minor >= 0) {
		emit_load_u64(p, R_SCRATCH, DEVICE_KEY(type, r->major) << 20 | (unsigned)r->minor);
		emit_jump(p, to, BPF_JEQ | BPF_X, R_KEY, R_SCRATCH, 0);
	} else if (r->major >= 0) {
		emit_jump(p, to, BPF_JEQ | BPF_K, R_TYPE_MAJOR, 0,
			  (int32_t)DEVICE_KEY(type, r->major));
	} else if (r->minor >= 0) {
		emit(p, BPF_JMP | BPF_JNE | BPF_K, R_TYPE, 0, (int32_t)type);
		p->insns[p->n - 1].off = 1;
		emit_jump(p, to, BPF_JEQ | BPF_K, R_MINOR, 0, r->minor);
	} else {
		emit_jump(p, to, BPF_JEQ | BPF_K, R_TYPE, 0, (int32_t)type);
	}
}

static bool matches_all(const struct device_rule *r)
{
	return r->type == 0 && r->major < 0 && r->minor < 0;
}

/* Decides the accesses in mask, which are named by the same rules. False when nothing leads past it. */
static bool emit_section(struct program *p, const struct device_rule *rules, size_t n,
			 unsigned mask)
{
	static const unsigned both[] = { BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR };
	if (mask != ALL_ACCESS) {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, R_SCRATCH, R_ACCESS, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, R_SCRATCH, 0, (int32_t)mask);
		emit_jump(p, &p->next, BPF_JEQ | BPF_K, R_SCRATCH, 0, 0);
	}
	bool falls = true;
	for (size_t i = n; i-- > 0;) {
		const struct device_rule *r = &rules[i];
		struct label *to = r->allow ? &p->next : &p->deny;
		if (!(r->access & mask))
			continue;
		if (matches_all(r)) {
			emit_jump(p, to, BPF_JA, 0, 0, 0);
			falls = false; /* rules before it never count */
			break;
		}
		for (size_t t = 0; t < ARRAY_SIZE(both); t++)
			if (r->type == 0 || r->type == both[t])
				emit_match(p, r, both[t], to);
	}
	bool reached = falls || p->next.n > 0;
	place(p, &p->next);
	return reached;
}

/* Which accesses the rules never tell apart from that of the lowest bit in left. */
static unsigned take_section(const struct device_rule *rules, size_t n, unsigned left)
{
	unsigned first = left & -left, mask = left;
	for (size_t i = 0; i < n; i++)
		mask &= rules[i].access & first ? rules[i].access : ~rules[i].access;
	return mask;
}

static void emit_program(struct program *p, const struct device_rule *rules, size_t n)
{
	bool reached = true;
	emit_start(p);
	for (unsigned left = ALL_ACCESS, mask; left; left &= ~mask) {
		mask = take_section(rules, n, left);
		reached = emit_section(p, rules, n, mask);
	}
	/* The verifier takes no line that nothing leads to. */
	if (reached)
		emit_return(p, true);
	if (p->deny.n > 0) {
		place(p, &p->deny);
		emit_return(p, false);
	}
}

/* ---- rules ---- */

static const struct {
	char letter;
	unsigned value;
} types[] = { { 'a', 0 },
	      { 'b', BPF_DEVCG_DEV_BLOCK },
	      { 'c', BPF_DEVCG_DEV_CHAR },
	      { 'u', BPF_DEVCG_DEV_CHAR } },
  accesses[] = { { 'r', BPF_DEVCG_ACC_READ },
		 { 'w', BPF_DEVCG_ACC_WRITE },
		 { 'm', BPF_DEVCG_ACC_MKNOD } };

static int bad_rule(const struct spec_device_rule *r, const char *why, struct error *err)
{
	error_set(err, EINVAL, "%s", why);
	error_object(err, "device rule \"%s %s %" PRId64 ":%" PRId64 " %s\"",
		     r->allow ? "allow" : "deny", r->type ? r->type : "a",
		     r->major.set ? r->major.v : -1, r->minor.set ? r->minor.v : -1,
		     r->access ? r->access : "rwm");
	return error_hint(err, "a rule is a type a, b or c, numbers or none for all, and letters "
			       "out of rwm");
}

static int read_type(const char *type, unsigned *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (type[0] == types[i].letter && !type[1]) {
			*ret = types[i].value;
			return 0;
		}
	return -EINVAL;
}

static int read_access(const char *text, unsigned *ret)
{
	*ret = 0;
	for (; *text; text++) {
		unsigned bit = 0;
		for (size_t i = 0; i < ARRAY_SIZE(accesses); i++)
			if (*text == accesses[i].letter)
				bit = accesses[i].value;
		if (!bit)
			return -EINVAL;
		*ret |= bit;
	}
	return *ret ? 0 : -EINVAL;
}

static int64_t number_of(const struct opt_i64 *n)
{
	return n->set && n->v != -1 ? n->v : -1; /* -1 is "any" too */
}

int device_rule_read(const struct spec_device_rule *rule, struct device_rule *ret,
		     struct error *err)
{
	int64_t major = number_of(&rule->major), minor = number_of(&rule->minor);
	if (major < -1 || major > DEVICE_MAJOR_MAX || minor < -1 || minor > DEVICE_MINOR_MAX)
		return bad_rule(rule, "no device can have such a number", err);
	*ret = (struct device_rule){
		.allow = rule->allow, .access = ALL_ACCESS, .major = (int)major, .minor = (int)minor
	};
	if (rule->type && read_type(rule->type, &ret->type) < 0)
		return bad_rule(rule, "unknown type of device", err);
	if (rule->access && *rule->access && read_access(rule->access, &ret->access) < 0)
		return bad_rule(rule, "unknown kind of access", err);
	return 0;
}

bool device_rule_is_total(const struct device_rule *r)
{
	return r->type == 0 && r->major < 0 && r->minor < 0 && r->access == ALL_ACCESS;
}

static void rules_free(struct device_rule **rules)
{
	free(*rules);
}

static void labels_free(size_t **labels)
{
	free(*labels);
}

int device_program(const struct spec_device_rule *rules, size_t n, struct bpf_insn **ret,
		   size_t *ret_n, struct error *err)
{
	CLEANUP(rules_free) struct device_rule *read = xcalloc(n, sizeof(*read));
	size_t from = 0;
	if (n > MAX_RULES) {
		error_set(err, E2BIG, "there are %zu device rules, at most %d can be held", n,
			  MAX_RULES);
		return -E2BIG;
	}
	for (size_t i = 0; i < n; i++) {
		int r = device_rule_read(&rules[i], &read[i], err);
		if (r < 0)
			return r;
		if (device_rule_is_total(&read[i]))
			from = i; /* those before it never count */
	}
	size_t max = (n - from) * INSNS_OF_A_RULE * N_ACCESS + INSNS_AROUND;
	CLEANUP(labels_free) size_t *labels = xcalloc(2 * max, sizeof(*labels));
	struct program p = { .insns = xcalloc(max, sizeof(*p.insns)),
			     .next.at = labels,
			     .deny.at = labels + max };
	emit_program(&p, read + from, n - from);
	*ret = p.insns;
	*ret_n = p.n;
	return 0;
}
