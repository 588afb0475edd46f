/* SPDX-License-Identifier: Apache-2.0 */
/* work.c - see work.h. */
#include "fs/work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/parse.h"

enum kind { WRITE, MKDIR, RMDIR };

struct work {
	struct work *next;
	pid_t pid;
	enum kind kind;
	fuse_req_t req;
	size_t size;   /* WRITE */
	char *name;    /* of the container that it makes; NULL: none */
	bool is_there; /* and there was one of that name before */
};

/* ---- in the worker ---- */

/* Who only sees an errno can read here what was meant. */
static void tell(const char *about, const struct contexe_error *err)
{
	char text[1600];
	if (!err->err)
		return;
	(void)contexe_error_line(err, text, sizeof(text));
	fprintf(stderr, "contexe-fs: %s: %s\n", about, text);
	syslog(LOG_NOTICE, "%s: %s", about, text);
}

static _Noreturn void finish(const char *about, int r, const struct contexe_error *err)
{
	if (r < 0)
		tell(about, err);
	(void)fflush(NULL);
	_exit(r < 0 ? (-r < WORK_ANSWERED ? -r : EIO) : 0);
}

struct answer {
	fuse_req_t req;
	size_t size;
	bool given;
};

static int give_answer(void *arg)
{
	struct answer *a = arg;
	a->given = true;
	return fuse_reply_write(a->req, a->size);
}

/* The writer waits in write(2), is brought in when that ends, and goes on inside. */
static _Noreturn void lead(struct server *s, fuse_req_t req, size_t size, char *name)
{
	struct contexe_error err = { 0 };
	struct answer a = { .req = req, .size = size };
	pid_t writer = fuse_req_ctx(req)->pid;
	struct contexe_spec *spec = contexe_spec_new();
	int r = writer > 0 ? contexe_spec_set(spec, "name", name, &err) : -EOPNOTSUPP;
	if (r == 0)
		r = contexe_lead(s->cx, spec, writer, give_answer, &a, NULL, &err);
	if (!a.given)
		finish(name, r < 0 ? r : -EIO, &err);
	if (r < 0)
		tell(name, &err);
	(void)fflush(NULL);
	_exit(WORK_ANSWERED);
}

static int set_limit(struct server *s, const char *name, unsigned index, const char *value,
		     struct contexe_error *err)
{
	return index < s->n_limits ? contexe_update(s->cx, name, &s->limits[index], &value, 1, err)
				   : -ENOENT;
}

static _Noreturn void write_file(struct server *s, fuse_ino_t ino, char *text)
{
	struct contexe_error err = { 0 };
	struct view v;
	unsigned place = PLACE_OF(ino);
	int r = view_open(s, ino, &v);
	if (r == 0 && v.system)
		r = -EPERM;
	else if (r == 0 && place >= PLACE_LIMIT)
		r = set_limit(s, v.name, place - PLACE_LIMIT, text, &err);
	else if (r == 0)
		r = node_files[place - PLACE_FILE].write(s, v.name, text, &err);
	finish(s->slots[SLOT_OF(ino)].name, r, &err);
}

static _Noreturn void make(struct server *s, const char *name)
{
	struct contexe_error err = { 0 };
	struct contexe_spec *spec = contexe_spec_new();
	int r = contexe_spec_set(spec, "name", name, &err);
	if (r == 0)
		r = contexe_make(s->cx, spec, NULL, &err);
	finish(name, r, &err);
}

static _Noreturn void discard(struct server *s, const char *name)
{
	struct contexe_error err = { 0 };
	finish(name, contexe_remove(s->cx, name, false, &err), &err);
}

/* ---- in the server ---- */

static int connection, nowhere; /* of the worker, for its signal handler */

/* Closed, without its number going to another file. */
static void hang_up(int sig)
{
	(void)sig;
	(void)dup2(nowhere, connection);
}

/*
 * We hold the connection open. Without the server, who waits for an answer would wait for ever, and whoever builds a
 * container may be among them; so we hang up when it dies. Our own answer fails then, and what we began is undone.
 */
static void watch_server(struct server *s, pid_t server)
{
	struct sigaction sa = { .sa_handler = hang_up, .sa_flags = SA_RESTART };
	connection = fuse_session_fd(s->session);
	nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nowhere < 0 || sigaction(SIGUSR1, &sa, NULL) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGUSR1) < 0)
		_exit(EIO);
	if (getppid() != server)
		hang_up(0);
}

static bool exists(struct server *s, const char *name, enum contexe_state *ret_state)
{
	struct contexe_info info;
	if (contexe_info(s->cx, name, &info, NULL) < 0)
		return false;
	if (ret_state)
		*ret_state = info.state;
	contexe_info_done(&info);
	return true;
}

/* A worker that was killed may leave a directory that was to become a container, before anybody else knew of it. */
static void sweep(struct server *s, const struct work *w)
{
	enum contexe_state state;
	if (w->kind != RMDIR && w->name && !w->is_there && exists(s, w->name, &state) &&
	    state == CONTEXE_BROKEN)
		(void)contexe_remove(s->cx, w->name, true, NULL);
}

/* True in the worker. */
static bool begin(struct server *s, fuse_req_t req, enum kind kind, size_t size, const char *name)
{
	bool is_there = name && exists(s, name, NULL);
	(void)fflush(NULL);
	pid_t server = getpid(), pid = fork();
	if (pid < 0) {
		fuse_reply_err(req, errno);
		return false;
	}
	if (pid == 0) {
		sigset_t mask;
		watch_server(s, server);
		memcpy(&mask, s->old_mask, sizeof(mask));
		(void)sigprocmask(SIG_SETMASK, &mask, NULL);
		return true;
	}
	struct work *w = xcalloc(1, sizeof(*w));
	*w = (struct work){ s->works, pid, kind, req, size, name ? xstrdup(name) : NULL, is_there };
	s->works = w;
	return false;
}

/* A copy without the white space around it. */
static char *trimmed(const char *text, size_t size)
{
	const char *start = text, *end = text + size;
	while (start < end && strchr(" \t\n", *start))
		start++;
	while (end > start && strchr(" \t\n", end[-1]))
		end--;
	return xasprintf("%.*s", (int)(end - start), start);
}

void work_write(struct server *s, fuse_req_t req, fuse_ino_t ino, const char *text, size_t size)
{
	CLEANUP_STR char *line = trimmed(text, size);
	bool control = ino == INO_CONTROL;
	if (!*line)
		fuse_reply_err(req, EINVAL);
	else if (begin(s, req, WRITE, size, control ? line : NULL)) {
		if (control)
			lead(s, req, size, line);
		write_file(s, ino, line);
	}
}

void work_mkdir(struct server *s, fuse_req_t req, const char *name)
{
	if (begin(s, req, MKDIR, 0, name))
		make(s, name);
}

void work_rmdir(struct server *s, fuse_req_t req, const char *name)
{
	if (begin(s, req, RMDIR, 0, name))
		discard(s, name);
}

static void reply(struct server *s, struct work *w, int status)
{
	struct fuse_entry_param entry;
	int e = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	if (e == WORK_ANSWERED) {
		fuse_reply_none(w->req); /* only frees it */
		return;
	}
	if (e == 0 && w->kind == MKDIR)
		e = -enter_container(s, w->name, &entry);
	if (e)
		fuse_reply_err(w->req, e);
	else if (w->kind == WRITE)
		fuse_reply_write(w->req, w->size);
	else if (w->kind == MKDIR)
		fuse_reply_entry(w->req, &entry);
	else
		fuse_reply_err(w->req, 0);
}

static void reap(struct server *s, int options)
{
	for (struct work **at = &s->works; *at;) {
		struct work *w = *at;
		int status;
		if (waitpid(w->pid, &status, options) != w->pid) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		if (WIFSIGNALED(status))
			sweep(s, w);
		reply(s, w, status);
		free(w->name);
		free(w);
	}
}

void work_reap(struct server *s)
{
	reap(s, WNOHANG);
}

void work_finish(struct server *s)
{
	reap(s, 0);
}
