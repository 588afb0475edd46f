/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_judge.h - an interpreter of classic BPF as seccomp(2) uses it, so that tests can ask a filter
 * about every number of every architecture without making the calls; and the preparing that goes
 * before. Include after cmocka.h.
 */
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "container/security/security.h"

#define RET_EPERM  (SECCOMP_RET_ERRNO | EPERM)
#define RET_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

static inline uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t v;
	assert_true(offset % 4 == 0 && offset + 4 <= sizeof(*data));
	memcpy(&v, (const char *)data + offset, sizeof(v));
	return v;
}

static inline bool jumps(uint16_t op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	default:
		fail_msg("jump %#x", op);
		return false;
	}
}

static inline uint32_t judge(const struct security *sec, const struct seccomp_data *data)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < sec->filter_len; pc++) {
		const struct sock_filter *i = &sec->filter[pc];
		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (i->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load(data, i->k);
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= i->k;
		else if (i->code == (BPF_JMP | BPF_JA))
			pc += i->k;
		else if (BPF_CLASS(i->code) == BPF_JMP && BPF_SRC(i->code) == BPF_K)
			pc += jumps(BPF_OP(i->code), a, i->k) ? i->jt : i->jf;
		else
			fail_msg("instruction %zu has code %#x", pc, i->code);
	}
	fail_msg("the filter has no end");
	return 0;
}

#define JUDGE(sec, audit_arch, number, ...)                                                        \
	judge(sec, &(struct seccomp_data){                                                         \
			   .nr = (int)(number), .arch = (audit_arch), .args = { __VA_ARGS__ } })

static inline struct security prepare_in(const struct spec *spec, const char *cache,
					 struct arena *arena)
{
	struct security sec;
	struct error err = ERROR_INIT;
	if (security_prepare(spec, cache, arena, &sec, &err) < 0)
		fail_msg("%s: %s", err.object, err.why);
	return sec;
}

static inline void load_profile(struct spec *spec, const char *json)
{
	struct error err = ERROR_INIT;
	if (security_seccomp_load(spec, json, strlen(json), &err) < 0)
		fail_msg("%s: %s", err.object, err.why);
}

static inline void assert_refused(const char *json, const char *object, const char *why)
{
	CLEANUP_SPEC struct spec spec = { 0 };
	CLEANUP_ARENA struct arena arena = { 0 };
	struct security sec;
	struct error err = ERROR_INIT;
	int r = security_seccomp_load(&spec, json, strlen(json), &err);
	if (r == 0)
		r = security_prepare(&spec, NULL, &arena, &sec, &err);
	assert_int_equal(r, -EINVAL);
	if (strcmp(err.object, object) != 0 || !strstr(err.why, why))
		fail_msg("got %s: %s", err.object, err.why);
}
