/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - an image's records become a restore: decoded, checked against each other, planned. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

#include "base/fd.h"
#include "base/parse.h"
#include "checkpoint/restore/restore_state.h"

#define FD_BASE_MIN 64
#define MAX_FD	    (1 << 30)

static int bad_record(struct error *err, const char *type, uint64_t id, const char *why)
{
	error_set(err, EBADMSG, "%s", why);
	return error_object(err, "record %s %llu", type, (unsigned long long)id);
}

static int compare_tasks(const void *a, const void *b)
{
	const struct restored_task *x = a, *y = b;
	return x->record.pid < y->record.pid ? -1 : x->record.pid > y->record.pid;
}

static int compare_files(const void *a, const void *b)
{
	const struct restored_file *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct restored_task *restored_find(const struct restore *r, pid_t vpid)
{
	struct restored_task key = { .record.pid = vpid };
	return bsearch(&key, r->tasks, r->n_tasks, sizeof(key), compare_tasks);
}

int64_t restored_file_index(const struct restore *r, uint64_t id)
{
	struct restored_file key = { .id = id };
	const struct restored_file *f =
		bsearch(&key, r->files, r->n_files, sizeof(key), compare_files);
	return f ? f - r->files : -1;
}

static size_t count_records(struct image *img, const char *type)
{
	struct image_record rec;
	size_t at = 0, n = 0;
	while (image_each(img, &at, &rec))
		n += str_eq(rec.type, type);
	return n;
}

/* ---- files ---- */

static int load_file(struct restore *r, struct restored_file *f, struct error *err)
{
	char type[80];
	int e = image_get(r->img, "file", f->id, file_record_fields, r->arena, &f->record, err);
	if (e < 0)
		return e;
	if (str_eq(f->record.kind, "external"))
		return f->record.external
			       ? 0
			       : bad_record(err, "file", f->id, "an external file without name");
	f->kind = file_kind_find(f->record.kind);
	if (!f->kind) {
		error_set(err, ENOTSUP, "this engine knows no open files of kind '%s'",
			  f->record.kind);
		error_hint(err, "a newer contexe wrote the image: use that one");
		return error_object(err, "record file %llu", (unsigned long long)f->id);
	}
	f->data = arena_alloc(r->arena, f->kind->size);
	(void)snprintf(type, sizeof(type), "file.%s", f->kind->name);
	e = image_get(r->img, type, f->id, f->kind->fields, r->arena, f->data, err);
	f->late = e == 0 && f->kind->late && f->kind->late(f->data);
	r->n_late += f->late;
	return e;
}

static int load_files(struct restore *r, struct error *err)
{
	struct image_record rec;
	size_t at = 0;
	r->files = arena_alloc(r->arena, (count_records(r->img, "file") + 1) * sizeof(*r->files));
	while (image_each(r->img, &at, &rec))
		if (str_eq(rec.type, "file"))
			r->files[r->n_files++].id = rec.id;
	qsort(r->files, r->n_files, sizeof(*r->files), compare_files);
	int e = 0;
	for (size_t i = 0; i < r->n_files && e == 0; i++)
		e = load_file(r, &r->files[i], err);
	return e;
}

/* ---- tasks ---- */

static int check_fds(struct restore *r, const struct restored_task *t, struct error *err)
{
	const struct fd_record *v = t->files.fds.v;
	for (size_t i = 0; i < t->files.fds.n; i++) {
		if (v[i].number < 0 || v[i].number > MAX_FD ||
		    (i && v[i].number <= v[i - 1].number))
			return bad_record(err, "files", t->record.files,
					  "descriptors out of order");
		if (restored_file_index(r, v[i].file) < 0)
			return bad_record(err, "files", t->record.files,
					  "a descriptor of an open file that is not there");
		r->fd_base = MAX(r->fd_base, v[i].number + 1);
	}
	if (restored_file_index(r, t->fs.cwd) < 0 ||
	    (t->fs.root && restored_file_index(r, t->fs.root) < 0))
		return bad_record(err, "fs", t->record.fs, "a directory that is not there");
	return 0;
}

static int load_thread(struct restore *r, struct restored_thread *th, struct error *err)
{
	if (th->ref->tid <= 0 || !th->ref->tids.n || th->ref->tids.v[0] != (uint64_t)th->ref->tid)
		return bad_record(err, "thread", (uint64_t)th->ref->tid,
				  "its numbers make no sense");
	int e = image_get(r->img, "thread", (uint64_t)th->ref->tid, thread_record_fields, r->arena,
			  &th->record, err);
	if (e == 0 && th->record.regs.size != sizeof(struct user_regs_struct))
		e = bad_record(err, "thread", (uint64_t)th->ref->tid,
			       "registers of another machine");
	th->vtid = th->ref->tid;
	return e;
}

static int load_task(struct restore *r, struct restored_task *t, struct error *err)
{
	const struct task_record *rec = &t->record;
	if (rec->pid <= 0 || rec->pids.n == 0)
		return bad_record(err, "task", (uint64_t)rec->pid, "its numbers make no sense");
	if (str_eq(rec->state, "zombie"))
		return 0;
	if (!str_eq(rec->state, "running") && !str_eq(rec->state, "stopped"))
		return bad_record(err, "task", (uint64_t)rec->pid, "an unknown state");
	const struct thread_ref *refs = rec->threads.v;
	if (!rec->threads.n || refs[0].tid != rec->pid)
		return bad_record(err, "task", (uint64_t)rec->pid,
				  "its first thread is not its leader");
	t->n_threads = rec->threads.n;
	t->threads = arena_alloc(r->arena, t->n_threads * sizeof(*t->threads));
	int e = 0;
	for (size_t i = 0; i < t->n_threads && e == 0; i++) {
		t->threads[i].ref = &refs[i];
		e = load_thread(r, &t->threads[i], err);
	}
	r->n_threads += (uint32_t)t->n_threads;
	if (e == 0)
		e = image_get(r->img, "files", rec->files, files_record_fields, r->arena, &t->files,
			      err);
	if (e == 0)
		e = image_get(r->img, "fs", rec->fs, fs_record_fields, r->arena, &t->fs, err);
	if (e == 0)
		e = check_fds(r, t, err);
	return e < 0 ? e : memory_load(r->img, rec->mm, r->arena, &t->memory, err);
}

static int load_tasks(struct restore *r, struct error *err)
{
	struct image_record rec;
	size_t at = 0;
	int e = 0;
	r->tasks = arena_alloc(r->arena, (count_records(r->img, "task") + 1) * sizeof(*r->tasks));
	while (image_each(r->img, &at, &rec) && e == 0) {
		if (!str_eq(rec.type, "task"))
			continue;
		struct restored_task *t = &r->tasks[r->n_tasks++];
		e = image_get(r->img, "task", rec.id, task_record_fields, r->arena, &t->record,
			      err);
		if (e == 0 && (uint64_t)t->record.pid != rec.id)
			e = bad_record(err, "task", rec.id, "its number is not its id");
	}
	qsort(r->tasks, r->n_tasks, sizeof(*r->tasks), compare_tasks);
	for (size_t i = 0; i < r->n_tasks && e == 0; i++)
		e = load_task(r, &r->tasks[i], err);
	return e;
}

static int plan(struct restore *r, struct error *err)
{
	const struct task_record **v = arena_alloc(r->arena, (r->n_tasks + 1) * sizeof(*v));
	for (size_t i = 0; i < r->n_tasks; i++)
		v[i] = &r->tasks[i].record;
	int e = tree_plan(v, r->n_tasks, r->arena, &r->tree, err);
	if (e == 0)
		r->helpers = arena_alloc(r->arena, r->tree.n * sizeof(*r->helpers));
	return e;
}

/* Address space only: pages come as programs are written. */
static size_t arena_size(const struct restore *r)
{
	return (64u << 20) + r->tree.n * (256u << 10) + r->n_threads * (128u << 10);
}

int restore_load(struct image *img, struct arena *arena, struct restore **ret, struct error *err)
{
	struct restore *r = arena_alloc(arena, sizeof(*r));
	r->img = img;
	r->arena = arena;
	r->fd_base = FD_BASE_MIN;
	r->am.fd = FD_NONE;
	int e = load_files(r, err);
	if (e == 0)
		e = load_tasks(r, err);
	if (e == 0)
		e = plan(r, err);
	if (e == 0)
		e = arena_map_new_shared(arena_size(r), &r->am, err);
	if (e < 0)
		return e;
	*ret = r;
	return 0;
}

void restore_free(struct restore *r)
{
	if (!r)
		return;
	for (size_t i = 0; r->compiled && i < r->n_tasks; i++)
		for (size_t k = 0; k < r->tasks[i].n_threads; k++)
			program_done(&r->tasks[i].threads[k].program);
	for (size_t i = 0; r->compiled && i < r->tree.n; i++)
		program_done(&r->helpers[i]);
	for (size_t i = 0; i < r->n_late_tasks; i++) {
		fd_close(r->late_socks[i].ours);
		fd_close(r->late_socks[i].theirs);
	}
	arena_map_done(&r->am);
}

const char *restore_wants(const struct restore *r, size_t n)
{
	for (size_t i = 0; i < r->n_files; i++)
		if (!r->files[i].kind && n-- == 0)
			return r->files[i].record.external;
	return NULL;
}

int restore_arena_fd(const struct restore *r)
{
	return r->am.fd;
}

pid_t restore_host_pid(const struct restore *r, pid_t vpid)
{
	const struct restored_task *t = restored_find(r, vpid);
	return t ? t->host : 0;
}

void restore_print(const struct restore *r, struct buf *out)
{
	tree_print(&r->tree, out);
	for (size_t i = 0; r->compiled && i < r->tree.n; i++) {
		const struct birth *b = r->tree.v[i];
		const struct restored_task *t = b->task ? restored_find(r, b->pid) : NULL;
		buf_printf(out, "\nprogram of %d:\n", (int)b->pid);
		program_print(t && t->n_threads ? &t->threads[0].program : &r->helpers[i], out);
	}
}
