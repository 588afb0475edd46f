/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.c - the controlling terminal of a session, which its leader takes, and the group in its foreground. TIOCSCTTY,
 * TIOCSPGRP: ioctl_tty(2). The leader need not have the terminal open: one is kept open for the moment of taking it.
 */
#include "checkpoint/kind/task_kind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/kind/proc_status.h"
#include "checkpoint/kind/pty.h"
#include "sys/openat2.h"
#include "sys/pidfd.h"

#define MAX_LEVELS 33

struct terminal_record {
	uint64_t file;	    /* an open file of it */
	int32_t foreground; /* group, as the leader numbers it; 0: none */
};

static const struct field terminal_fields[] = {
	FIELD(struct terminal_record, file, U64),
	FIELD(struct terminal_record, foreground, I32, .optional = true),
	FIELDS_END,
};

/* ---- the open file ---- */

static bool is_of(int fd, int index)
{
	int flags = fcntl(fd, F_GETFL);
	return flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY &&
	       pty_index(fd) == index && pty_master_index(fd) < 0;
}

/* One of the leader's own descriptors. -ENOENT when it has none. */
static int own_descriptor(const struct collect *c, pid_t pid, int index, int *ret_number)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	CLEANUP_FD int pidfd = sys_pidfd_open(pid);
	int list = openat(c->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = list >= 0 ? fdopendir(list) : NULL;
	if (pidfd < 0 || !dir)
		return -errno;
	int found = -ENOENT;
	for (const struct dirent *e; found < 0 && (e = readdir(dir));) {
		uint64_t number;
		struct stat st;
		if (parse_u64(e->d_name, 0, INT32_MAX, &number) < 0 ||
		    fstatat(dirfd(dir), e->d_name, &st, 0) < 0 || !S_ISCHR(st.st_mode))
			continue;
		CLEANUP_FD int fd = sys_pidfd_getfd(pidfd, (int)number);
		if (fd >= 0 && is_of(fd, index)) {
			*ret_number = (int)number;
			found = take_fd(&fd);
		}
	}
	(void)closedir(dir);
	return found;
}

/* From the container's /dev/pts, without becoming anybody's terminal. */
static int new_descriptor(const struct collect *c, int index)
{
	char path[64];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%d/root", (int)c->init);
	CLEANUP_FD int root = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "dev/pts/%d", index);
	const uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
	CLEANUP_FD int node = sys_openat2(root, path, O_PATH | O_NOFOLLOW, 0, resolve);
	if (node < 0)
		return node;
	if (fstat(node, &st) < 0 || !S_ISCHR(st.st_mode) || pty_index_of(st.st_rdev) != index)
		return -ENXIO;
	return sys_openat2(root, path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0, resolve);
}

/* ---- the group ---- */

static int levels_of(const char *status)
{
	uint64_t v[MAX_LEVELS];
	return proc_status_list(status, "NSpid", v, MAX_LEVELS);
}

/* The group's number on the leader's level, if this process is in the group. 0: it is not. */
static int32_t group_of(const char *status, pid_t host_group, int level)
{
	uint64_t v[MAX_LEVELS];
	int n = proc_status_list(status, "NSpgid", v, MAX_LEVELS);
	return n > level && v[0] == (uint64_t)host_group ? (int32_t)v[level] : 0;
}

/* Its leader may be dead: any member tells. A group without members cannot be had again. */
static int32_t find_group(const struct collect *c, const struct task_facts *t, pid_t host_group)
{
	int level = levels_of(t->status) - 1;
	if (host_group <= 0 || level < 0)
		return 0;
	int32_t found = group_of(t->status, host_group, level);
	for (size_t i = 0; !found && i < c->tracees->n; i++) {
		const struct tracee *other = &c->tracees->v[i];
		if (other->tid != other->tgid)
			continue;
		char path[64];
		CLEANUP_BUF struct buf status = BUF_INIT;
		(void)snprintf(path, sizeof(path), "%d/status", (int)other->tgid);
		if (file_read(c->proc, path, 65536, &status) == 0)
			found = group_of(buf_str(&status), host_group, level);
	}
	return found;
}

/* ---- both ---- */

static int index_of_stat(int64_t dev)
{
	unsigned d = (unsigned)dev; /* as the kernel encodes it: see pty_index() */
	return ((d >> 8) & 0xfff) == 136 ? (int)((d & 0xff) | ((d >> 12) & 0xfff00)) : -ENOTTY;
}

static int terminal_collect(struct collect *c, const struct task_facts *t,
			    const struct program *visit, const void *cookie, void *record,
			    bool *ret_none, struct error *err)
{
	(void)visit;
	(void)cookie;
	struct terminal_record *rec = record;
	int64_t session = 0, dev = 0, group = 0;
	*ret_none = true;
	if (proc_stat_i64(t->stat, PROC_STAT_SID, &session) < 0 ||
	    proc_stat_i64(t->stat, PROC_STAT_TTY, &dev) < 0 ||
	    proc_stat_i64(t->stat, PROC_STAT_TPGID, &group) < 0)
		return error_set(err, EINVAL, "cannot read the session of a process");
	if (session != t->pid || dev == 0)
		return 0;
	int index = index_of_stat(dev), number = -1;
	int fd = index < 0 ? index : own_descriptor(c, t->pid, index, &number);
	if (fd == -ENOENT)
		fd = new_descriptor(c, index);
	if (fd < 0)
		return collect_refuse(
			c, t->pid, "its controlling terminal",
			"it is not one of the container's /dev/pts",
			"start the session with a terminal of its own (contexe run -t)");
	struct object_holder by = { number < 0 ? 0 : t->pid, number };
	int64_t id = collect_file_take(c, fd, by, err);
	if (id < 0)
		return (int)id;
	*rec = (struct terminal_record){ (uint64_t)id, find_group(c, t, (pid_t)group) };
	*ret_none = false;
	return 0;
}

static int terminal_emit(struct emit *e, const void *record, struct error *err)
{
	const struct terminal_record *rec = record;
	int fd = e->fd(e->arg, rec->file);
	if (fd < 0)
		return error_set(err, EBADMSG,
				 "the controlling terminal of session %d is not in the image",
				 (int)e->vpid);
	program_what(e->p, "take the controlling terminal");
	struct step *s = program_call(e->p, SYS_ioctl, (uint64_t)fd, TIOCSCTTY, 0);
	/* that of an exec session is gone: hung up */
	s->want = WANT_OK_OR;
	s->value = -EIO;
	program_what(e->p, "set the foreground group of the terminal");
	if (!rec->foreground)
		return 0;
	s = program_call(e->p, SYS_ioctl, (uint64_t)fd, TIOCSPGRP,
			 program_data(e->p, &rec->foreground, sizeof(rec->foreground)));
	s->want = WANT_OK_OR;
	s->value = -EIO;
	return 0;
}

const struct task_kind task_kind_terminal = {
	.name = "terminal",
	.scope = SCOPE_PROCESS,
	.phase = PHASE_FILES,
	.fields = terminal_fields,
	.size = sizeof(struct terminal_record),
	.collect = terminal_collect,
	.emit = terminal_emit,
};
