/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - a loaded image becomes running tasks: the engine's side, from the seed's message to letting go. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "checkpoint/kind/privileges.h"
#include "checkpoint/restore/restore_state.h"
#include "checkpoint/seed/protocol.h"

#define VDSO_LOOKS   2000
#define VDSO_LOOK_US 500
#define STATUS_MAX   (256u << 10) /* the list of groups may be long */
#define LOOK_MS	     20		  /* how often we look whether process 1 still lives */

static uint64_t now_ns(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The kernel's own mappings in the seed: [vvar], [vvar_vclock] and [vdso] side by side. */
static int look_for_vdso(pid_t pid, struct compile_facts *ret, struct error *err)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	int r = file_read(AT_FDCWD, path, 1 << 20, &b);
	if (r < 0)
		return error_sys(err, -r, "cannot read the seed's memory map");
	uint64_t end = 0;
	for (char *line = (char *)buf_str(&b); line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		uint64_t from, to;
		char name[32] = "";
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %31s", &from, &to, name) < 2)
			continue;
		if (strncmp(name, "[vvar", 5) == 0 || strcmp(name, "[vdso]") == 0) {
			if (!ret->vdso_start)
				ret->vdso_start = from;
			end = to;
		}
		if (strcmp(name, "[vdso]") == 0)
			ret->vdso_code = from;
	}
	ret->vdso_size = end - ret->vdso_start;
	return 0;
}

/* The old program's descriptors are closed before the new one's memory is complete: the vdso comes last. */
static int find_vdso(pid_t pid, struct compile_facts *ret, struct error *err)
{
	for (int i = 0; i < VDSO_LOOKS; i++) {
		struct compile_facts now = *ret;
		int r = look_for_vdso(pid, &now, err);
		if (r < 0)
			return r;
		if (now.vdso_code) {
			*ret = now;
			return 0;
		}
		(void)usleep(VDSO_LOOK_US);
	}
	return error_set(err, ENOENT, "the seed has no vdso");
}

/* A socket for each task that has late files: which one reads a message must not be left to chance. */
static int make_late_socks(struct restore *r, struct error *err)
{
	for (size_t i = 0; i < r->n_tasks; i++) {
		const struct fd_record *v = r->tasks[i].files.fds.v;
		bool has = false;
		int fds[2];
		for (size_t k = 0; k < r->tasks[i].files.fds.n && !has; k++)
			has = r->files[restored_file_index(r, v[k].file)].late;
		if (!has)
			continue;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
			return error_sys(err, errno, "cannot make a socket pair");
		struct late_sock *s = arena_push(r->arena, r->late_socks, r->n_late_tasks);
		*s = (struct late_sock){ r->tasks[i].record.pid, fds[0], fds[1] };
	}
	return 0;
}

static int start_seed(const struct restore *r, const struct restore_request *req, struct error *err)
{
	const struct seed_msg msg = {
		.base = r->am.base,
		.size = r->am.size,
		.run = r->tasks[0].threads[0].program.run,
	};
	if (send(req->seed_sock, &msg, sizeof(msg), MSG_NOSIGNAL) != sizeof(msg))
		return error_sys(err, errno, "cannot start the first task");
	return 0;
}

/* ---- waiting ---- */

static int tell_failure(const struct program *p, pid_t vpid, const char *comm, struct error *err)
{
	const char *what = NULL;
	const struct step *step = NULL;
	int e = program_outcome(p, &what, &step);
	if (e == 0 || e == -EINPROGRESS)
		return 0;
	error_sys(err, -e, "%s (system call %u)", what ? what : "a step", step ? step->nr : 0);
	return error_object(err, "pid %d (%s)", (int)vpid, comm);
}

/* Whose program failed: looked for only when one has. */
static int find_failure(const struct restore *r, struct error *err)
{
	for (size_t i = 0; i < r->n_tasks; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads; k++) {
			const struct restored_thread *th = &r->tasks[i].threads[k];
			int e = tell_failure(&th->program, th->vtid, r->tasks[i].record.comm, err);
			if (e < 0)
				return e;
		}
	for (size_t i = 0; i < r->tree.n; i++) {
		const struct birth *b = r->tree.v[i];
		if (b->task && !b->zombie)
			continue;
		int e = tell_failure(&r->helpers[i], b->pid, b->task ? b->task->comm : "helper",
				     err);
		if (e < 0)
			return e;
	}
	return error_set(err, EIO, "a task ended while it was restored");
}

static bool seed_ended(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

static int wait_word(const struct restore *r, const struct restore_request *req, uint64_t word,
		     uint32_t wanted, struct error *err)
{
	uint32_t *done = arena_map_at(&r->am, word);
	const uint32_t *abort = arena_map_at(&r->am, r->meet.abort);
	uint64_t end = now_ns() + (uint64_t)req->timeout_ms * 1000000u;
	for (;;) {
		uint32_t now = __atomic_load_n(done, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(abort, __ATOMIC_ACQUIRE))
			return find_failure(r, err);
		if (now >= wanted)
			return 0;
		if (seed_ended(req->seed_pidfd))
			return find_failure(r, err);
		if (now_ns() > end) {
			error_set(err, ETIMEDOUT, "%u of %u tasks were there after %u ms", now,
				  wanted, req->timeout_ms);
			return -ETIMEDOUT;
		}
		const struct timespec look = { .tv_nsec = LOOK_MS * 1000000 };
		(void)syscall(SYS_futex, done, FUTEX_WAIT, now, &look, NULL, 0);
	}
}

/* Tasks that live on: each has its memory when it has counted itself. */
static uint32_t count_living(const struct restore *r)
{
	uint32_t n = 0;
	for (size_t i = 0; i < r->n_tasks; i++)
		n += r->tasks[i].n_threads > 0;
	return n;
}

static void open_gate(const struct restore *r, uint64_t word)
{
	uint32_t *gate = arena_map_at(&r->am, word);
	__atomic_store_n(gate, 1, __ATOMIC_RELEASE);
	(void)syscall(SYS_futex, gate, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static int run_tasks(struct restore *r, const struct restore_request *req,
		     struct holder_run *holder, struct error *err)
{
	int e = holder_early(holder, err);
	if (e == 0 && holder->late) {
		e = wait_word(r, req, r->meet.ready, count_living(r), err);
		if (e == 0)
			e = holder_go_late(holder, err);
	}
	if (e < 0)
		return e;
	open_gate(r, r->meet.late);
	if (r->n_guarded) {
		e = wait_word(r, req, r->meet.guarded, r->n_guarded, err);
		if (e == 0)
			e = threads_watch(r, req, err);
		if (e == 0)
			open_gate(r, r->meet.guard);
	}
	if (e == 0)
		e = wait_word(r, req, r->meet.done, r->n_threads, err);
	if (e == 0)
		e = finish_all(r, req, err);
	if (e < 0)
		threads_bury(r, req);
	return e;
}

/* What the seed, which has all that this container can have, does not have. */
static int find_lacking(pid_t seed, struct compile_facts *ret, struct error *err)
{
	struct privileges p;
	char path[48];
	struct buf status CLEANUP_BUF = BUF_INIT;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)seed);
	int e = file_read(AT_FDCWD, path, STATUS_MAX, &status);
	if (e >= 0)
		e = privileges_parse(buf_str(&status), &p);
	if (e < 0)
		return error_sys(err, -e, "cannot read the capabilities of the seed");
	ret->lacking = ~(p.permitted & p.bounding);
	return 0;
}

int restore_run(struct restore *r, const struct restore_request *req, struct restore_result *ret,
		struct error *err)
{
	struct compile_facts facts = { .userns = req->userns,
				       .watch = req->watch,
				       .own_init = req->own_init,
				       .monotonic_lag = req->monotonic_lag };
	struct holder_run holder;
	uint64_t start = now_ns();
	int e = find_vdso(req->seed, &facts, err);
	if (e == 0)
		e = find_lacking(req->seed, &facts, err);
	if (e == 0)
		e = make_late_socks(r, err);
	if (e == 0)
		e = compile_all(r, &facts, err);
	if (e == 0)
		e = start_seed(r, req, err);
	if (e == 0)
		e = holder_start(r, req, &holder, err);
	if (e < 0)
		return e;
	e = run_tasks(r, req, &holder, err);
	holder_end(&holder);
	if (e < 0)
		return e;
	ret->run_ns = now_ns() - start;
	ret->n_threads = r->n_threads;
	ret->n_tasks = (uint32_t)(r->tree.n - r->tree.n_helpers);
	return 0;
}
