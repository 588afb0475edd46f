/* SPDX-License-Identifier: Apache-2.0 */
/* pending.c - see pending.h. */
#include "checkpoint/kind/pending.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "checkpoint/kind/proc_status.h"

#define PEEK	    0x4209 /* PTRACE_PEEKSIGINFO */
#define PEEK_SHARED 1
#define PEEK_BATCH  32
#define N_SIGNALS   64

const struct field pending_fields[] = {
	FIELD(struct pending_record, infos, BYTES, .max = 64 << 20),
	FIELDS_END,
};

static uint64_t pending_mask(const char *status, bool shared)
{
	uint64_t mask = 0;
	return proc_status_u64(status, shared ? "ShdPnd" : "SigPnd", 16, &mask) < 0 ? 0 : mask;
}

static uint64_t bit(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

bool pending_stop(const char *status)
{
	return (pending_mask(status, true) | pending_mask(status, false)) & bit(SIGSTOP);
}

/* Appends those that can be queued again; *ret_seen: the mask of all. */
static int pending_read(pid_t tid, bool shared, struct buf *out, uint64_t *ret_seen)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int32_t n;
	} args = { .flags = shared ? PEEK_SHARED : 0, .n = PEEK_BATCH };
	static_assert(sizeof(siginfo_t) == PENDING_INFO_SIZE, "the kernel's siginfo");
	for (;;) {
		siginfo_t v[PEEK_BATCH] = { 0 };
		long n = syscall(SYS_ptrace, PEEK, tid, &args, v);
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (long i = 0; i < n; i++) {
			if (v[i].si_signo < 1 || v[i].si_signo > N_SIGNALS)
				continue;
			*ret_seen |= bit(v[i].si_signo);
			if (v[i].si_signo != SIGSTOP && v[i].si_signo != SIGKILL)
				buf_add(out, &v[i], sizeof(v[i]));
		}
		args.off += (uint64_t)n;
	}
}

int pending_collect(struct collect *c, const struct task_facts *t, bool shared,
		    struct pending_record *ret, struct error *err)
{
	CLEANUP_BUF struct buf out = BUF_INIT;
	uint64_t seen = bit(SIGSTOP) | bit(SIGKILL);
	int r = pending_read(t->tid, shared, &out, &seen);
	if (r < 0)
		return error_sys(err, -r, "cannot read the pending signals");
	/* a signal can be pending without an entry in the queue, when there was no room for one */
	uint64_t mask = pending_mask(t->status, shared) & ~seen;
	for (int sig = 1; sig <= N_SIGNALS; sig++)
		if (mask & bit(sig)) {
			siginfo_t info = { .si_signo = sig, .si_code = SI_USER };
			buf_add(&out, &info, sizeof(info));
		}
	ret->infos = (struct bytes){ arena_alloc(c->arena, out.len + 1), out.len };
	memcpy(ret->infos.data, buf_str(&out), out.len);
	return 0;
}

int pending_emit(struct emit *e, const struct pending_record *rec, bool shared, struct error *err)
{
	size_t n = rec->infos.size / PENDING_INFO_SIZE;
	if (rec->infos.size % PENDING_INFO_SIZE)
		return error_set(err, EBADMSG, "half a pending signal");
	/* its numbers in its own pid namespace: only it knows them */
	program_what(e->p, "ask for one's own number");
	program_call(e->p, SYS_getpid);
	uint64_t pid = program_result(e->p);
	program_call(e->p, SYS_gettid);
	uint64_t tid = program_result(e->p);
	uint64_t infos = program_data(e->p, rec->infos.data, rec->infos.size);
	program_what(e->p, "queue a signal");
	for (size_t i = 0; i < n; i++, infos += PENDING_INFO_SIZE) {
		siginfo_t info;
		memcpy(&info, (char *)rec->infos.data + i * PENDING_INFO_SIZE, sizeof(info));
		uint64_t sig = (uint64_t)info.si_signo;
		if (sig < 1 || sig > N_SIGNALS || sig == SIGSTOP || sig == SIGKILL)
			return error_set(err, EBADMSG, "a pending signal %d", info.si_signo);
		if (shared)
			program_call(e->p, SYS_rt_sigqueueinfo, pid, sig, infos)->refs = 1;
		else
			program_call(e->p, SYS_rt_tgsigqueueinfo, pid, tid, sig, infos)->refs = 3;
	}
	return 0;
}
