/* SPDX-License-Identifier: Apache-2.0 */
/* checks.c - what of a task no kind carries: it is refused by name before anything is looked at more closely. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/dump/dump_state.h"
#include "proc/process.h"

/* Namespaces that a task must share with process 1: those that the engine makes. Nested pid namespaces are carried. */
static const struct {
	const char *name;
	const char *remedy;
} shared_namespaces[] = {
	{ "mnt",
	  "end the program that has mounts of its own (unshare -m), or run it as a container" },
	{ "uts", "end the program that was started with unshare -u" },
	{ "ipc", "end the program that was started with unshare -i" },
	{ "net", "end the program that was started with unshare -n or `ip netns exec`" },
	{ "user",
	  "end the program that was started with unshare -U (sandboxes of browsers, bubblewrap)" },
	{ "cgroup", "end the program that was started with unshare -C" },
	{ "time", "end the program that was started with unshare -T" },
};

struct own_namespaces {
	uint64_t inodes[ARRAY_SIZE(shared_namespaces)]; /* of process 1 */
};

static void check_namespaces(struct dump_state *d, const struct dumped_task *t,
			     const struct own_namespaces *own)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared_namespaces); i++) {
		char object[64];
		const char *name = shared_namespaces[i].name;
		if (proc_ns_inode(t->pid, name) == own->inodes[i])
			continue;
		(void)snprintf(object, sizeof(object), "%s namespace", name);
		(void)collect_refuse(&d->c, t->pid, object, "it has a namespace of its own",
				     shared_namespaces[i].remedy);
	}
}

/* Two processes with one address space or table: clone(2) without CLONE_THREAD. */
static int check_shared(struct dump_state *d, struct dumped_task *t, enum object_class class,
			const char *what, uint64_t *ret_id, struct error *err)
{
	struct object *o;
	bool is_new;
	int r = objects_task(d->c.objects, class, t->pid, &o, &is_new, err);
	if (r < 0)
		return r;
	*ret_id = o->id;
	if (is_new)
		return 0;
	return collect_refuse(
		&d->c, t->pid, what, "it is shared with another process",
		"a child of vfork(2) or clone(2) must have executed its program first: try again");
}

int checks_tasks(struct dump_state *d, struct error *err)
{
	int r = 0;
	struct own_namespaces own;
	for (size_t i = 0; i < ARRAY_SIZE(shared_namespaces); i++)
		own.inodes[i] = proc_ns_inode(d->req->init, shared_namespaces[i].name);
	for (size_t i = 0; i < d->n_tasks && r >= 0; i++) {
		struct dumped_task *t = &d->tasks[i];
		if (!t->n_threads)
			continue;
		check_namespaces(d, t, &own);
		r = check_shared(d, t, OBJECT_MM, "address space", &t->record.mm, err);
		if (r >= 0)
			r = check_shared(d, t, OBJECT_FILES, "table of descriptors",
					 &t->record.files, err);
		if (r >= 0)
			r = check_shared(d, t, OBJECT_FS, "root and working directory",
					 &t->record.fs, err);
	}
	/* what follows needs to know that these are all there is */
	return r < 0 ? r : 0;
}
