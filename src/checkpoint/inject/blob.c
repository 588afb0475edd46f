/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.c - the interpreter of programs: what a task executes while the engine works in it. Freestanding,
 * position independent, without data: it is copied to the start of each arena (blob_code.h) and knows nothing but the
 * struct run that it is given.
 *
 * It holds on to nothing of the task: its stack is in the arena, it uses no thread-local storage and none
 * but the general registers. All signals are blocked while it runs.
 */
#include <asm/unistd.h>
#include <linux/errno.h>
#include <stdbool.h>

#include "checkpoint/inject/program.h"
#include "sys/arch/blob.h"
#include "sys/arch/syscall.h"

/* Values of the kernel's interface whose headers need a C library. */
#define FUTEX_WAIT	 0 /* not private: the arena is shared by processes */
#define FUTEX_WAKE	 1
#define SOL_SOCKET	 1
#define SCM_RIGHTS	 1
#define MSG_CTRUNC	 0x8
#define MSG_CMSG_CLOEXEC 0x40000000
#define O_CLOEXEC	 02000000
#define F_DUPFD_CLOEXEC	 1030
#define IOV_MAX		 1024
#define SCM_MAX_FD	 253

#define POLL_MS 100 /* how often a step that waits looks at the abort word */

struct blob_time {
	int64_t s, ns;
};

struct blob_iovec {
	uint64_t base, size;
};

struct blob_msghdr {
	void *name;
	uint32_t name_size;
	struct blob_iovec *iov;
	uint64_t n_iov;
	void *control;
	uint64_t control_size;
	uint32_t flags;
};

struct blob_fds { /* struct cmsghdr and its descriptors */
	uint64_t size;
	int32_t level, type;
	int32_t fd[SCM_MAX_FD + 1];
};

_Static_assert(__builtin_offsetof(struct run, stack) == ARCH_RUN_STACK, "sys/arch/*/blob.h");

ARCH_BLOB_ENTRY(blob_main);
NORETURN void blob_main(struct run *run);

static uint32_t word_load(uint64_t addr)
{
	return __atomic_load_n((uint32_t *)addr, __ATOMIC_ACQUIRE);
}

static void word_wake(uint64_t addr)
{
	arch_syscall3(__NR_futex, (long)addr, FUTEX_WAKE, 0x7fffffff);
}

static long word_add(uint64_t addr, uint32_t n)
{
	long sum = __atomic_add_fetch((uint32_t *)addr, n, __ATOMIC_ACQ_REL);
	word_wake(addr);
	return sum;
}

/* Until it is not `value` any more, or for that long; or for no reason. */
static long word_wait(uint64_t addr, uint32_t value, uint32_t ms)
{
	const struct blob_time t = { ms / 1000, (int64_t)(ms % 1000) * 1000000 };
	return arch_syscall4(__NR_futex, (long)addr, FUTEX_WAIT, value, (long)&t);
}

static bool run_aborted(const struct run *run)
{
	return run->abort && word_load(run->abort);
}

/* ---- the ops ---- */

static long step_wait(const struct run *run, const uint64_t *arg)
{
	for (;;) {
		uint32_t value = word_load(arg[0]);
		if (value >= (uint32_t)arg[1])
			return 0;
		if (run_aborted(run))
			return -ECANCELED;
		word_wait(arg[0], value, POLL_MS);
	}
}

static long step_wait_parent(const struct run *run, uint64_t parent)
{
	struct blob_time pause = { 0, 50000 };
	while ((uint64_t)arch_syscall0(__NR_getppid) != parent) {
		if (run_aborted(run))
			return -ECANCELED;
		arch_syscall2(__NR_nanosleep, (long)&pause, 0);
		if (pause.ns < 2000000)
			pause.ns *= 2;
	}
	return 0;
}

static long step_read(const uint64_t *arg)
{
	struct blob_iovec *iov = (struct blob_iovec *)arg[1];
	uint64_t n = arg[2], offset = arg[3];
	long all = 0;

	for (;;) {
		while (n && !iov->size)
			iov++, n--;
		if (!n)
			return all;
		long got = arch_syscall5(__NR_preadv, (long)arg[0], (long)iov,
					 (long)MIN(n, (uint64_t)IOV_MAX), (long)offset, 0);
		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? got : -ENODATA;
		all += got;
		offset += (uint64_t)got;
		for (uint64_t left = (uint64_t)got; left;) {
			uint64_t part = MIN(left, iov->size);
			iov->base += part;
			iov->size -= part;
			left -= part;
			if (!iov->size)
				iov++, n--;
		}
	}
}

/* One message: its descriptors in m->fd, their number returned. */
static long fds_message(long sock, struct blob_fds *m)
{
	uint32_t count = 0;
	struct blob_iovec iov = { (uint64_t)&count, sizeof(count) };
	struct blob_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = m, .control_size = sizeof(*m)
	};
	long got;

	m->size = 0;
	do
		got = arch_syscall3(__NR_recvmsg, sock, (long)&msg, MSG_CMSG_CLOEXEC);
	while (got == -EINTR);
	if (got <= 0)
		return got < 0 ? got : -EPIPE;
	if (msg.flags & MSG_CTRUNC)
		return -EMFILE;
	if (got != sizeof(count) || !count || count > SCM_MAX_FD || m->level != SOL_SOCKET ||
	    m->type != SCM_RIGHTS || m->size != __builtin_offsetof(struct blob_fds, fd[count]))
		return -EPROTO;
	return count;
}

/*
 * The kernel gives received descriptors the lowest free numbers, which may be numbers wanted for others: those
 * are moved beyond all wanted ones first.
 */
static long fds_place(struct blob_fds *m, uint32_t n, int32_t first, int32_t end)
{
	for (uint32_t i = 0; i < n; i++) {
		int32_t fd = m->fd[i];
		if (fd < first || fd >= end || fd == first + (int32_t)i)
			continue;
		m->fd[i] = (int32_t)arch_syscall3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, end);
		arch_syscall1(__NR_close, fd);
		if (m->fd[i] < 0)
			return m->fd[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		if (m->fd[i] == first + (int32_t)i)
			continue;
		long r = arch_syscall3(__NR_dup3, m->fd[i], first + (int32_t)i, O_CLOEXEC);
		arch_syscall1(__NR_close, m->fd[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static long step_recv_fds(const uint64_t *arg)
{
	int32_t first = (int32_t)arg[1], end = first + (int32_t)arg[2];
	struct blob_fds m;

	while (first < end) {
		long n = fds_message((long)arg[0], &m);
		if (n < 0)
			return n;
		if (n > end - first)
			return -EPROTO;
		long r = fds_place(&m, (uint32_t)n, first, end);
		if (r < 0)
			return r;
		first += (int32_t)n;
	}
	return (long)arg[2];
}

static void step_copy(uint64_t to, uint64_t from, uint64_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/* ---- the walk ---- */

static long step_do(const struct run *run, const struct step *s, const uint64_t *arg)
{
	switch (s->op) {
	case STEP_CALL:
		return arch_syscall6((long)s->nr, (long)arg[0], (long)arg[1], (long)arg[2],
				     (long)arg[3], (long)arg[4], (long)arg[5]);
	case STEP_CLONE:
		return arch_blob_clone(arg[0], arg[1], arg[2], arg[3]);
	case STEP_READ:
		return step_read(arg);
	case STEP_WAIT:
		return step_wait(run, arg);
	case STEP_ADD:
		return word_add(arg[0], (uint32_t)arg[1]);
	case STEP_WAIT_PARENT:
		return step_wait_parent(run, arg[0]);
	case STEP_RECV_FDS:
		return step_recv_fds(arg);
	case STEP_COPY:
		step_copy(arg[0], arg[1], arg[2]);
		return 0;
	case STEP_XSAVE:
		arch_blob_grow();
		return 0;
	default:
		return -ENOSYS;
	}
}

static bool step_wanted(const struct step *s, long result)
{
	bool ok = result >= 0 || result < -4095;
	switch (s->want) {
	case WANT_OK:
		return ok;
	case WANT_EQUAL:
		return result == s->value;
	case WANT_OK_OR:
		return ok || result == s->value;
	default:
		return true;
	}
}

/* Executes one step and keeps its result; whether to go on. */
static bool step_run(const struct run *run, struct step *s)
{
	uint64_t arg[6];
	for (unsigned int i = 0; i < 6; i++) {
		arg[i] = s->arg[i];
		if (s->refs & (1u << i))
			arg[i] = *(volatile uint64_t *)arg[i];
	}
	long result = step_do(run, s, arg);
	s->result = result;
	if (s->ret)
		*(volatile uint64_t *)s->ret = (uint64_t)result;
	return step_wanted(s, result);
}

NORETURN static void run_park(struct run *run)
{
	for (;;)
		arch_syscall4(__NR_futex, (long)&run->parked, FUTEX_WAIT, 0, 0);
}

/*
 * The tracer stops us here. If it does not, it is dead: we restore ourselves. Neither futex(2) nor nanosleep(2): when
 * stopped, these overwrite what the kernel remembers to restart the call that the thread was in (its restart block).
 */
NORETURN static void run_return(struct run *run)
{
	struct blob_time grace = { 0, RUN_GRACE_MS * 1000000L };
	arch_syscall5(__NR_ppoll, 0, 0, (long)&grace, 0, 8);
	arch_blob_home(run->home);
}

NORETURN static void run_end(struct run *run, enum run_state state)
{
	__atomic_store_n(&run->state, state, __ATOMIC_RELEASE);
	bool give_up = state == RUN_FAILED && run->mode == RUN_PARKS;
	if (give_up && run->abort) {
		__atomic_store_n((uint32_t *)run->abort, 1, __ATOMIC_RELEASE);
		word_wake(run->abort);
	}
	if (run->done)
		word_add(run->done, 1);
	if (run->mode == RUN_RETURNS)
		run_return(run);
	if (give_up && arch_syscall0(__NR_getpid) == arch_syscall0(__NR_gettid))
		arch_syscall1(__NR_exit_group, 1);
	run_park(run);
}

void blob_main(struct run *run)
{
	struct step *s = (struct step *)run->steps;

	__atomic_store_n(&run->state, RUN_ON, __ATOMIC_RELEASE);
	for (uint32_t at = 0;; at++, s++) {
		*(volatile uint32_t *)&run->at = at;
		if (s->op == STEP_END)
			run_end(run, RUN_DONE);
		if (!step_run(run, s))
			run_end(run, RUN_FAILED);
	}
}
