/* SPDX-License-Identifier: Apache-2.0 */
/* filter_program.c - see filter_program.h. */
#include "checkpoint/kind/filter_program.h"

#include <errno.h>

#include <string.h>

#include "sys/arch/audit.h"

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
	const struct seccomp_data *data;
	const struct sock_filter *v;
	size_t n;
	size_t at; /* of the next instruction */
};

static int load(struct machine *m, const struct sock_filter *i, uint32_t *ret)
{
	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		*ret = i->k;
		return 0;
	case BPF_LEN:
		*ret = sizeof(*m->data);
		return 0;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return -EINVAL;
		*ret = m->mem[i->k];
		return 0;
	case BPF_ABS:
		if (i->k > sizeof(*m->data) - 4 || i->k % 4)
			return -EINVAL;
		memcpy(ret, (const char *)m->data + i->k, 4);
		return 0;
	default:
		return -EINVAL;
	}
}

static int calculate(struct machine *m, const struct sock_filter *i)
{
	uint32_t b = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		m->a += b;
		return 0;
	case BPF_SUB:
		m->a -= b;
		return 0;
	case BPF_MUL:
		m->a *= b;
		return 0;
	case BPF_DIV:
		m->a = b ? m->a / b : 0;
		return 0;
	case BPF_AND:
		m->a &= b;
		return 0;
	case BPF_OR:
		m->a |= b;
		return 0;
	case BPF_XOR:
		m->a ^= b;
		return 0;
	case BPF_LSH:
		m->a <<= b & 31;
		return 0;
	case BPF_RSH:
		m->a >>= b & 31;
		return 0;
	case BPF_NEG:
		m->a = -m->a;
		return 0;
	default:
		return -EINVAL;
	}
}

static int jump(struct machine *m, const struct sock_filter *i)
{
	uint32_t b = BPF_SRC(i->code) == BPF_X ? m->x : i->k;
	bool yes;
	switch (BPF_OP(i->code)) {
	case BPF_JA:
		if (i->k >= m->n - m->at)
			return -EINVAL;
		m->at += i->k;
		return 0;
	case BPF_JEQ:
		yes = m->a == b;
		break;
	case BPF_JGT:
		yes = m->a > b;
		break;
	case BPF_JGE:
		yes = m->a >= b;
		break;
	case BPF_JSET:
		yes = m->a & b;
		break;
	default:
		return -EINVAL;
	}
	m->at += yes ? i->jt : i->jf;
	return 0;
}

/* One instruction. 0: on; 1: ended with *ret; -EINVAL. */
static int step(struct machine *m, uint32_t *ret)
{
	const struct sock_filter *i = &m->v[m->at++];
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		return load(m, i, &m->a);
	case BPF_LDX:
		return load(m, i, &m->x);
	case BPF_ST:
	case BPF_STX:
		if (i->k >= BPF_MEMWORDS)
			return -EINVAL;
		m->mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? m->a : m->x;
		return 0;
	case BPF_ALU:
		return calculate(m, i);
	case BPF_JMP:
		return jump(m, i);
	case BPF_RET:
		*ret = BPF_RVAL(i->code) == BPF_A ? m->a : i->k;
		return 1;
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return 0;
	default:
		return -EINVAL;
	}
}

uint32_t filter_program_run(const struct sock_filter *v, size_t n, const struct seccomp_data *data)
{
	struct machine m = { .data = data, .v = v, .n = n };
	uint32_t ret = 0;
	/* jumps go forward only, so this ends */
	while (m.at < n) {
		int r = step(&m, &ret);
		if (r > 0)
			return ret;
		if (r < 0)
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool filter_program_allows(const struct sock_filter *v, size_t n, int nr)
{
	struct seccomp_data data = { .nr = nr, .arch = ARCH_AUDIT };
	uint32_t action = filter_program_run(v, n, &data) & SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

bool filter_program_may_return(const struct sock_filter *v, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++)
		if (BPF_CLASS(v[i].code) == BPF_RET &&
		    (BPF_RVAL(v[i].code) == BPF_A || (v[i].k & SECCOMP_RET_ACTION_FULL) == action))
			return true;
	return false;
}
