/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rseq.c - a thread's area of restartable sequences, which C libraries register for every thread. rseq(2).
 * PTRACE_GET_RSEQ_CONFIGURATION (Linux 5.13) tells it; before that it is found by trying: the kernel answers EBUSY to who
 * registers the registered one again, which changes nothing.
 */
#include "checkpoint/kind/task/rseq.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checkpoint/kind/task_kind.h"

#ifndef SYS_rseq
#define SYS_rseq __NR_rseq
#endif
#define PTRACE_RSEQ_CONFIGURATION 0x420f

struct configuration {
	uint64_t address;
	uint32_t size, signature, flags, pad;
};

/* The registered area, as linux/rseq.h has it; only the first 32 bytes are of every kernel. */
struct area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t section; /* address of a struct section, 0: in none */
	uint32_t flags, pad[3];
};

struct section {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

/* What glibc and its kin use on x86-64. */
#define USUAL_SIGNATURE 0x53053053u
#define USUAL_OFFSET	2464 /* from the thread pointer: glibc 2.35 to 2.40 */
#define SEARCH_REACH	4096
#define NOWHERE		(UINT64_C(0xffff) << 48) /* an address that no task has */

/* 0, or -errno: -EIO and -EINVAL when the kernel does not know the request. */
static int configuration_read(pid_t tid, struct configuration *ret)
{
	struct configuration conf = { 0 };
	if (syscall(SYS_ptrace, PTRACE_RSEQ_CONFIGURATION, tid, sizeof(conf), &conf) < 0)
		return -errno;
	*ret = conf;
	return 0;
}

static bool is_registered_at(struct tracee *t, uint64_t address)
{
	const uint64_t args[6] = { address, sizeof(struct area), 0, USUAL_SIGNATURE };
	return tracee_call(t, SYS_rseq, args, NULL) == -EBUSY;
}

/* For kernels before 5.13. -ESRCH: there is one, but not where it usually is. */
static int configuration_find(struct tracee *t, struct configuration *ret)
{
	*ret = (struct configuration){ .size = sizeof(struct area), .signature = USUAL_SIGNATURE };
	const uint64_t args[6] = { NOWHERE, sizeof(struct area), 0, USUAL_SIGNATURE };
	int64_t r = tracee_call(t, SYS_rseq, args, NULL);
	if (r == -EFAULT ||
	    r == -ENOSYS) /* it would have taken it, were it readable: none is registered */
		return 0;
	uint64_t tp = t->regs.fs_base;
	ret->address = tp + USUAL_OFFSET;
	if (is_registered_at(t, ret->address))
		return 0;
	for (uint64_t off = 0; off < 2 * SEARCH_REACH; off += sizeof(struct area)) {
		ret->address = tp - SEARCH_REACH + off;
		if (is_registered_at(t, ret->address))
			return 0;
	}
	return -ESRCH;
}

struct rseq_record {
	uint64_t address;
	uint32_t size, signature;
};

static const struct field rseq_fields[] = {
	FIELD(struct rseq_record, address, U64),
	FIELD(struct rseq_record, size, U32),
	FIELD(struct rseq_record, signature, U32),
	FIELDS_END,
};

static int rseq_collect(struct collect *c, const struct task_facts *t, const struct program *visit,
			const void *cookie, void *record, bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct rseq_record *rec = record;
	struct configuration conf = { 0 };
	int r = configuration_read(t->tid, &conf);
	if (r == -EIO || r == -EINVAL) {
		struct tracee *tracee = tracees_find(c->tracees, t->tid);
		r = tracee ? configuration_find(tracee, &conf) : -ESRCH;
		if (r == -ESRCH) {
			*ret_none = true;
			return collect_refuse(c, t->pid, "the area of restartable sequences",
					      "this kernel does not tell where it is, and it is in "
					      "no usual place",
					      "use Linux 5.13 or newer");
		}
	}
	if (r < 0)
		return error_sys(err, -r, "cannot read the area of restartable sequences");
	*rec = (struct rseq_record){ conf.address, conf.size, conf.signature };
	*ret_none = conf.address == 0;
	return 0;
}

static int rseq_emit(struct emit *e, const void *record, struct error *err)
{
	(void)err;
	const struct rseq_record *rec = record;
	program_what(e->p, "register the area of restartable sequences");
	program_call(e->p, SYS_rseq, rec->address, rec->size, 0, rec->signature);
	return 0;
}

int rseq_fix(const struct tracee *t, struct user_regs_struct *regs)
{
	struct configuration conf = { 0 };
	if (configuration_read(t->tid, &conf) < 0)
		conf.address = regs->fs_base + USUAL_OFFSET;
	else if (!conf.address)
		return 0;
	struct area area;
	struct section s;
	if (tracee_read(t, conf.address, &area, sizeof(area)) < 0 || !area.section)
		return 0;
	int r = tracee_read(t, area.section, &s, sizeof(s));
	if (r < 0)
		return conf.size ? r : 0; /* only a guess: no area, then */
	/* unsigned: below the start is far beyond the end */
	if (s.version != 0 || regs->rip - s.start >= s.length)
		return 0;
	regs->rip = s.abort;
	regs->orig_rax = ~0ULL; /* no system call to restart */
	return 1;
}

const struct task_kind task_kind_rseq = {
	.name = "rseq",
	.scope = SCOPE_THREAD,
	.phase = PHASE_THREAD,
	.fields = rseq_fields,
	.size = sizeof(struct rseq_record),
	.collect = rseq_collect,
	.emit = rseq_emit,
};
