/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - see object.h. */
#include "checkpoint/object/object.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "sys/viewstat.h"

struct class_table {
	struct object **v; /* in the order of finding: id - 1 is the index */
	size_t n, cap;
	struct object **sorted; /* by (dev, ino), then by what kcmp(2) says */
	size_t sorted_cap;
};

struct objects {
	struct class_table classes[OBJECT_N];
	pid_t self;
};

struct objects *objects_new(void)
{
	struct objects *o = xcalloc(1, sizeof(*o));
	o->self = getpid();
	return o;
}

void objects_free(struct objects *o)
{
	for (size_t c = 0; o && c < OBJECT_N; c++) {
		struct class_table *t = &o->classes[c];
		for (size_t i = 0; i < t->n; i++) {
			fd_close(t->v[i]->fd);
			free(t->v[i]->holders);
			free(t->v[i]);
		}
		free(t->v);
		free(t->sorted);
	}
	free(o);
}

static int kcmp_order(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	return (int)syscall(SYS_kcmp, a, b, type, x, y);
}

/* kcmp(2): 0 equal, 1 less, 2 greater, 3 not to be told. */
static int order_of(int kcmp)
{
	return kcmp == 1 ? -1 : kcmp == 2 ? 1 : 0;
}

static int by_inode(const struct object *a, uint64_t dev, uint64_t ino)
{
	if (a->dev != dev)
		return a->dev < dev ? -1 : 1;
	return a->ino != ino ? (a->ino < ino ? -1 : 1) : 0;
}

typedef int (*object_order)(const struct objects *o, const struct object *known,
			    const void *wanted);

struct wanted_file {
	uint64_t dev, ino;
	int fd;
};

static int order_file(const struct objects *o, const struct object *known, const void *wanted)
{
	const struct wanted_file *w = wanted;
	int r = by_inode(known, w->dev, w->ino);
	if (r || w->fd < 0)
		return r;
	return order_of(kcmp_order(o->self, o->self, KCMP_FILE, (unsigned long)known->fd,
				   (unsigned long)w->fd));
}

static const int task_kcmp[OBJECT_N] = {
	[OBJECT_FILES] = KCMP_FILES,
	[OBJECT_FS] = KCMP_FS,
	[OBJECT_MM] = KCMP_VM,
};

static int order_task(const struct objects *o, const struct object *known, const void *wanted)
{
	(void)o;
	pid_t pid = *(const pid_t *)wanted;
	return order_of(kcmp_order(known->holders[0].pid, pid, task_kcmp[known->class], 0, 0));
}

/* Where it is or belongs in the sorted table. */
static size_t search(const struct objects *o, enum object_class class, object_order order,
		     const void *wanted, struct object **ret)
{
	const struct class_table *t = &o->classes[class];
	size_t low = 0, high = t->n;
	*ret = NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = order(o, t->sorted[mid], wanted);
		if (r == 0) {
			*ret = t->sorted[mid];
			return mid;
		}
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct object *insert(struct objects *o, enum object_class class, size_t at)
{
	struct class_table *t = &o->classes[class];
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->v = xrealloc(t->v, t->cap * sizeof(struct object *));
		t->sorted = xrealloc(t->sorted, t->cap * sizeof(struct object *));
	}
	struct object *obj = xcalloc(1, sizeof(*obj));
	memmove(t->sorted + at + 1, t->sorted + at, (t->n - at) * sizeof(struct object *));
	t->sorted[at] = obj;
	t->v[t->n++] = obj;
	obj->id = t->n;
	obj->class = class;
	obj->fd = FD_NONE;
	return obj;
}

static void add_holder(struct object *obj, struct object_holder by)
{
	if ((obj->n_holders & (obj->n_holders - 1)) == 0) /* full at powers of two */
		obj->holders = xrealloc(obj->holders,
					(obj->n_holders ? obj->n_holders * 2 : 1) * sizeof(by));
	obj->holders[obj->n_holders++] = by;
}

int objects_file_take(struct objects *o, int fd, struct object_holder by, struct object **ret,
		      bool *ret_new, struct error *err)
{
	CLEANUP_FD int ours = fd;
	struct stat st;
	if (sys_fstat(ours, &st) < 0)
		return error_sys(err, errno, "cannot look at descriptor %d of pid %d", by.number,
				 (int)by.pid);
	struct wanted_file w = { st.st_dev, st.st_ino, ours };
	struct object *obj;
	size_t at = search(o, OBJECT_FILE, order_file, &w, &obj);
	*ret_new = !obj;
	if (!obj) {
		obj = insert(o, OBJECT_FILE, at);
		obj->fd = take_fd(&ours);
		obj->dev = st.st_dev;
		obj->ino = st.st_ino;
	}
	add_holder(obj, by);
	*ret = obj;
	return 0;
}

struct object *objects_file_find(const struct objects *o, int fd)
{
	struct stat st;
	struct object *obj;
	if (sys_fstat(fd, &st) < 0)
		return NULL;
	struct wanted_file w = { st.st_dev, st.st_ino, fd };
	(void)search(o, OBJECT_FILE, order_file, &w, &obj);
	return obj;
}

struct object *objects_inode_find(const struct objects *o, uint64_t dev, uint64_t ino)
{
	struct wanted_file w = { dev, ino, FD_NONE };
	struct object *obj;
	(void)search(o, OBJECT_INODE, order_file, &w, &obj);
	return obj;
}

struct object *objects_inode(struct objects *o, uint64_t dev, uint64_t ino, bool *ret_new)
{
	struct wanted_file w = { dev, ino, FD_NONE };
	struct object *obj;
	size_t at = search(o, OBJECT_INODE, order_file, &w, &obj);
	*ret_new = !obj;
	if (!obj) {
		obj = insert(o, OBJECT_INODE, at);
		obj->dev = dev;
		obj->ino = ino;
	}
	return obj;
}

int objects_task(struct objects *o, enum object_class class, pid_t pid, struct object **ret,
		 bool *ret_new, struct error *err)
{
	struct object *obj;
	if (kcmp_order(pid, pid, task_kcmp[class], 0, 0) < 0)
		return error_sys(err, errno, "kcmp(2) of pid %d", (int)pid);
	size_t at = search(o, class, order_task, &pid, &obj);
	*ret_new = !obj;
	if (!obj)
		obj = insert(o, class, at);
	add_holder(obj, (struct object_holder){ .pid = pid, .number = -1 });
	*ret = obj;
	return 0;
}

struct object *objects_at(const struct objects *o, enum object_class class, size_t n)
{
	const struct class_table *t = &o->classes[class];
	return n < t->n ? t->v[n] : NULL;
}

struct object *objects_by_id(const struct objects *o, enum object_class class, uint64_t id)
{
	return id ? objects_at(o, class, id - 1) : NULL;
}
