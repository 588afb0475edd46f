/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builder.c - see builder.h. Runs as pid 1 of the new pid namespace (or as an ordinary process of a joined
 * one), single-threaded, in a copy of the engine's memory that is gone after execve.
 */
#include "container/builder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "container/console.h"
#include "container/job.h"
#include "container/net/loopback.h"
#include "container/plan_idmap.h"
#include "container/ns/ns.h"
#include "container/sync.h"
#include "container/views.h"
#include "init/protocol.h"
#include "sys/clone3.h"
#include "sys/mountfd.h"
#include "sys/pidfd.h"

struct builder {
	const struct plan *plan;
	const struct cgroup *cg;
	const struct build_io *io;
	int sync;
	int init_fd;   /* contexe-init, opened while the host's tree is still there */
	int slave;     /* of the console */
	int master;    /* kept open by contexe-init for a supervisor to come */
	int views_fd;  /* /dev/fuse; -EBADF: no views */
	int views_mnt; /* the file system behind it, attached nowhere */
	int proc_fd;   /* a private procfs for sysctls, never the image's /proc */
	struct error err;
};

int builder_open_ns(const struct plan_join *join, struct error *err)
{
	int fd = open(join->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = error_sys(err, errno, "cannot open the %s namespace to join", join->type);
	error_object(err, "%s", join->path);
	return r;
}

uint64_t builder_namespaces(const struct plan *plan)
{
	/* the cgroup namespace is made by the builder once it is in its group: its root is where one is then */
	uint64_t flags = plan->unshare & ~(uint64_t)CLONE_NEWCGROUP;
	/* a time namespace with offsets is made before it: see enter_time() and ns_time_prepare() */
	if (plan->has_time_offsets)
		flags &= ~(uint64_t)CLONE_NEWTIME;
	return flags | CLONE_CLEAR_SIGHAND;
}

int builder_not_born(int e, struct error *err)
{
	error_sys(err, e, "the kernel refused to make the namespaces");
	if (e == EPERM)
		error_hint(err, "an ordinary user needs user namespaces: see 'contexe probe'");
	if (e == ENOSPC || e == EUSERS)
		error_hint(err, "a limit in /proc/sys/user/ is reached");
	return -e;
}

/* A namespace of our own, whose maps the parent writes, or a joined one. */
static int enter_userns(struct builder *b)
{
	if (!(b->plan->unshare & CLONE_NEWUSER) && !b->plan->joins_user)
		return 0;
	int r = sync_wait_go(b->sync);
	if (r < 0)
		return error_sys(&b->err, -r, "the id maps were not written");
	/* root of the new namespace; setgroups may be denied, then there is nothing to clear */
	(void)syscall(SYS_setgroups, 0, NULL);
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) {
		error_sys(&b->err, errno, "cannot become root of the user namespace");
		return error_hint(&b->err, "the maps must map id 0");
	}
	/* else /proc/self belongs to the outside root; but others in the namespace must not look at us */
	(void)prctl(PR_SET_DUMPABLE, b->plan->own_pidns || !b->plan->joins_user);
	return 0;
}

/*
 * Only root of the user namespace that owns a time namespace may set its offsets, and only before anybody is in it: where
 * the container has a user namespace of its own we make it, and enter. Else it was made before us (build.c, midwife.c).
 */
static int enter_time(struct builder *b)
{
	CLEANUP_FD int old = FD_NONE;
	if (!b->plan->has_time_offsets || !(b->plan->unshare & CLONE_NEWUSER))
		return 0;
	int r = ns_time_prepare(&b->plan->spec->linux_, &old, &b->err);
	if (r < 0)
		return r;
	CLEANUP_FD int ours = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (ours < 0 || setns(ours, CLONE_NEWTIME) < 0)
		return error_sys(&b->err, errno, "cannot enter the time namespace");
	return 0;
}

static int enter_groups(struct builder *b)
{
	int r = b->cg ? cgroup_enter(b->cg, cgroup_fd(b->cg) < 0) : 0;
	if (r < 0)
		return error_sys(&b->err, -r, "cannot enter the control groups");
	if ((b->plan->unshare & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return error_sys(&b->err, errno, "cannot make a cgroup namespace");
	return 0;
}

static int join_namespaces(struct builder *b)
{
	if (b->plan->joins_user)
		return 0; /* done by the midwife */
	for (size_t i = 0; i < b->plan->n_joins; i++) {
		const struct plan_join *join = &b->plan->joins[i];
		if (join->flag == CLONE_NEWPID)
			continue; /* done before we were born */
		CLEANUP_FD int fd = builder_open_ns(join, &b->err);
		if (fd < 0)
			return fd;
		if (setns(fd, (int)join->flag) < 0) {
			error_sys(&b->err, errno, "cannot join the %s namespace", join->type);
			return error_object(&b->err, "%s", join->path);
		}
	}
	return 0;
}

static int open_init(struct builder *b)
{
	const char *path = b->io->seed_path ? b->io->seed_path : b->plan->init_path;
	if (!b->plan->own_init && !b->io->seed_path)
		return 0;
	/* a read-only mount of just this file: nobody inside can ever write to the program through
	 * /proc/1/exe (CVE-2019-5736) */
	b->init_fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE);
	if (b->init_fd >= 0) {
		struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
		int r = sys_mount_setattr(b->init_fd, "", AT_EMPTY_PATH, &ro);
		if (r < 0 && r != -ENOSYS) /* before 5.12 */
			return error_sys(&b->err, -r, "cannot make contexe-init read-only");
		return 0;
	}
	int r = error_sys(&b->err, -b->init_fd, "cannot open the program of process 1");
	error_object(&b->err, "%s", path);
	error_hint(&b->err, "reinstall contexe, or use --init none");
	return r;
}

static int set_names(struct builder *b)
{
	const struct spec *s = b->plan->spec;
	if (s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0) {
		error_sys(&b->err, errno, "cannot set the host name");
		return error_object(&b->err, "%s", s->hostname);
	}
	if (s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0) {
		error_sys(&b->err, errno, "cannot set the domain name");
		return error_object(&b->err, "%s", s->domainname);
	}
	return 0;
}

static int bring_up_network(struct builder *b)
{
	if (!(b->plan->unshare & CLONE_NEWNET))
		return 0;
	if (b->io->netns_fd < 0)
		return loopback_up(&b->err);
	if (setns(b->io->netns_fd, CLONE_NEWNET) < 0)
		return error_sys(&b->err, errno, "cannot enter the network namespace");
	return 0;
}

/* Through a procfs of our own that no image can have tampered with (CVE-2025-52881). */
static int set_sysctls(struct builder *b)
{
	const struct spec_pairs *sysctl = &b->plan->spec->linux_.sysctl;
	if (!sysctl->n)
		return 0;
	CLEANUP_FD int fs = sys_fsopen("proc");
	int r = fs < 0 ? fs : sys_fsconfig_create(fs);
	CLEANUP_FD int proc =
		r < 0 ? r
		      : sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
	if (proc < 0)
		return error_sys(&b->err, -proc, "cannot open a private procfs for the sysctls");
	for (size_t i = 0; i < sysctl->n; i++) {
		char path[256] = "sys/";
		r = spec_sysctl_path(sysctl->v[i].key, path + 4, sizeof(path) - 4);
		if (r == 0)
			r = file_write(proc, path, sysctl->v[i].value);
		if (r < 0) {
			error_sys(&b->err, -r, "cannot set the sysctl to '%s'", sysctl->v[i].value);
			return error_object(&b->err, "%s", sysctl->v[i].key);
		}
	}
	return 0;
}

/* What of the views goes wrong matters only where they are insisted on: else the kernel's files are simply shown. */
static int forgive_views(struct builder *b, int r)
{
	if (r >= 0)
		return 0;
	b->views_fd = FD_NONE;
	if (str_eq(b->plan->spec->contexe.proc_view, "on"))
		return r;
	error_clear(&b->err);
	return 0;
}

/*
 * While the host's /dev is there, and in a new user namespace, where the kernel wants it opened that is mounted there, before
 * we become its root: /dev/fuse may be the real root's alone. Where the namespace is the supervisor's he has opened it, since
 * the device rules of the container are ours by now.
 */
static int open_views(struct builder *b)
{
	bool userns = (b->plan->unshare & CLONE_NEWUSER) || b->plan->joins_user;
	if (!b->plan->views || b->io->views_memory < 0)
		return 0;
	b->views_fd = userns ? views_open(&b->err) : b->io->views_fd;
	return forgive_views(b, b->views_fd);
}

static int make_views(struct builder *b)
{
	if (b->views_fd < 0)
		return 0;
	int r = b->views_mnt = views_make(b->views_fd, &b->err);
	if (r >= 0) { /* the answers that build_tree() waits for at its end come from there */
		r = sync_send(b->sync, SYNC_VIEWS, 0, b->views_fd);
		if (r < 0)
			error_sys(&b->err, -r, "cannot pass /dev/fuse to the supervisor");
	}
	/*
	 * Whoever waits for an answer cannot be killed while the question is with somebody who lives no more, until the last
	 * descriptor is gone. So it must not be ours: wait_for_go() has it again.
	 */
	if (b->views_fd != b->io->views_fd)
		fd_close(b->views_fd);
	fd_close(b->io->views_fd);
	b->views_fd = FD_NONE;
	return forgive_views(b, r);
}

static int build_tree(struct builder *b)
{
	struct rootfs_plan rootfs = b->plan->rootfs;
	rootfs.views_mnt = b->views_mnt;
	int r = rootfs_build(&rootfs, &b->err);
	b->views_mnt = fd_close(b->views_mnt);
	plan_close_mapped(b->plan);
	return r;
}

static int open_console(struct builder *b)
{
	if (!b->plan->spec->process.terminal)
		return 0;
	int r = console_open(b->io->rows, b->io->cols, &b->master, &b->slave, &b->err);
	if (r == 0)
		r = console_bind(b->slave, &b->err);
	if (r == 0) {
		r = sync_send(b->sync, SYNC_CONSOLE, 0, b->master);
		if (r < 0)
			error_sys(&b->err, -r, "cannot pass the terminal to the supervisor");
	}
	return r;
}

static NORETURN void become_job(struct builder *b)
{
	const struct plan *p = b->plan;
	struct job job = {
		.argv = p->argv,
		.envp = p->envp,
		.cwd = p->cwd,
		.user = p->user,
		.group_add = &p->spec->contexe.group_add,
		.security = &p->security,
		.stdio = b->io->stdio,
		.tty = b->slave,
		.start_fd = b->io->start_fd,
		.preserve = b->io->preserve,
		.n_preserve = b->io->n_preserve,
	};
	job_execute(&job, b->sync);
}

/* A job that is to wait, perhaps for days: contexe-init must be there meanwhile. */
static pid_t fork_job(struct builder *b)
{
	int pidfd = FD_NONE;
	pid_t job = sys_fork(0, FD_NONE, &pidfd);
	if (job == 0)
		become_job(b);
	if (job > 0 && sync_send(b->sync, SYNC_BUILT, 0, pidfd) < 0)
		_exit(1);
	fd_close(pidfd);
	return job;
}

static int vforked_job(void *arg)
{
	struct builder *b = arg;
	int pidfd = sys_pidfd_open(getpid());
	if (pidfd < 0) {
		error_sys(&b->err, -pidfd, "cannot open the job's pidfd");
		sync_fail(b->sync, &b->err);
	}
	if (sync_send(b->sync, SYNC_BUILT, 0, pidfd) < 0)
		_exit(1);
	fd_close(pidfd);
	become_job(b);
}

/*
 * One that executes at once does so in our memory, before we become contexe-init: nobody else is in the new
 * pid namespace who could look into it.
 */
static pid_t vfork_job(struct builder *b)
{
	/* the job may ask who process 1 is before that has executed */
	(void)prctl(PR_SET_NAME, "contexe-init");
	return sys_vfork(0, FD_NONE, NULL, vforked_job, b);
}

static NORETURN void fail(struct builder *b)
{
	sync_fail(b->sync, &b->err);
}

/* contexe-init wants its descriptors at fixed numbers; all sources are lifted out of the way first. */
static NORETURN void become_init(struct builder *b, pid_t job)
{
	enum { HIGH = 64 };
	int from[3 + BUILD_MAX_KEEP] = { b->io->channel_fd, b->io->listen_fd, b->io->status_fd };
	size_t n_keep = b->io->n_keep;
	char number[16], keep[16], *views = NULL;

	for (size_t i = 0; i < b->io->n_keep; i++)
		from[3 + i] = b->io->keep[i];
	if (b->master >= 0 && n_keep < BUILD_MAX_KEEP)
		from[3 + n_keep++] = b->master;
	if (b->views_fd >= 0 && n_keep + 2 <= BUILD_MAX_KEEP) {
		from[3 + n_keep++] = b->io->views_memory;
		from[3 + n_keep++] = b->views_fd;
		views = INIT_ARG_VIEWS;
	}
	size_t n = 3 + n_keep;
	int init_fd = fcntl(b->init_fd, F_DUPFD_CLOEXEC, HIGH);
	b->sync = fcntl(b->sync, F_DUPFD_CLOEXEC, HIGH);
	for (size_t i = 0; i < n; i++)
		from[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD_CLOEXEC, HIGH) : FD_NONE;
	for (size_t i = 0; i < n; i++)
		if (from[i] < 0)
			(void)close(INIT_FD_SUPERVISOR + (int)i);
		else if (dup2(from[i], INIT_FD_SUPERVISOR + (int)i) < 0)
			break;
	(void)snprintf(number, sizeof(number), "%d", job);
	(void)snprintf(keep, sizeof(keep), "%zu", n_keep);
	char *argv[] = { "contexe-init", number, keep, views, NULL }, *envp[] = { NULL };
	(void)prctl(PR_SET_PDEATHSIG, 0);
	sigset_t all; /* contexe-init reads them by signalfd: none may get lost before it does */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	syscall(SYS_execveat, init_fd, "", argv, envp, AT_EMPTY_PATH);
	error_sys(&b->err, errno, "cannot execute contexe-init");
	error_object(&b->err, "%s", b->plan->init_path);
	fail(b);
}

/* A restored container's process 1 begins as a program that is almost nothing. */
static NORETURN void become_seed(struct builder *b)
{
	enum { HIGH = 64 };
	int from[BUILD_SEED_FDS];
	int init_fd = fcntl(b->init_fd, F_DUPFD_CLOEXEC, HIGH);
	b->sync = fcntl(b->sync, F_DUPFD_CLOEXEC, HIGH);
	for (int i = 0; i < BUILD_SEED_FDS; i++)
		from[i] = fcntl(b->io->seed_fds[i], F_DUPFD_CLOEXEC, HIGH);
	for (int i = 0; i < BUILD_SEED_FDS; i++)
		if (from[i] < 0 || dup2(from[i], INIT_FD_SUPERVISOR + i) < 0) {
			error_sys(&b->err, errno, "cannot place the descriptors of the seed");
			fail(b);
		}
	char *argv[] = { "contexe-seed", NULL }, *envp[] = { NULL };
	(void)prctl(PR_SET_PDEATHSIG, 0);
	sigset_t all;
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	syscall(SYS_execveat, init_fd, "", argv, envp, AT_EMPTY_PATH);
	error_sys(&b->err, errno, "cannot execute contexe-seed");
	error_object(&b->err, "%s", b->io->seed_path);
	fail(b);
}

static const struct {
	const char *what;
	int (*run)(struct builder *b);
} steps[] = {
	/* as the one whom the groups belong to, before we become another */
	{ "cannot enter the control groups", enter_groups },
	{ "cannot open the views of /proc", open_views },
	{ "cannot set up the user namespace", enter_userns },
	{ "cannot set up the time namespace", enter_time },
	{ "cannot join the namespaces", join_namespaces },
	{ "cannot prepare contexe-init", open_init },
	{ "cannot name the container", set_names },
	{ "cannot set up the network", bring_up_network },
	{ "cannot set the sysctls", set_sysctls },
	{ "cannot make the views of /proc", make_views },
	{ "cannot build the file tree", build_tree },
	{ "cannot open the terminal", open_console },
};

/* All that the supervisor had to do meanwhile is done. Where there may be views, he waits for us, too. */
static int wait_for_go(struct builder *b)
{
	if (b->io->views_memory < 0)
		return sync_wait_go(b->sync);
	int r = sync_send(b->sync, SYNC_TREE, 0, FD_NONE);
	return r < 0 ? r : sync_wait_go_with(b->sync, &b->views_fd);
}

void builder_main(const struct plan *plan, const struct cgroup *cg, const struct build_io *io,
		  int sync)
{
	struct builder b = {
		.plan = plan,
		.cg = cg,
		.io = io,
		.sync = sync,
		.init_fd = FD_NONE,
		.slave = FD_NONE,
		.master = FD_NONE,
		.views_fd = FD_NONE,
		.views_mnt = FD_NONE,
	};
	sigset_t none;
	sigemptyset(&none);
	/* where others are in our pid namespace, they must not look at us: we have the machine's files open */
	if (!plan->own_pidns && !(plan->unshare & CLONE_NEWUSER))
		(void)prctl(PR_SET_DUMPABLE, 0);
	(void)setsid(); /* the user's terminal is not ours to have */
	(void)prctl(PR_SET_PDEATHSIG,
		    SIGKILL); /* until we execute, the supervisor's death is ours */
	/* or has been already */
	struct pollfd supervisor = { .fd = sync, .events = 0 };
	if (poll(&supervisor, 1, 0) > 0 && (supervisor.revents & (POLLHUP | POLLERR)))
		_exit(1);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].run(&b) < 0) {
			if (!b.err.what[0])
				error_what(&b.err, "%s", steps[i].what);
			fail(&b);
		}
	if (wait_for_go(&b) < 0)
		_exit(1);
	if (io->seed_path) {
		if (sync_send(sync, SYNC_BUILT, 0, FD_NONE) < 0)
			_exit(1);
		become_seed(&b);
	}
	if (!plan->own_init) {
		if (sync_send(sync, SYNC_BUILT, 0, FD_NONE) < 0)
			_exit(1);
		become_job(&b);
	}
	(void)prctl(PR_SET_NAME, "contexe-init"); /* who the job sees before it is so */
	if (io->led) {
		if (sync_send(sync, SYNC_BUILT, 0, FD_NONE) < 0)
			_exit(1);
		become_init(&b, 0);
	}
	pid_t job = io->start_fd >= 0 ? fork_job(&b) : vfork_job(&b);
	if (job < 0) {
		error_sys(&b.err, -job, "cannot fork");
		fail(&b);
	}
	/* the terminal is the job's and the supervisor's */
	fd_close(b.slave);
	become_init(&b, job);
}
