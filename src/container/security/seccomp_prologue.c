/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_prologue.c - BPF that stands before libseccomp's filter and does two things by number
 * alone:
 *
 *   - calls that this libseccomp does not know by name get the action that the profile gives them;
 *   - calls newer than all that the profile names get ENOSYS instead of the default action's errno.
 *     A libc that tries a new call first goes back to the old one on ENOSYS and gives up on EPERM:
 *     clone3, openat2 and faccessat2 each broke containers so. Only where the default action is an
 *     errno: a profile that kills means it.
 *
 * Layout, once for each audit architecture (x32 shares x86_64's and tells itself by bit 30 of the
 * number):
 *
 *     A = arch; if A != this one, skip the rest
 *     A = nr;   if A has bit 30, skip the native part
 *     native part: ranges of numbers -> action; above the last -> ENOSYS
 *     x32 part:    the same with bit 30 set (a native number passes all its tests unhurt)
 *
 * Only LD of nr and arch, JMP and RET are used, which the kernel can evaluate ahead
 * (seccomp_is_const_allow(), Linux 5.11): an always-allowed call then costs one bit test and runs
 * no filter at all.
 */
#include "container/security/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>

#define X32_BIT	  0x40000000u
#define X32_FIRST 512 /* x32 has calls of its own from here on, below are the common ones */
#define LAST_OLD  402 /* the last before all architectures began to share numbers (Linux 5.1) */

struct known {
	int nr;
	uint32_t action;
};

/* What one architecture's part holds. */
struct part {
	struct known *v;
	size_t n;
	int last; /* above it: ENOSYS; -1: nothing */
	uint32_t bias;
};

static void emit(struct buf *out, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	struct sock_filter insn = { .code = code, .jt = jt, .jf = jf, .k = k };
	buf_add(out, &insn, sizeof(insn));
}

static uint32_t length(const struct buf *b)
{
	return (uint32_t)(b->len / sizeof(struct sock_filter));
}

/*
 * Of two actions the one that the kernel would let win (seccomp(2): the lowest as a signed number).
 */
static uint32_t stricter(uint32_t a, uint32_t b)
{
	int32_t x = (int32_t)(a & SECCOMP_RET_ACTION_FULL),
		y = (int32_t)(b & SECCOMP_RET_ACTION_FULL);
	return x <= y ? a : b;
}

static void part_add(struct part *part, int nr, uint32_t action, struct arena *arena)
{
	for (size_t i = 0; i < part->n; i++)
		if (part->v[i].nr == nr)
			return;
	*arena_push(arena, part->v, part->n) = (struct known){ nr, action };
}

static int by_number(const void *a, const void *b)
{
	const struct known *x = a, *y = b;
	return x->nr - y->nr;
}

static void part_collect_rule(const struct spec_seccomp_rule *rule, uint32_t arch, uint32_t action,
			      uint32_t default_action, struct part *part, struct arena *arena)
{
	for (size_t i = 0; i < rule->names.n; i++) {
		int nr = seccomp_resolve(rule->names.v[i], arch);
		if (nr < 0)
			continue;
		if (part->last >= 0 && nr > part->last && (arch != SCMP_ARCH_X32 || nr < X32_FIRST))
			part->last = nr;
		/* On all architectures or on none, for libseccomp adds rules by the native name. */
		if (seccomp_syscall_resolve_name(rule->names.v[i]) == __NR_SCMP_ERROR &&
		    action != default_action)
			part_add(part, nr, action, arena);
	}
}

static int part_collect(const struct spec_seccomp *sc, uint32_t arch, uint32_t default_action,
			struct part *part, struct arena *arena, struct error *err)
{
	bool errno_default = (default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	part->last = errno_default && (default_action & SECCOMP_RET_DATA) != ENOSYS ? LAST_OLD : -1;
	part->bias = arch == SCMP_ARCH_X32 ? X32_BIT : 0;
	for (size_t i = 0; i < sc->n_syscalls; i++) {
		const struct spec_seccomp_rule *rule = &sc->syscalls[i];
		uint32_t action;
		int r = seccomp_action(rule->action, &rule->errno_ret, &action, err);
		if (r < 0)
			return r;
		if (rule->n_args) /* arguments are not looked at here: err on the safe side */
			action = stricter(action, default_action);
		part_collect_rule(rule, arch, action, default_action, part, arena);
	}
	if (part->n)
		qsort(part->v, part->n, sizeof(*part->v), by_number);
	return 0;
}

/* Runs of consecutive numbers with the same action become one test. */
static void emit_known(const struct part *part, struct buf *out)
{
	for (size_t i = 0, j; i < part->n; i = j) {
		const struct known *first = &part->v[i];
		for (j = i + 1; j < part->n && part->v[j].nr == part->v[j - 1].nr + 1 &&
				part->v[j].action == first->action;)
			j++;
		uint32_t low = part->bias | (uint32_t)first->nr;
		uint32_t high = part->bias | (uint32_t)part->v[j - 1].nr;
		if (low == high) {
			emit(out, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, low);
		} else {
			emit(out, BPF_JMP | BPF_JGE | BPF_K, 0, 2, low);
			emit(out, BPF_JMP | BPF_JGT | BPF_K, 1, 0, high);
		}
		emit(out, BPF_RET | BPF_K, 0, 0, first->action);
	}
}

static void emit_part(const struct part *part, struct buf *out)
{
	CLEANUP_BUF struct buf body = BUF_INIT;
	emit_known(part, &body);
	if (part->last >= 0) {
		if (part->bias) {
			emit(&body, BPF_JMP | BPF_JGE | BPF_K, 2, 0, part->bias | X32_FIRST);
			emit(&body, BPF_JMP | BPF_JGT | BPF_K, 0, 1,
			     part->bias | (uint32_t)part->last);
		} else {
			emit(&body, BPF_JMP | BPF_JGT | BPF_K, 0, 1, (uint32_t)part->last);
		}
		emit(&body, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
	}
	if (!body.len)
		return;
	/* The calls of every day are below all of these: past them in one step. */
	int lowest = part->n ? part->v[0].nr : part->last + 1;
	if (part->last >= 0)
		lowest = MIN(lowest, part->last + 1);
	emit(out, BPF_JMP | BPF_JGE | BPF_K, 1, 0, part->bias | (uint32_t)lowest);
	emit(out, BPF_JMP | BPF_JA, 0, 0, length(&body));
	buf_add(out, body.data, body.len);
}

static bool has_arch(const struct archs *archs, uint32_t token)
{
	for (size_t i = 0; i < archs->n; i++)
		if (archs->token[i] == token)
			return true;
	return false;
}

/* All of one audit architecture: `token` and, for x86_64, x32 beside it. */
static int emit_arch(const struct spec_seccomp *sc, const struct archs *archs, uint32_t token,
		     uint32_t default_action, struct buf *out, struct error *err)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	CLEANUP_BUF struct buf native = BUF_INIT, block = BUF_INIT;
	struct part part = { 0 }, x32 = { 0 };
	bool is_x86_64 = token == SCMP_ARCH_X86_64;
	int r = part_collect(sc, token, default_action, &part, &arena, err);
	if (r == 0 && is_x86_64 && has_arch(archs, SCMP_ARCH_X32))
		r = part_collect(sc, SCMP_ARCH_X32, default_action, &x32, &arena, err);
	if (r < 0)
		return r;
	emit_part(&part, &native);
	if (!native.len)
		return 0;
	emit(&block, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	if (is_x86_64) {
		emit(&block, BPF_JMP | BPF_JGE | BPF_K, 0, 1, X32_BIT);
		emit(&block, BPF_JMP | BPF_JA, 0, 0, length(&native));
	}
	buf_add(&block, native.data, native.len);
	if (x32.bias)
		emit_part(&x32, &block);
	emit(out, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	emit(out, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, token);
	emit(out, BPF_JMP | BPF_JA, 0, 0, length(&block));
	buf_add(out, block.data, block.len);
	return 0;
}

int seccomp_prologue(const struct spec_seccomp *sc, const struct archs *archs,
		     uint32_t default_action, struct buf *out, struct error *err)
{
	for (size_t i = 0; i < archs->n; i++) {
		if (archs->token[i] == SCMP_ARCH_X32)
			continue;
		int r = emit_arch(sc, archs, archs->token[i], default_action, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}
