/* SPDX-License-Identifier: Apache-2.0 */
/* program.c - see program.h: steps are gathered here, and go to the arena in one piece. */
#include "checkpoint/inject/program.h"

#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "checkpoint/inject/arena_map.h"

/* What the interpreter needs, most of it for RECV_FDS: some 1.6 kB (-fstack-usage), no signal handler among it. */
#define RUN_STACK 3072

void program_init(struct program *p, struct arena_map *am)
{
	*p = (struct program){ .am = am, .doing = "running a program in the task" };
}

void program_done(struct program *p)
{
	free(p->v);
	free(p->what);
	*p = (struct program){ 0 };
}

void program_what(struct program *p, const char *what)
{
	p->doing = what;
}

struct step *program_step(struct program *p, enum step_op op)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 32;
		p->v = xrealloc(p->v, p->cap * sizeof(*p->v));
		p->what = xrealloc(p->what, p->cap * sizeof(*p->what));
	}
	p->what[p->n] = p->doing;
	struct step *s = &p->v[p->n++];
	*s = (struct step){ .op = (uint16_t)op, .want = WANT_OK, .result = STEP_PENDING };
	return s;
}

struct step *program_call_(struct program *p, uint32_t nr, const uint64_t args[6])
{
	struct step *s = program_step(p, STEP_CALL);
	s->nr = nr;
	memcpy(s->arg, args, sizeof(s->arg));
	return s;
}

uint64_t program_data(struct program *p, const void *data, size_t size)
{
	uint64_t addr = arena_map_alloc(p->am, MAX(size, 1u), 16);
	if (data && size)
		memcpy(arena_map_at(p->am, addr), data, size);
	return addr;
}

uint64_t program_text(struct program *p, const char *s)
{
	return program_data(p, s, strlen(s) + 1);
}

void *program_at(const struct program *p, uint64_t addr)
{
	return arena_map_at(p->am, addr);
}

uint64_t program_result(struct program *p)
{
	struct step *s = &p->v[p->n - 1];
	if (!s->ret)
		s->ret = arena_map_alloc(p->am, sizeof(uint64_t), 8);
	return s->ret;
}

void program_close(struct program *p)
{
	program_step(p, STEP_END);
	p->addr = program_data(p, p->v, p->n * sizeof(*p->v));
	struct run run = {
		.steps = p->addr,
		.stack = arena_map_alloc(p->am, RUN_STACK, 16) + RUN_STACK,
		.mode = RUN_PARKS,
	};
	p->run = program_data(p, &run, sizeof(run));
}

static bool is_errno(int64_t result)
{
	return result < 0 && result >= -4095;
}

int program_outcome(const struct program *p, const char **ret_what, const struct step **ret_step)
{
	const struct run *run = program_at(p, p->run);
	uint32_t state = __atomic_load_n(&run->state, __ATOMIC_ACQUIRE);
	if (state == RUN_DONE)
		return 0;
	/* The arena is the tasks' to write: an index out of range is no reason to read elsewhere. */
	uint32_t at = __atomic_load_n(&run->at, __ATOMIC_RELAXED);
	if (at >= p->n)
		at = (uint32_t)p->n - 1;
	const struct step *s = (const struct step *)program_at(p, p->addr) + at;
	if (ret_what)
		*ret_what = p->what[at];
	if (ret_step)
		*ret_step = s;
	if (state != RUN_FAILED)
		return -EINPROGRESS;
	int64_t result = __atomic_load_n(&s->result, __ATOMIC_RELAXED);
	return is_errno(result) ? (int)result : -EPROTO;
}

/* ---- for people ---- */

static const struct {
	const char *name;
	int n_args;
} ops[] = {
	[STEP_END] = { "end", 0 },
	[STEP_CALL] = { "call", 6 },
	[STEP_CLONE] = { "clone", 4 },
	[STEP_READ] = { "read", 4 },
	[STEP_WAIT] = { "wait", 2 },
	[STEP_ADD] = { "add", 2 },
	[STEP_WAIT_PARENT] = { "wait-parent", 1 },
	[STEP_RECV_FDS] = { "recv-fds", 3 },
	[STEP_COPY] = { "copy", 3 },
	[STEP_XSAVE] = { "xsave", 0 },
};

/* Small numbers as people write them, addresses and flags in hexadecimal. */
static void print_number(struct buf *out, uint64_t v)
{
	int64_t s = (int64_t)v;
	if (s > -4096 && s < 65536)
		buf_printf(out, "%" PRId64, s);
	else
		buf_printf(out, "0x%" PRIx64, v);
}

static void print_want(struct buf *out, const struct step *s)
{
	if (s->want == WANT_ANY)
		buf_puts(out, ", whatever");
	if (s->want == WANT_EQUAL || s->want == WANT_OK_OR) {
		buf_puts(out, s->want == WANT_EQUAL ? ", must be " : ", or ");
		print_number(out, (uint64_t)s->value);
	}
}

void program_print(const struct program *p, struct buf *out)
{
	const char *doing = "";
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->v[i];
		int n = ops[s->op].n_args;
		buf_printf(out, "%zu ", i);
		if (s->op == STEP_CALL) {
			char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)s->nr);
			buf_printf(out, "%s", name ? name : "call ");
			if (!name)
				buf_printf(out, "%u", s->nr);
			free(name);
			while (n > 0 && !s->arg[n - 1] && !(s->refs & (1u << (n - 1))))
				n--;
		} else {
			buf_puts(out, ops[s->op].name);
		}
		buf_putc(out, '(');
		for (int a = 0; a < n; a++) {
			buf_puts(out, a ? ", " : "");
			buf_puts(out, s->refs & (1u << a) ? "*" : "");
			print_number(out, s->arg[a]);
		}
		buf_putc(out, ')');
		print_want(out, s);
		if (s->ret)
			buf_printf(out, " -> 0x%" PRIx64, s->ret);
		if (s->op != STEP_END && strcmp(doing, p->what[i]) != 0)
			buf_printf(out, "    # %s", p->what[i]);
		doing = p->what[i];
		buf_putc(out, '\n');
	}
}
