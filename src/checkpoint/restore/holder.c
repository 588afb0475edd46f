/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holder.c - see kind/holder.h. A fork of the engine that enters the namespaces of the new process 1, makes every open
 * file, sends them all through the seed's socket and ends. Its address space is a copy: what it does to the
 * restore's data is seen by nobody.
 */
#include "checkpoint/kind/holder.h"

#include <errno.h>
#include <fcntl.h>
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
#include "checkpoint/restore/restore_state.h"
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

struct holder {
	struct restore *r;
	const struct restore_request *req;
	int *fds; /* by file index; FD_NONE: not yet */
	bool *opening;
	struct stash *stash;
	size_t n_stash;
};

struct image *holder_image(struct holder *h)
{
	return h->r->img;
}

struct arena *holder_arena(struct holder *h)
{
	return h->r->arena;
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

static int set_common(struct holder *h, size_t i, struct error *err)
{
	const struct restored_file *f = &h->r->files[i];
	const int settable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;
	int flags = (int)f->record.flags;
	if (!f->kind || flags & O_PATH)
		return 0;
	if (!f->kind->no_flags) {
		int now = fcntl(h->fds[i], F_GETFL);
		if (now < 0 || ((now ^ flags) & settable && fcntl(h->fds[i], F_SETFL, flags) < 0))
			return error_sys(err, errno, "cannot set the flags %o of %s",
					 (unsigned)flags, f->record.name);
	}
	if (f->record.owner_type >= 0 && f->record.owner) {
		struct f_owner_ex owner = { f->record.owner_type, f->record.owner };
		(void)fcntl(h->fds[i], F_SETOWN_EX, &owner);
	}
	if (f->record.signal)
		(void)fcntl(h->fds[i], 10 /* F_SETSIG */, f->record.signal);
	return 0;
}

static int open_all(struct holder *h, struct error *err)
{
	int r = 0;
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++)
		r = open_at(h, i, err);
	for (size_t i = 0; i < h->r->n_files && r >= 0; i++) {
		const struct restored_file *f = &h->r->files[i];
		if (f->kind && f->kind->finish)
			r = f->kind->finish(h, f->id, h->fds[i], f->data, err);
		if (r >= 0)
			r = set_common(h, i, err);
		if (r < 0)
			error_object(err, "%s", f->record.name ? f->record.name : f->record.kind);
	}
	return r < 0 ? r : 0;
}

/* See STEP_RECV_FDS: each message begins with the count of its descriptors. */
static int send_all(struct holder *h, int sock, struct error *err)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(SEND_BATCH * sizeof(int))];
	} control;
	for (size_t at = 0; at < h->r->n_files;) {
		uint32_t n = (uint32_t)MIN(h->r->n_files - at, (size_t)SEND_BATCH);
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
		memcpy(CMSG_DATA(c), h->fds + at, n * sizeof(int));
		if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
			return error_sys(err, errno, "cannot hand the open files to process 1");
		at += n;
	}
	return 0;
}

static int enter(const struct restore_request *req, struct error *err)
{
	int flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;
	/* a user namespace of its own first: its capabilities are needed for the others */
	if (req->userns && setns(req->seed_pidfd, CLONE_NEWUSER) < 0)
		return error_sys(err, errno, "cannot enter the container's user namespace");
	if (setns(req->seed_pidfd, flags) < 0)
		return error_sys(err, errno, "cannot enter the container's namespaces");
	return 0;
}

static NORETURN void holder_main(struct restore *r, const struct restore_request *req, int report)
{
	struct error err = ERROR_INIT;
	struct holder h = {
		.r = r,
		.req = req,
		.fds = xmalloc((r->n_files + 1) * sizeof(int)),
		.opening = xcalloc(r->n_files + 1, sizeof(bool)),
	};
	for (size_t i = 0; i < r->n_files; i++)
		h.fds[i] = FD_NONE;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int e = enter(req, &err);
	(void)umask(0);
	if (e == 0)
		e = open_all(&h, &err);
	if (e == 0)
		e = send_all(&h, req->seed_sock, &err);
	if (e < 0)
		IGNORE_RESULT(fd_write_all(report, &err, sizeof(err)));
	_exit(e < 0);
}

int holder_start(struct restore *r, const struct restore_request *req, struct holder_run *ret,
		 struct error *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
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
	*ret = (struct holder_run){ pid, fds[0] };
	return 0;
}

int holder_wait(struct holder_run *run, struct error *err)
{
	struct error theirs;
	int status = 0;
	ssize_t n = fd_read_all(run->report, &theirs, sizeof(theirs));
	run->report = fd_close(run->report);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == sizeof(theirs)) {
		if (err)
			*err = theirs;
		return -theirs.err;
	}
	if (status != 0)
		return error_set(err, EIO,
				 "the process that makes open files again ended with status %#x",
				 (unsigned)status);
	return 0;
}
