/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holder.c - see kind/holder.h. A fork of the engine that enters the namespaces of the new process 1, makes every open
 * file, sends them all through the seed's socket and ends. Its address space is a copy: what it does to the
 * restore's data is seen by nobody.
 */
#include "checkpoint/kind/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/kind/file_lock.h"
#include "checkpoint/restore/restore_state.h"
#include "proc/process.h"
#include "sys/clone3.h"

#define SEND_BATCH 250 /* SCM_MAX_FD is 253 */
#define COPY_BYTES (1u << 20)

#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
struct f_owner_ex {
	int type;
	pid_t pid;
};
#endif

struct stash {
	const char *kind;
	uint64_t key;
	int fd;
};

struct kind_memory {
	const char *kind;
	void **data;
};

struct holder {
	struct restore *r;
	const struct restore_request *req;
	int *fds; /* by file index; FD_NONE: not yet */
	bool *opening;
	bool *finish_late; /* by file index: its finish() wants to be called again */
	struct stash *stash;
	size_t n_stash;
	struct kind_memory *memory;
	size_t n_memory;
	int proc;
	bool late; /* all tasks exist */
	bool has_pids;
};

/* What the holder says when the early part is done. */
struct report {
	struct error err; /* err.err != 0: failed */
	uint32_t late;	  /* there is more to do once all tasks exist */
};

struct image *holder_image(struct holder *h)
{
	return h->r->img;
}

struct arena *holder_arena(struct holder *h)
{
	return h->r->arena;
}

int holder_proc(struct holder *h)
{
	return h->proc;
}

bool holder_late(const struct holder *h)
{
	return h->late;
}

bool holder_has_pids(const struct holder *h)
{
	return h->has_pids && !h->late;
}

void **holder_memory(struct holder *h, const char *kind)
{
	for (size_t i = 0; i < h->n_memory; i++)
		if (str_eq(h->memory[i].kind, kind))
			return h->memory[i].data;
	struct kind_memory *m = arena_push(h->r->arena, h->memory, h->n_memory);
	m->kind = kind;
	m->data = arena_alloc(h->r->arena, sizeof(void *));
	return m->data;
}

/* ---- stash ---- */

static struct stash *find_stash(struct holder *h, const char *kind, uint64_t key)
{
	for (size_t i = 0; i < h->n_stash; i++)
		if (h->stash[i].fd >= 0 && h->stash[i].key == key && str_eq(h->stash[i].kind, kind))
			return &h->stash[i];
	return NULL;
}

void holder_stash_take(struct holder *h, const char *kind, uint64_t key, int fd)
{
	struct stash *s = NULL;
	for (size_t i = 0; i < h->n_stash && !s; i++)
		if (h->stash[i].fd < 0)
			s = &h->stash[i];
	if (!s)
		s = arena_push(h->r->arena, h->stash, h->n_stash);
	*s = (struct stash){ kind, key, fd };
}

int holder_stashed(struct holder *h, const char *kind, uint64_t key)
{
	const struct stash *s = find_stash(h, kind, key);
	return s ? s->fd : FD_NONE;
}

int holder_unstash(struct holder *h, const char *kind, uint64_t key)
{
	struct stash *s = find_stash(h, kind, key);
	return s ? take_fd(&s->fd) : FD_NONE;
}

int holder_external(struct holder *h, const char *name, struct error *err)
{
	for (size_t i = 0; i < h->req->n_externals; i++)
		if (str_eq(h->req->externals[i].name, name))
			return h->req->externals[i].fd;
	error_set(err, ENOENT, "the image needs this from outside, and it was not given");
	error_hint(err, "supply it: --external %s=FD|PATH", name);
	return error_object(err, "%s", name);
}

int holder_copy_pages(struct holder *h, uint64_t image_offset, uint64_t n_pages, int fd,
		      uint64_t at, struct error *err)
{
	char *chunk = xmalloc(COPY_BYTES);
	uint64_t left = n_pages * IMAGE_PAGE;
	int r = image_has_pages(h->r->img, image_offset, n_pages)
			? 0
			: error_set(err, EBADMSG,
				    "a record names pages that the image does not have");
	while (left && r == 0) {
		ssize_t n = pread(image_fd(h->r->img), chunk, MIN(left, COPY_BYTES),
				  (off_t)image_offset);
		if (n <= 0)
			r = error_sys(err, n < 0 ? errno : EIO, "cannot read the image");
		else if (pwrite(fd, chunk, (size_t)n, (off_t)at) != n)
			r = error_sys(err, errno ? errno : EIO,
				      "cannot write the content of a file");
		if (n > 0) {
			image_offset += (uint64_t)n;
			at += (uint64_t)n;
			left -= (uint64_t)n;
		}
	}
	free(chunk);
	return r;
}

/* ---- opening ---- */

static int open_at(struct holder *h, size_t i, struct error *err)
{
	const struct restored_file *f = &h->r->files[i];
	if (h->fds[i] >= 0)
		return h->fds[i];
	if (h->opening[i])
		return error_set(err, ELOOP, "open files that need each other in a circle");
	if (f->late && !h->late)
		return error_set(err, EAGAIN, "it can be made only when all tasks exist");
	h->opening[i] = true;
	int fd;
	if (f->kind) {
		fd = f->kind->open(h, f->id, (int)f->record.flags, f->data, err);
	} else {
		fd = holder_external(h, f->record.external, err);
		fd = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	h->opening[i] = false;
	if (fd < 0) {
		error_what(err, "cannot make an open file again");
		error_object(err, "%s", f->record.name ? f->record.name : f->record.kind);
		return fd;
	}
	h->fds[i] = fd;
	return fd;
}

int holder_fd(struct holder *h, uint64_t file_id, struct error *err)
{
	int64_t index = restored_file_index(h->r, file_id);
	if (index < 0)
		return error_set(err, EBADMSG, "an open file that is not in the image");
	return open_at(h, (size_t)index, err);
}

static int set_flags(const struct restored_file *f, int fd, struct error *err)
{
	const int settable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;
	int flags = (int)f->record.flags;
	int now = fcntl(fd, F_GETFL);
	if (now < 0 || ((now ^ flags) & settable && fcntl(fd, F_SETFL, flags) < 0))
		return error_sys(err, errno, "cannot set the flags %o", (unsigned)flags);
	return 0;
}

/* Who gets its signals: a task, by its number in the container. */
static int set_owner(const struct restored_file *f, int fd, struct error *err)
{
	struct f_owner_ex owner = { f->record.owner_type, f->record.owner };
	if (fcntl(fd, F_SETOWN_EX, &owner) < 0)
		return error_sys(err, errno, "cannot set the owner %d", (int)f->record.owner);
	if (f->record.signal && fcntl(fd, F_SETSIG, f->record.signal) < 0)
		return error_sys(err, errno, "cannot set the signal %d", (int)f->record.signal);
	return 0;
}

static bool has_owner(const struct restored_file *f)
{
	return f->kind && f->record.owner_type >= 0 && f->record.owner;
}

/* What every kind has in common. An external file is as its giver has made it. */
static int set_common(struct holder *h, size_t i, struct error *err)
{
	const struct restored_file *f = &h->r->files[i];
	int r = 0;
	if (!f->kind || f->record.flags & O_PATH)
		return 0;
	if (!f->kind->no_flags)
		r = set_flags(f, h->fds[i], err);
	if (r == 0 && f->record.locks.n)
		r = file_lock_apply(h->fds[i], &f->record.locks, err);
	return r;
}

/* 1: this one must be called again when all tasks exist. */
static int finish_one(struct holder *h, size_t i, struct error *err)
{
	const struct restored_file *f = &h->r->files[i];
	struct error why = ERROR_INIT;
	int r = 0;
	if (f->kind && f->kind->finish)
		r = f->kind->finish(h, f->id, h->fds[i], f->data, &why);
	if (r == -EAGAIN && !h->late)
		return 1;
	if (r >= 0)
		r = set_common(h, i, &why);
	if (r >= 0)
		return 0;
	*err = why;
	error_what(err, "cannot make an open file again");
	return error_object(err, "%s", f->record.name ? f->record.name : f->record.kind);
}

static int open_early(struct holder *h, bool *ret_late, struct error *err)
{
	int r = 0;
	*ret_late = false;
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++) {
		*ret_late |= h->r->files[i].late || has_owner(&h->r->files[i]);
		if (!h->r->files[i].late)
			r = open_at(h, i, err);
	}
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++)
		if (!h->r->files[i].late) {
			r = finish_one(h, i, err);
			h->finish_late[i] = r == 1;
			*ret_late |= r == 1;
		}
	return r < 0 ? r : 0;
}

static int open_late(struct holder *h, struct error *err)
{
	int r = 0;
	h->late = true;
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++)
		if (h->r->files[i].late)
			r = open_at(h, i, err);
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++) {
		const struct restored_file *f = &h->r->files[i];
		if (f->late || h->finish_late[i])
			r = finish_one(h, i, err);
		if (r >= 0 && has_owner(f))
			r = set_owner(f, h->fds[i], err);
	}
	return r < 0 ? r : 0;
}

/* ---- handing over ---- */

/* See STEP_RECV_FDS: each message begins with the count of its descriptors. */
static int send_some(const int *fds, size_t n_fds, int sock, struct error *err)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(SEND_BATCH * sizeof(int))];
	} control;
	for (size_t at = 0; at < n_fds;) {
		uint32_t n = (uint32_t)MIN(n_fds - at, (size_t)SEND_BATCH);
		struct iovec iov = { &n, sizeof(n) };
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = CMSG_SPACE(n * sizeof(int)),
		};
		memset(&control, 0, sizeof(control));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds + at, n * sizeof(int));
		if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
			return error_sys(err, errno, "cannot hand the open files over");
		at += n;
	}
	return 0;
}

/* To process 1: the open files, a stand-in (its own image) for each late one, then the sockets on which tasks get those. */
static int send_early(struct holder *h, int sock, struct error *err)
{
	const struct restore *r = h->r;
	int *fds = xmalloc((r->n_files + r->n_late_tasks + 1) * sizeof(int));
	for (size_t i = 0; i < r->n_files; i++)
		fds[i] = h->fds[i] >= 0 ? h->fds[i] : r->am.fd;
	for (size_t i = 0; i < r->n_late_tasks; i++)
		fds[r->n_files + i] = r->late_socks[i].theirs;
	int e = send_some(fds, r->n_files + r->n_late_tasks, sock, err);
	free(fds);
	return e;
}

static int send_late(struct holder *h, struct error *err)
{
	const struct restore *r = h->r;
	int *fds = xmalloc((r->n_late + 1) * sizeof(int));
	size_t n = 0;
	int e = 0;
	for (size_t i = 0; i < r->n_files; i++)
		if (r->files[i].late)
			fds[n++] = h->fds[i];
	for (size_t i = 0; i < r->n_late_tasks && e == 0; i++)
		e = send_some(fds, n, r->late_socks[i].ours, err);
	free(fds);
	return e;
}

/* ---- the process ---- */

/* Who has no number in the user namespace can make no file in it, and give none away. */
static int become_root(struct error *err)
{
	(void)syscall(SYS_setgroups, 0,
		      NULL); /* refused where the map was made so; it is as well then */
	/* -EINVAL: the namespace has no 0 */
	if ((syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) &&
	    errno != EINVAL)
		return error_sys(err, errno, "cannot become root of the container");
	return 0;
}

/* Those in which process 1 is another's: into a shared one nobody is let without privilege over it. */
static int differing_namespaces(pid_t seed)
{
	static const struct {
		int flag;
		const char *name;
	} table[] = {
		{ CLONE_NEWNS, "mnt" },	 { CLONE_NEWUTS, "uts" },	{ CLONE_NEWIPC, "ipc" },
		{ CLONE_NEWNET, "net" }, { CLONE_NEWCGROUP, "cgroup" },
	};
	int flags = 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (proc_ns_inode(seed, table[i].name) != proc_ns_inode(getpid(), table[i].name))
			flags |= table[i].flag;
	return flags;
}

static int enter(struct holder *h, struct error *err)
{
	int flags = differing_namespaces(h->req->seed);
	h->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->proc < 0)
		return error_sys(err, errno, "cannot open /proc");
	/* a user namespace of its own first: its capabilities are needed for the others */
	bool inside = proc_ns_inode(h->req->seed, "user") == proc_ns_inode(getpid(), "user");
	if (h->req->userns && !inside && setns(h->req->seed_pidfd, CLONE_NEWUSER) < 0)
		return error_sys(err, errno, "cannot enter the container's user namespace");
	if (flags && setns(h->req->seed_pidfd, flags) < 0)
		return error_sys(err, errno, "cannot enter the container's namespaces");
	h->has_pids = setns(h->req->seed_pidfd, CLONE_NEWPID) == 0;
	return h->req->userns ? become_root(err) : 0;
}

/* A child in the container's pid namespace, with a number that no task has: it can name tasks by theirs. */
static int run_late(struct holder *h, struct error *err)
{
	pid_t number = h->r->tree.spare;
	struct clone3_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&number,
		.set_tid_size = 1,
	};
	int fds[2], status = 0;
	struct error theirs = ERROR_INIT;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		int e = open_late(h, &theirs);
		if (e == 0)
			e = send_late(h, &theirs);
		if (e < 0)
			IGNORE_RESULT(fd_write_all(fds[1], &theirs, sizeof(theirs)));
		_exit(e < 0);
	}
	fd_close(fds[1]);
	ssize_t n = pid < 0 ? 0 : fd_read_all(fds[0], &theirs, sizeof(theirs));
	fd_close(fds[0]);
	if (pid < 0)
		return error_sys(err, -pid, "cannot fork into the container");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == sizeof(theirs)) {
		*err = theirs;
		return -theirs.err;
	}
	return status ? error_set(err, EIO, "a process that makes open files again ended early")
		      : 0;
}

static NORETURN void holder_main(struct restore *r, const struct restore_request *req, int sock)
{
	struct report report = { .late = 0 };
	bool late = false;
	char go;
	struct holder h = {
		.r = r,
		.req = req,
		.fds = xmalloc((r->n_files + 1) * sizeof(int)),
		.opening = xcalloc(r->n_files + 1, sizeof(bool)),
		.finish_late = xcalloc(r->n_files + 1, sizeof(bool)),
	};
	for (size_t i = 0; i < r->n_files; i++)
		h.fds[i] = FD_NONE;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)umask(0);
	int e = enter(&h, &report.err);
	if (e == 0)
		e = open_early(&h, &late, &report.err);
	if (e == 0)
		e = send_early(&h, req->seed_sock, &report.err);
	report.late = late;
	if (fd_write_all(sock, &report, sizeof(report)) < 0 || e < 0 || !late)
		_exit(e < 0);
	if (fd_read_all(sock, &go, 1) != 1)
		_exit(1);
	report = (struct report){ .late = 0 };
	e = run_late(&h, &report.err);
	IGNORE_RESULT(fd_write_all(sock, &report, sizeof(report)));
	_exit(e < 0);
}

int holder_start(struct restore *r, const struct restore_request *req, struct holder_run *ret,
		 struct error *err)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return error_sys(err, errno, "cannot make a socket pair");
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid == 0) {
		fd_close(fds[0]);
		holder_main(r, req, fds[1]);
	}
	fd_close(fds[1]);
	if (pid < 0) {
		fd_close(fds[0]);
		return error_sys(err, -pid, "cannot fork");
	}
	*ret = (struct holder_run){ .pid = pid, .sock = fds[0] };
	return 0;
}

static int hear(struct holder_run *run, struct error *err)
{
	struct report report;
	if (fd_read_all(run->sock, &report, sizeof(report)) != sizeof(report))
		return error_set(err, EIO, "the process that makes open files again ended early");
	run->late = report.late;
	if (report.err.err && err)
		*err = report.err;
	return -report.err.err;
}

int holder_early(struct holder_run *run, struct error *err)
{
	return hear(run, err);
}

int holder_go_late(struct holder_run *run, struct error *err)
{
	if (!run->late)
		return 0;
	int r = fd_write_all(run->sock, "g", 1);
	return r < 0 ? error_sys(err, -r, "the process that makes open files again is gone")
		     : hear(run, err);
}

void holder_end(struct holder_run *run)
{
	int status;
	run->sock = fd_close(run->sock); /* end of file: one that still waits gives up */
	if (run->pid > 0)
		while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
			;
	run->pid = 0;
}
