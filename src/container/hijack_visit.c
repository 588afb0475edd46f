/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hijack_visit.c - what no file tells of a process: its securebits, whether it is dumpable, and its filters. It is
 * stopped for that moment, under our trace, and asks itself; see checkpoint/inject/visit.h for what happens to it if
 * we die then: nothing.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/inject/tracee.h"
#include "container/hijack_source.h"

#define GET_FILTER   0x420c /* PTRACE_SECCOMP_GET_FILTER */
#define GET_METADATA 0x420d /* PTRACE_SECCOMP_GET_METADATA */
#define STOP_MS	     5000

/* Asked again and again: the process alone, not its children. */
static int list_it(void *arg, pid_t **pids, size_t *n)
{
	*pids = xrealloc(*pids, (*n + 1) * sizeof(**pids));
	(*pids)[(*n)++] = *(const pid_t *)arg;
	return 0;
}

static int refuse_filter(int e, struct error *err)
{
	if (e == EACCES || e == EPERM) {
		error_set(err, EPERM, "it has a filter of system calls, which may not be read");
		return error_hint(err, "only root of the machine may, who is not filtered");
	}
	if (e == EMEDIUMTYPE || e == EINVAL || e == EIO)
		return error_set(
			err, EPERM,
			"it has a filter of system calls, which this kernel does not tell");
	return error_sys(err, e, "cannot read its filter of system calls");
}

/* The index-th, counted from the oldest. 1, 0: there are no more. */
static int read_filter(struct hijack_source *s, pid_t pid, uint64_t index, struct error *err)
{
	struct {
		uint64_t index, flags;
	} meta = { .index = index };
	long n = syscall(SYS_ptrace, GET_FILTER, pid, index, NULL);
	if (n < 0)
		return errno == ENOENT ? 0 : refuse_filter(errno, err);
	struct sock_filter *v = arena_alloc(&s->arena, (size_t)n * sizeof(*v));
	if (syscall(SYS_ptrace, GET_FILTER, pid, index, v) != n)
		return refuse_filter(errno, err);
	/* Linux 4.16; it tells of logging only */
	if (syscall(SYS_ptrace, GET_METADATA, pid, sizeof(meta), &meta) < 0)
		return refuse_filter(errno, err);
	for (long i = 0; i < n; i++)
		if (BPF_CLASS(v[i].code) == BPF_RET && BPF_RVAL(v[i].code) == BPF_K &&
		    (v[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return error_set(
				err, EPERM,
				"its filter of system calls asks another process, whose listener "
				"cannot be shared");
	*arena_push(&s->arena, s->like.filters, s->like.n_filters) = (struct likeness_filter){
		.v = v,
		.n = (unsigned short)n,
		.flags = (uint32_t)meta.flags,
	};
	return 1;
}

static int ask(struct hijack_source *s, struct tracee *t, struct error *err)
{
	const uint64_t bits[6] = { PR_GET_SECUREBITS }, dumpable[6] = { PR_GET_DUMPABLE };
	int64_t v = tracee_call(t, SYS_prctl, bits, err);
	if (err->err)
		return -err->err;
	s->like.securebits = v < 0 ? 0 : (unsigned)v;
	v = tracee_call(t, SYS_prctl, dumpable, err);
	if (err->err)
		return -err->err;
	s->like.dumpable = v == 1;
	int r = s->theirs.seccomp ? 1 : 0;
	for (uint64_t i = 0; r > 0; i++)
		r = read_filter(s, t->tid, i, err);
	return r;
}

int hijack_visit(struct hijack_source *s, struct error *err)
{
	struct error told = ERROR_INIT;
	struct tracees set = { 0 };
	pid_t pid = s->process.pid;
	int r = tracees_stop(list_it, &pid, STOP_MS, &set, &told);
	if (r == 0) {
		struct tracee *t = tracees_find(&set, pid);
		/* it was stopped by number: is it still the one that we mean? */
		if (!t || !t->traced || !pidref_alive(&s->process))
			r = error_set(&told, ESRCH, "the process is gone");
		else
			r = ask(s, t, &told);
		tracees_done(&set);
	}
	if (r < 0 && err)
		*err = told;
	return r;
}
