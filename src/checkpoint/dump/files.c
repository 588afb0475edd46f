/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - tables of descriptors, working directories, and every open file that they lead to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "checkpoint/dump/dump_state.h"
#include "checkpoint/kind/file_lock.h"
#include "sys/pidfd.h"
#include "sys/viewstat.h"

#ifndef F_GETOWN_EX
#define F_GETOWN_EX 16
struct f_owner_ex {
	int type;
	pid_t pid;
};
#endif

#define FDINFO_MAX (4u << 20) /* an epoll or inotify with very many entries */

/* ---- tables ---- */

static int read_fdinfo(struct dump_state *d, pid_t pid, int fd, struct buf *b)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)pid, fd);
	return file_read(d->c.proc, path, FDINFO_MAX, b);
}

/* A line "name:\tvalue" of an fdinfo in the given base; fallback when it is not there. */
static int64_t info_number(const char *info, const char *name, int base, int64_t fallback)
{
	size_t n = strlen(name);
	for (const char *p = info; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, n) == 0 && p[n] == ':')
			return (int64_t)strtoll(p + n + 1, NULL, base);
	return fallback;
}

/*
 * fdinfo shows the flags of the open file and the descriptor's close-on-exec in one number. An open file can have
 * O_CLOEXEC among its flags, too (the slave that TIOCGPTPEER opened with it): then only the task knows.
 */
static int is_cloexec(const struct dumped_task *t, int ours, int number, const char *info,
		      bool *ret, struct error *err)
{
	*ret = info_number(info, "flags", 8, 0) & O_CLOEXEC;
	if (!*ret || !(fcntl(ours, F_GETFL) & O_CLOEXEC))
		return 0;
	const uint64_t args[6] = { (uint64_t)number, F_GETFD };
	int64_t flags = tracee_call(t->threads[0].tracee, SYS_fcntl, args, err);
	if (flags < 0)
		return error_sys(err, (int)-flags, "cannot ask for the flags of descriptor %d",
				 number);
	*ret = flags & FD_CLOEXEC;
	return 0;
}

static int collect_fd(struct dump_state *d, const struct dumped_task *t, int pidfd, int number,
		      struct files_record *rec, struct error *err)
{
	struct buf info CLEANUP_BUF = BUF_INIT;
	int fd = sys_pidfd_getfd(pidfd, number);
	if (fd < 0)
		return error_sys(err, -fd, "cannot take descriptor %d of pid %d", number,
				 t->record.pid);
	int r = read_fdinfo(d, t->pid, number, &info);
	if (r < 0) {
		fd_close(fd);
		return error_sys(err, -r, "cannot read the fdinfo of descriptor %d", number);
	}
	bool cloexec;
	r = is_cloexec(t, fd, number, buf_str(&info), &cloexec, err);
	if (r < 0) {
		fd_close(fd);
		return r;
	}
	int64_t id = collect_file_take(&d->c, fd, (struct object_holder){ t->pid, number }, err);
	if (id < 0)
		return (int)id;
	struct fd_record *f =
		arena_grow(d->c.arena, &rec->fds.v, &rec->fds.n, sizeof(struct fd_record));
	f->number = number;
	f->file = (uint64_t)id;
	f->cloexec = cloexec;
	return 0;
}

static int compare_fds(const void *a, const void *b)
{
	const struct fd_record *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int collect_table(struct dump_state *d, const struct dumped_task *t, struct error *err)
{
	struct files_record rec = { 0 };
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)t->pid);
	CLEANUP_FD int pidfd = sys_pidfd_open(t->pid);
	if (pidfd < 0)
		return error_sys(err, -pidfd, "cannot open process %d", t->record.pid);
	DIR *dir = opendir(path);
	if (!dir)
		return error_sys(err, errno, "cannot list the descriptors of pid %d",
				 t->record.pid);
	int r = 0;
	for (const struct dirent *e; r == 0 && (e = readdir(dir));)
		if (e->d_name[0] != '.')
			r = collect_fd(d, t, pidfd, atoi(e->d_name), &rec, err);
	(void)closedir(dir);
	if (r < 0)
		return r;
	qsort(rec.fds.v, rec.fds.n, sizeof(struct fd_record), compare_fds);
	return collect_put(&d->c, "files", t->record.files, files_record_fields, &rec, err);
}

static int64_t collect_link(struct dump_state *d, const struct dumped_task *t, const char *name,
			    struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%d/%s", (int)t->pid, name);
	int fd = openat(d->c.proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(err, errno, "cannot open the %s of pid %d", name, t->record.pid);
	return collect_file_take(&d->c, fd, (struct object_holder){ t->pid, -1 }, err);
}

static bool same_directory(struct dump_state *d, pid_t a, pid_t b, const char *name)
{
	char pa[64], pb[64];
	struct stat x, y;
	(void)snprintf(pa, sizeof(pa), "%d/%s", (int)a, name);
	(void)snprintf(pb, sizeof(pb), "%d/%s", (int)b, name);
	return fstatat(d->c.proc, pa, &x, 0) == 0 && fstatat(d->c.proc, pb, &y, 0) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int collect_fs(struct dump_state *d, const struct dumped_task *t, struct error *err)
{
	struct fs_record rec = { 0 };
	int64_t id = collect_link(d, t, "cwd", err);
	if (id < 0)
		return (int)id;
	rec.cwd = (uint64_t)id;
	if (!same_directory(d, t->pid, d->req->init, "root")) {
		id = collect_link(d, t, "root", err);
		if (id < 0)
			return (int)id;
		rec.root = (uint64_t)id;
	}
	rec.umask = (uint32_t)info_number(t->threads[0].facts.status, "Umask", 8, 022);
	return collect_put(&d->c, "fs", t->record.fs, fs_record_fields, &rec, err);
}

int files_tables(struct dump_state *d, struct error *err)
{
	for (size_t i = 0; i < d->n_tasks; i++) {
		const struct dumped_task *t = &d->tasks[i];
		if (!t->n_threads)
			continue;
		int r = collect_table(d, t, err);
		if (r == 0)
			r = collect_fs(d, t, err);
		if (r < 0) {
			error_object(err, "pid %d (%s)", t->record.pid, t->record.comm);
			return r;
		}
	}
	return 0;
}

/* ---- open files ---- */

static int read_facts(struct dump_state *d, const struct object *o, struct file_facts *f,
		      struct error *err)
{
	struct buf info CLEANUP_BUF = BUF_INIT;
	struct statfs fs;
	char path[64], link[4352];

	*f = (struct file_facts){ .id = o->id, .fd = o->fd, .by = o->holders[0] };
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", o->fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n < 0 || sys_fstat(o->fd, &f->st) < 0)
		return error_sys(err, errno, "cannot look at an open file");
	link[n] = '\0';
	f->link = arena_strdup(d->c.arena, link);
	f->fs = fstatfs(o->fd, &fs) == 0 ? (uint64_t)fs.f_type : 0;
	f->flags = fcntl(o->fd, F_GETFL);
	int r = f->by.pid > 0 && f->by.number >= 0 ? read_fdinfo(d, f->by.pid, f->by.number, &info)
						   : read_fdinfo(d, getpid(), o->fd, &info);
	if (r < 0)
		return error_sys(err, -r, "cannot read an fdinfo of %s", link);
	f->info = arena_strdup(d->c.arena, buf_str(&info));
	f->pos = info_number(f->info, "pos", 10, 0);
	f->mnt_id = (uint64_t)info_number(f->info, "mnt_id", 10, 0);
	return 0;
}

static void read_owner(struct dump_state *d, const struct file_facts *f, struct file_record *rec)
{
	struct f_owner_ex owner = { 0 };
	rec->owner_type = -1;
	rec->signal = 0;
	if (f->flags & O_PATH || fcntl(f->fd, F_GETOWN_EX, &owner) < 0 || !owner.pid)
		return;
	rec->owner_type = owner.type;
	rec->owner = collect_vpid(&d->c, owner.pid);
	int sig = fcntl(f->fd, F_GETSIG);
	rec->signal = sig > 0 ? sig : 0;
}

static int put_file(struct dump_state *d, const struct dumped_file *file, struct error *err)
{
	const struct file_facts *f = file->facts;
	char type[80];
	struct file_record rec = {
		.kind = arena_strdup(d->c.arena, file->kind ? file->kind->name : "external"),
		.flags = (uint32_t)f->flags,
		.external = file->kind ? NULL : arena_strdup(d->c.arena, file->external),
		.name = arena_strdup(d->c.arena, f->link),
	};
	read_owner(d, f, &rec);
	int r = file->kind ? file_lock_collect(&d->c, f, &rec.locks, err) : 0;
	if (r == 0)
		r = collect_put(&d->c, "file", f->id, file_record_fields, &rec, err);
	if (r < 0 || !file->kind)
		return r;
	(void)snprintf(type, sizeof(type), "file.%s", file->kind->name);
	return collect_put(&d->c, type, f->id, file->kind->fields, file->record, err);
}

static int collect_one(struct dump_state *d, struct object *o, struct error *err)
{
	struct file_facts *f = arena_alloc(d->c.arena, sizeof(*f));
	int r = read_facts(d, o, f, err);
	if (r < 0)
		return r;
	o->data = f;
	struct dumped_file *file = arena_push(d->c.arena, d->files, d->n_files);
	file->facts = f;
	file->external = collect_external_file(&d->c, f);
	if (file->external)
		return 0;
	struct file_match m = file_classify(&d->c, f);
	size_t before = d->c.n_refusals;
	file->kind = file_kind_of(&m);
	if (!file->kind) {
		file->refused = true;
		return file_refuse(&d->c, f, "this kind of open file is not carried",
				   "close it first");
	}
	void *record = arena_alloc(d->c.arena, file->kind->size);
	file->record = record;
	const struct file_kind *kind = file->kind;
	size_t index = d->n_files - 1; /* the array may move */
	r = kind->collect(&d->c, f, record, err);
	if (r < 0)
		return error_object(err, "%s", file_name(&d->c, f));
	d->files[index].refused = d->c.n_refusals > before;
	return 0;
}

/* Those of the queue from number `from` on. It grows while we walk it: queued descriptors, targets. */
static int collect_from(struct dump_state *d, size_t from, struct error *err)
{
	int r = 0;
	for (size_t i = from; i < d->c.n_queue && r == 0; i++)
		r = collect_one(d, d->c.queue[i], err);
	for (size_t i = from; i < d->n_files && r == 0; i++) {
		const struct dumped_file *file = &d->files[i];
		if (!file->refused && file->kind && file->kind->settle)
			r = file->kind->settle(&d->c, file->facts, file->record, err);
		if (r < 0)
			error_object(err, "%s", file_name(&d->c, file->facts));
	}
	for (size_t i = from; i < d->n_files && r == 0; i++)
		if (!d->files[i].refused)
			r = put_file(d, &d->files[i], err);
	return r;
}

int files_collect(struct dump_state *d, struct error *err)
{
	return collect_from(d, 0, err);
}

int files_drain(struct dump_state *d, struct error *err)
{
	int r = 0;
	if (d->req->leave_running || d->req->dry_run || d->c.n_refusals)
		return 0;
	d->drained = true;
	for (size_t i = 0; file_kinds[i] && r == 0; i++)
		if (file_kinds[i]->drain)
			r = file_kinds[i]->drain(&d->c, err);
	/* descriptors lay in what was taken */
	return r < 0 ? r : collect_from(d, d->n_files, err);
}

void files_undrain(struct dump_state *d)
{
	for (size_t i = 0; file_kinds[i] && d->drained; i++)
		if (file_kinds[i]->undrain)
			file_kinds[i]->undrain(&d->c);
}
