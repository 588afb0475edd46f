/* SPDX-License-Identifier: Apache-2.0 */
/* hijack.c - see hijack.h. Each function says in which of the three processes it runs. */
#include "container/hijack.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "container/door.h"
#include "container/hijack_source.h"
#include "container/ns/ns.h"
#include "container/program.h"
#include "proc/process.h"
#include "sys/arch/blob.h"
#include "sys/clone3.h"

#define NEW_USER ((unsigned long)CLONE_NEWUSER)
#define NEW_PID	 ((unsigned long)CLONE_NEWPID)
/* CLONE_NEWTIME is no flag of clone(2): its bit belongs to the exit signal */
#define NEW_SPACES                                                                                 \
	(NEW_USER | NEW_PID |                                                                      \
	 (unsigned long)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |             \
			 CLONE_NEWNET))

/* What helper and child tell the caller: shared memory, since the filters may forbid all else. */
struct page {
	pid_t child;	/* written by the kernel, at its birth */
	pid_t follower; /* the second helper, should there be one: then child is as named in there, */
	uint64_t space; /* which is this pid namespace */
	struct error err;
	bool has_schedule;	   /* for the caller to set (see likeness.h), */
	struct sys_sched schedule; /* while the child waits for this: */
	volatile int go;
};

struct work {
	const struct hijack *h;
	struct page *page;
	struct hijack_source source;
	struct arena arena;
	struct proc_traits inside; /* its ids, as its own user namespace names them */
	sigset_t mask;		   /* what the child gets */
	pid_t caller;
	pid_t *tid;   /* where the C library keeps the thread's number; NULL: not known */
	void *robust; /* its list of robust mutexes, which fork(2) of the kernel forgets */
	size_t robust_size;
};

/* ---- helper ---- */

static NORETURN void end(void)
{
	(void)syscall(SYS_exit_group, 1);
	__builtin_trap(); /* the source's filter forbids even that */
}

/* If the caller is killed, nobody needs us. A change of ids makes the kernel forget it. */
static void die_with_caller(const struct work *w)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!w->page->follower && getppid() != w->caller)
		end();
}

/* Like the source in what a user namespace would not let us do any more. */
static int prepare(struct work *w, struct error *err)
{
	struct hijack_source *s = &w->source;
	bool dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
	int r = hijack_source_find(s, w->h, w->caller, err);
	if (r == 0)
		r = hijack_source_read(s, w->h, err);
	if (r == 0 && s->self) {
		int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
		s->like.securebits = bits < 0 ? 0 : (unsigned)bits;
		s->like.dumpable = dumpable;
	}
	if (r == 0)
		r = likeness_apply_oom_score_adj(&s->like, err);
	/* nobody may look into us from here on: we have power that the source has not */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (r == 0)
		r = cgroup_follow_enter(&s->groups, err);
	return r < 0 ? r : likeness_apply_early(&s->like, err);
}

/* Without privilege one may not ask for the root that one has: that is no failure. */
static bool is_root_already(const struct hijack_source *s)
{
	struct stat root, now;
	return !s->namespaces && fstat(s->root, &root) == 0 && stat("/", &now) == 0 &&
	       root.st_ino == now.st_ino && root.st_dev == now.st_dev;
}

static int enter_directories(const struct hijack_source *s, struct error *err)
{
	bool there = is_root_already(s);
	if ((fchdir(s->root) < 0 || chroot(".") < 0) && !(there && errno == EPERM))
		return error_sys(err, errno, "cannot enter its root directory");
	if (fchdir(s->cwd) < 0)
		return error_sys(err, errno == EACCES ? EPERM : errno,
				 "cannot enter its working directory");
	return 0;
}

/* A second helper, inside the pid namespace of the source: a new one is made from within its parent only. */
static int follow(struct work *w, struct error *err)
{
	char path[48];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%d/ns/pid", (int)w->source.process.pid);
	if (fstatat(w->source.proc, path, &st, 0) < 0)
		return error_sys(err, errno, "cannot see its pid namespace");
	w->page->space = st.st_ino;
	long pid = syscall(SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID, NULL, &w->page->follower,
			   NULL, 0);
	if (pid > 0)
		(void)syscall(SYS_exit_group, 0);
	return pid < 0 ? error_sys(err, errno, "cannot fork into its pid namespace") : 0;
}

/* What clone_flags make new, made while we have the power; with a user namespace all are made inside of that, at birth. */
static int make_new(struct work *w, struct error *err)
{
	unsigned long flags = w->h->clone_flags & NEW_SPACES;
	if ((flags & NEW_PID) && (w->source.namespaces & NEW_PID)) {
		int r = follow(w, err);
		if (r < 0)
			return r;
	}
	if (!flags || (flags & NEW_USER))
		return 0;
	if (unshare((int)flags) < 0)
		return error_sys(err, errno, "cannot make the new namespaces");
	return 0;
}

/* Everything but what the last steps need is done, closed and freed. */
static int become_like_it(struct work *w, struct error *err)
{
	struct hijack_source *s = &w->source;
	int r = door_enter(&s->process, s->namespaces, err);
	if (r == 0)
		r = enter_directories(s, err);
	if (r == 0)
		r = make_new(w, err);
	if (r == 0)
		r = hijack_source_inside(s, &w->arena, &w->inside, err);
	if (r == 0)
		r = likeness_apply_ids(&s->like, &s->theirs, &s->ours, &w->inside, err);
	/* a change of ids has set it anew, to what the machine's suid_dumpable says */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	die_with_caller(w);
	if (r == 0)
		r = likeness_apply_label(&s->like, err);
	return r;
}

static void reset_signals(void)
{
	/* as the kernel takes it: handler, flags, restorer, mask; libc keeps 32 and 33 for itself */
	const uint64_t def[4] = { 0 };
	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, &def, NULL, 8);
}

/* No way back, and no call of ours but fork afterwards. */
static int finish(struct work *w, struct error *err)
{
	struct hijack_source *s = &w->source;
	hijack_source_close(s);
	if (w->h->argv) {
		reset_signals();
		if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
			for (int fd = 3; fd < 1 << 16; fd++)
				close(fd);
	}
	int r = likeness_apply_limits(&s->like, err);
	if (r < 0)
		return r;
	if (!w->h->argv)
		(void)prctl(PR_SET_DUMPABLE, s->like.dumpable, 0, 0, 0);
	/* a filter may forbid it later; else no handler of the caller's shall run in us */
	if (s->like.n_filters)
		(void)sigprocmask(SIG_SETMASK, &w->mask, NULL);
	return likeness_apply_last(&s->like, &w->inside, err);
}

/* clone(2), not clone3(2), which filters cannot look into and many forbid. 0 in the child, else -errno. */
static int bear(struct work *w)
{
	unsigned long flags = CLONE_PARENT | CLONE_PARENT_SETTID;
	if (w->h->clone_flags & NEW_USER)
		flags |= w->h->clone_flags & NEW_SPACES;
	if (w->h->argv && !w->page->has_schedule)
		flags |= CLONE_VFORK; /* we end when it has executed: the caller waits for that */
	if (w->tid)
		flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	long pid = syscall(SYS_clone, flags, NULL, &w->page->child, w->tid, 0);
	if (pid > 0)
		end();
	return pid < 0 ? -errno : 0;
}

static NORETURN void execute(struct work *w)
{
	if (!w->source.like.n_filters)
		(void)sigprocmask(SIG_SETMASK, &w->mask, NULL);
	program_execute(w->h->argv, w->source.envp, &w->page->err);
	end();
}

/* Returns in the child only. */
static void help(struct work *w)
{
	struct error *err = &w->page->err;
	die_with_caller(w);
	int r = prepare(w, err);
	if (r == 0)
		r = become_like_it(w, err);
	if (r == 0) {
		w->page->has_schedule = w->source.like.schedule_later;
		w->page->schedule = w->source.like.schedule;
		r = finish(w, err);
	}
	if (r == 0) {
		r = bear(w);
		if (r == -EAGAIN)
			error_set(err, EAGAIN, "a limit on processes is reached");
		else if (r < 0)
			error_sys(err, -r, "cannot fork");
	}
	if (r < 0)
		end();
	/* without a call: filters may forbid those that wait */
	while (w->page->has_schedule && !w->page->go)
		arch_blob_relax();
	if (w->h->argv)
		execute(w);
}

/* ---- caller ---- */

static int check(const struct hijack *h, struct error *err)
{
	unsigned long signal = h->clone_flags & CSIGNAL;
	if (h->clone_flags & ~(NEW_SPACES | CSIGNAL))
		return error_set(err, EINVAL, "flags %#lx make no sense here",
				 h->clone_flags & ~(NEW_SPACES | CSIGNAL));
	if (signal >= NSIG)
		return error_set(err, EINVAL, "%lu is no exit signal", signal);
	return 0;
}

/* Where the C library keeps the number of the only thread; fork(2) of the kernel does not know. */
static pid_t *tid_address(void)
{
	pid_t *tid = NULL;
	if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0 || !tid ||
	    *tid != (pid_t)syscall(SYS_gettid))
		return NULL;
	return tid;
}

static int wait_for(pid_t pid)
{
	int status = 0;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return 0; /* the caller ignores its children: it is over, more is not known */
	return status;
}

/* Of our children the one that was born into a new pid namespace below `space`, with this number there. */
static pid_t find_born(const struct page *p)
{
	struct proc_process *all = NULL;
	size_t n = 0;
	pid_t found = 0;
	if (proc_read_all(&all, &n) < 0)
		return 0;
	for (size_t i = 0; i < n && !found; i++) {
		const struct proc_process *c = &all[i];
		if (c->ppid != getpid() || c->n_levels < 2 ||
		    c->nspid[c->n_levels - 2] != p->child || c->nspid[c->n_levels - 1] != 1)
			continue;
		CLEANUP_FD int space = ns_open(c->pid, ns_find("pid"));
		if (space < 0 || proc_pidns_parent(space) == p->space)
			found = c->pid;
	}
	free(all);
	return found;
}

/* Until it has executed, or ended: nobody tells, where the helper could not wait for it. */
static void wait_executed(pid_t child)
{
	char path[32], its[PATH_MAX], ours[PATH_MAX];
	siginfo_t info = { 0 };
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)child);
	ssize_t n = readlink("/proc/self/exe", ours, sizeof(ours)), m;
	do {
		(void)usleep(1000);
		m = readlink(path, its, sizeof(its));
	} while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		 !info.si_pid && (m < 0 || (m == n && !memcmp(its, ours, (size_t)n))));
}

static void set_schedule(const struct hijack *h, struct page *p)
{
	int r = likeness_set_schedule(p->child, &p->schedule);
	if (r < 0 && r != -ESRCH) {
		error_sys(&p->err, -r, "cannot set its scheduling policy");
		return;
	}
	p->go = 1;
	if (h->argv)
		wait_executed(p->child);
}

/* The helpers are over. */
static pid_t outcome(const struct hijack *h, struct page *p, int status, struct error *err)
{
	if (p->child && p->follower)
		p->child = find_born(p);
	if (!p->err.err && !p->child) {
		error_set(&p->err, EPERM, "the helper was ended by signal %d",
			  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		error_hint(&p->err, "a filter of the source's that lets nothing fork does that");
	}
	if (!p->err.err && p->has_schedule)
		set_schedule(h, p);
	if (!p->err.err)
		return p->child;
	if (p->child) {
		(void)kill(p->child, SIGKILL);
		(void)wait_for(p->child);
	}
	if (err)
		*err = p->err;
	return -p->err.err;
}

static pid_t run(struct work *w, struct error *err)
{
	long helper = syscall(SYS_clone, w->h->clone_flags & CSIGNAL, NULL, NULL, NULL, 0);
	if (helper < 0)
		return error_sys(err, errno, "cannot fork");
	if (helper == 0) {
		help(w);
		return 0;
	}
	int status = wait_for((pid_t)helper);
	if (w->page->follower)
		status = wait_for(w->page->follower);
	return outcome(w->h, w->page, status, err);
}

/* ---- child ---- */

/* Under filters of the source's nothing is called: they may kill for it. All that was left to do is done then. */
static void be_born(struct work *w)
{
	if (w->source.like.n_filters)
		return;
	(void)syscall(SYS_set_robust_list, w->robust, w->robust_size);
	(void)sigprocmask(SIG_SETMASK, &w->mask, NULL);
	arena_done(&w->arena);
	arena_done(&w->source.arena);
	(void)munmap(w->page, sizeof(*w->page));
}

/* ---- all three ---- */

pid_t hijack(const struct hijack *h, struct error *err)
{
	struct error unheard = ERROR_INIT;
	struct work w = { .h = h, .caller = getpid(), .tid = tid_address() };
	sigset_t all, before;
	(void)syscall(SYS_get_robust_list, 0, &w.robust, &w.robust_size);
	err = err ? err : &unheard;
	int r = check(h, err);
	if (r < 0)
		return r;
	w.page = mmap(NULL, sizeof(*w.page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (w.page == MAP_FAILED)
		return error_sys(err, errno, "cannot map memory");
	/* no handler of the caller's runs in a helper */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	w.mask = h->mask ? *h->mask : before;
	pid_t pid = run(&w, err);
	if (pid == 0) {
		be_born(&w);
		return 0;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)munmap(w.page, sizeof(*w.page));
	return pid;
}
