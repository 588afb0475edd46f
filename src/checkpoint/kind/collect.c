/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - see collect.h. */
#include "checkpoint/kind/collect.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "proc/process.h"

int collect_put(struct collect *c, const char *type, uint64_t id, const struct field *fields,
		const void *record, struct error *err)
{
	return c->w ? image_put(c->w, type, id, fields, record, err) : 0;
}

struct collect_own {
	const char *kind;
	void **data;
};

void **collect_own(struct collect *c, const char *kind)
{
	for (size_t i = 0; i < c->n_memory; i++)
		if (str_eq(c->memory[i].kind, kind))
			return c->memory[i].data;
	struct collect_own *m = arena_push(c->arena, c->memory, c->n_memory);
	m->kind = kind;
	m->data = arena_alloc(c->arena, sizeof(void *));
	return m->data;
}

void *collect_own_sized(struct collect *c, const char *kind, size_t size)
{
	void **own = collect_own(c, kind);
	if (!*own)
		*own = arena_alloc(c->arena, size);
	return *own;
}

pid_t collect_vpid(const struct collect *c, pid_t host)
{
	struct proc_process init, p = { 0 };
	if (host <= 0 || proc_read(host, &p) < 0 || proc_read(c->init, &init) < 0)
		return 0;
	/* the container's level is that of its process 1 */
	int level = init.n_levels - 1;
	return p.n_levels > level ? p.nspid[level] : 0;
}

int collect_refuse(struct collect *c, pid_t pid, const char *object, const char *why,
		   const char *remedy)
{
	struct refusal *r = arena_push(c->arena, c->refusals, c->n_refusals);
	struct proc_process p = { 0 };
	r->pid = pid;
	if (pid > 0 && proc_read(pid, &p) == 0)
		(void)snprintf(r->comm, sizeof(r->comm), "%.16s", p.comm);
	r->vpid = collect_vpid(c, pid);
	(void)snprintf(r->object, sizeof(r->object), "%s", object ? object : "");
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
	(void)snprintf(r->remedy, sizeof(r->remedy), "%s", remedy ? remedy : "");
	return 0;
}

struct interned {
	const char *type;
	uint64_t id;
	void *data;
	size_t size;
};

uint64_t collect_intern(struct collect *c, const char *type, const void *data, size_t size,
			bool *ret_new)
{
	uint64_t id = 1;
	for (size_t i = 0; i < c->n_interned; i++) {
		const struct interned *it = &c->interned[i];
		if (strcmp(it->type, type) != 0)
			continue;
		if (it->size == size && memcmp(it->data, data, size) == 0) {
			if (ret_new)
				*ret_new = false;
			return it->id;
		}
		id++;
	}
	if (!ret_new)
		return 0;
	struct interned *it = arena_push(c->arena, c->interned, c->n_interned);
	*it = (struct interned){ arena_strdup(c->arena, type), id,
				 arena_alloc(c->arena, size ? size : 1), size };
	memcpy(it->data, data, size);
	*ret_new = true;
	return id;
}

int64_t collect_file_take(struct collect *c, int fd, struct object_holder by, struct error *err)
{
	struct object *o;
	bool is_new;
	int r = objects_file_take(c->objects, fd, by, &o, &is_new, err);
	if (r < 0)
		return r;
	if (is_new)
		*arena_push(c->arena, c->queue, c->n_queue) = o;
	return (int64_t)o->id;
}

const char *collect_external(const struct collect *c, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < c->n_externals; i++)
		if (!c->externals[i].pid && c->externals[i].dev == dev &&
		    c->externals[i].ino == ino)
			return c->externals[i].name;
	return NULL;
}

static bool is_held_by(const struct collect *c, uint64_t id, const struct external *x)
{
	const struct object *o = objects_by_id(c->objects, OBJECT_FILE, id);
	for (size_t i = 0; o && i < o->n_holders; i++)
		if (o->holders[i].pid == x->pid && o->holders[i].number == x->number)
			return true;
	return false;
}

const char *collect_external_file(const struct collect *c, const struct file_facts *f)
{
	for (size_t i = 0; i < c->n_externals; i++) {
		const struct external *x = &c->externals[i];
		if (x->pid ? is_held_by(c, f->id, x)
			   : x->dev == f->st.st_dev && x->ino == f->st.st_ino &&
				     (x->access < 0 || x->access == (f->flags & O_ACCMODE)))
			return x->name;
	}
	return NULL;
}

const char *file_name(struct collect *c, const struct file_facts *f)
{
	struct proc_process p = { 0 };
	if (f->by.pid <= 0 || proc_read(f->by.pid, &p) < 0)
		return f->link;
	return arena_printf(c->arena, "fd %d of pid %d (%s): %s", f->by.number,
			    (int)collect_vpid(c, f->by.pid), p.comm, f->link);
}

int file_refuse(struct collect *c, const struct file_facts *f, const char *why, const char *remedy)
{
	char object[256];
	if (f->by.pid > 0 && f->by.number >= 0)
		(void)snprintf(object, sizeof(object), "fd %d (%.200s)", f->by.number, f->link);
	else
		(void)snprintf(object, sizeof(object), "%.250s", f->link);
	return collect_refuse(c, f->by.pid, object, why, remedy);
}
