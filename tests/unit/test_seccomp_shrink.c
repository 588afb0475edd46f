/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seccomp_shrink.c - a filter that was made shorter decides what it did before: for every number of
 * every architecture, with arguments at the edges of what the rules compare them with.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fd.h"
#include "bpf_judge.h"
#include "container/security/seccomp.h"

#define X32 0x40000000u

static uint32_t verdict(const struct buf *program, const struct seccomp_data *data)
{
	struct security sec = { .filter = (struct sock_filter *)program->data,
				.filter_len = (unsigned short)(program->len /
							       sizeof(struct sock_filter)) };
	return judge(&sec, data);
}

static void export(scmp_filter_ctx ctx, struct buf *out)
{
	CLEANUP_FD int fd = memfd_create("filter", MFD_CLOEXEC);
	char chunk[4096];
	assert_true(fd >= 0);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;)
		buf_add(out, chunk, (size_t)n);
}

static const uint64_t values[] = { 0, 1, 2, 7, 8, 16, 0x7fffffff, 0xffffffff, 0x100000000, ~0ull };

/* Both programs about one number: all arguments the same, and each alone another. */
static void compare(const struct buf *old, const struct buf *new, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = { .arch = arch, .nr = (int)nr };
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (size_t k = 0; k < 6; k++)
			data.args[k] = values[i];
		assert_int_equal(verdict(old, &data), verdict(new, &data));
		for (size_t k = 0; k < 3; k++) {
			data.args[k] = values[(i + 3) % ARRAY_SIZE(values)];
			assert_int_equal(verdict(old, &data), verdict(new, &data));
		}
	}
}

static void compare_all(const struct buf *old, const struct buf *new)
{
	static const uint32_t archs[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0,
		UINT32_MAX
	};
	static const uint32_t edges[] = { 1000,	      X32 - 1,	      0x7fffffff,
					  0x80000000, UINT32_MAX - 1, UINT32_MAX };
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		for (uint32_t nr = 0; nr < 600; nr++) {
			compare(old, new, archs[i], nr);
			compare(old, new, archs[i], X32 | nr);
		}
		for (size_t k = 0; k < ARRAY_SIZE(edges); k++)
			compare(old, new, archs[i], edges[k]);
	}
}

/* ---- programs of libseccomp ---- */

static const uint32_t actions[] = { SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), SCMP_ACT_ERRNO(ENOSYS),
				    SCMP_ACT_LOG, SCMP_ACT_KILL_PROCESS };

static uint32_t pick(unsigned *seed, size_t n)
{
	*seed = *seed * 1103515245 + 12345;
	return (uint32_t)((*seed >> 8) % n);
}

static void random_program(unsigned seed, struct buf *out)
{
	uint32_t by_default = actions[pick(&seed, ARRAY_SIZE(actions))];
	unsigned density = 2 + pick(&seed, 8);
	scmp_filter_ctx ctx = seccomp_init(by_default);
	assert_non_null(ctx);
	assert_int_equal(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 1 + pick(&seed, 2)), 0);
#if defined(__x86_64__)
	if (pick(&seed, 2))
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
	if (pick(&seed, 2))
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X32), 0);
#endif
	uint32_t action = actions[0];
	for (int nr = 0; nr < 450; nr++) {
		if (pick(&seed, 8) == 0)
			action = actions[pick(&seed, ARRAY_SIZE(actions))];
		if (action == by_default || pick(&seed, density * 4) == 0)
			continue;
		struct scmp_arg_cmp cmp = { .arg = pick(&seed, 3),
					    .op = (enum scmp_compare)(1 + pick(&seed, 7)),
					    .datum_a = values[pick(&seed, ARRAY_SIZE(values))],
					    .datum_b = 8 };
		/* a number that one of the architectures lacks is no matter */
		(void)seccomp_rule_add_array(ctx, action, nr, pick(&seed, 12) == 0, &cmp);
	}
	export(ctx, out);
	seccomp_release(ctx);
}

static void test_random(void **state)
{
	(void)state;
	size_t before = 0, after = 0;
	for (unsigned seed = 1; seed <= 12; seed++) {
		CLEANUP_BUF struct buf old = BUF_INIT, new = BUF_INIT;
		random_program(seed, &old);
		buf_add(&new, old.data, old.len);
		seccomp_shrink(&new);
		before += old.len;
		after += new.len;
		compare_all(&old, &new);
	}
	assert_true(after < before);
}

/* ---- ours ---- */

static void test_default(void **state)
{
	(void)state;
	CLEANUP_SPEC struct spec spec = { 0 };
	security_default_caps(&spec);
	security_default_seccomp(&spec);
	struct security sec = prepare_in(&spec, NULL, &spec.arena);
	/* libseccomp's own has a thousand: who comes near that again has lost what this file is for */
	assert_in_range(sec.filter_len, 100, 400);
}

/* ---- programs by hand ---- */

static void check(const struct sock_filter *insn, size_t n, bool shorter)
{
	CLEANUP_BUF struct buf old = BUF_INIT, new = BUF_INIT;
	buf_add(&old, insn, n * sizeof(*insn));
	buf_add(&new, insn, n * sizeof(*insn));
	seccomp_shrink(&new);
	if (shorter)
		assert_true(new.len < old.len);
	else
		assert_memory_equal(old.data, new.data, old.len);
	assert_true(new.len <= old.len);
	compare_all(&old, &new);
}

#define LD(what)	  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)
#define RET(v)		  BPF_STMT(BPF_RET | BPF_K, v)

static void test_by_hand(void **state)
{
	(void)state;
	/* a chain over ten numbers in a row is one range */
	const struct sock_filter chain[] = {
		LD(nr),
		JUMP(BPF_JEQ, 10, 9, 0),
		JUMP(BPF_JEQ, 11, 8, 0),
		JUMP(BPF_JEQ, 12, 7, 0),
		JUMP(BPF_JEQ, 13, 6, 0),
		JUMP(BPF_JEQ, 14, 5, 0),
		JUMP(BPF_JEQ, 15, 4, 0),
		JUMP(BPF_JEQ, 16, 3, 0),
		JUMP(BPF_JEQ, 17, 2, 0),
		JUMP(BPF_JEQ, 18, 1, 0),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};
	check(chain, ARRAY_SIZE(chain), true);
	/* bits of a number are no range: left alone */
	const struct sock_filter bits[] = {
		LD(nr),
		JUMP(BPF_JSET, 5, 0, 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};
	check(bits, ARRAY_SIZE(bits), false);
	/* an architecture by its order: left alone */
	const struct sock_filter order[] = {
		LD(arch),
		JUMP(BPF_JGE, 5, 0, 1),
		RET(SECCOMP_RET_KILL_PROCESS),
		RET(SECCOMP_RET_ALLOW),
	};
	check(order, ARRAY_SIZE(order), false);
	/* the ends of the numbers */
	const struct sock_filter ends[] = {
		LD(nr),
		JUMP(BPF_JEQ, 0, 5, 0),
		JUMP(BPF_JEQ, 1, 4, 0),
		JUMP(BPF_JEQ, UINT32_MAX, 3, 0),
		JUMP(BPF_JGT, UINT32_MAX - 1, 2, 0),
		JUMP(BPF_JGE, UINT32_MAX, 1, 0),
		RET(SECCOMP_RET_ALLOW),
		RET(SECCOMP_RET_KILL_PROCESS),
	};
	check(ends, ARRAY_SIZE(ends), true);
	const struct sock_filter one[] = { RET(SECCOMP_RET_ALLOW) };
	check(one, ARRAY_SIZE(one), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_by_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
