/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidspace.c - the snapshot of pidspace.h: which spaces there are, how they hang together, and whose they
 * are. The questions are answered in pidtranslate.c.
 */
#include "proc/pidspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"

struct pidspaces {
	const struct proc_process *processes; /* ascending pid */
	size_t n_processes;
	struct proc_process *owned; /* the same array, where it is ours to free */
	int *space_of;		    /* of each process; -1: not known */
	struct pidspace *spaces;
	size_t n_spaces;
	struct pidspace_container *containers; /* their names are ours */
	size_t n_containers;
	int *space_of_container; /* of each container; -1: none of its processes was seen */
};

/* --- building, in the order of pidspaces_build() --- */

static int check_processes(const struct proc_process *p, size_t n, struct error *err)
{
	bool root = false;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && p[i].pid <= p[i - 1].pid)
			return error_set(err, EINVAL, "the list of processes does not ascend");
		if (p[i].n_levels < 1 || p[i].n_levels > PROC_MAX_LEVELS)
			return error_set(err, EINVAL, "pid %d has %d pid namespace levels",
					 p[i].pid, p[i].n_levels);
		root = root || p[i].n_levels == 1;
	}
	if (!root) {
		int r = error_set(err, EINVAL, "no process of our own pid namespace is to be seen");
		(void)error_hint(err, "/proc must be mounted from the pid namespace we run in");
		return r;
	}
	return 0;
}

static void copy_containers(struct pidspaces *s, const struct pidspace_container *c, size_t n)
{
	s->containers = xcalloc(n, sizeof(*s->containers));
	s->space_of_container = xcalloc(n, sizeof(*s->space_of_container));
	for (size_t i = 0; i < n; i++) {
		s->containers[i] = c[i];
		s->containers[i].name = c[i].name ? xstrdup(c[i].name) : NULL;
		s->space_of_container[i] = -1;
	}
	s->n_containers = n;
}

static int find_space(const struct pidspaces *s, uint64_t pidns)
{
	for (size_t i = 0; i < s->n_spaces; i++)
		if (s->spaces[i].pidns == pidns)
			return (int)i;
	return -1;
}

/* The space with that inode, made if it is new. -1 when it is known to be on another level. */
static int intern_space(struct pidspaces *s, uint64_t pidns, int level)
{
	int i = find_space(s, pidns);
	if (i >= 0)
		return s->spaces[i].level == level ? i : -1;
	s->spaces = xrealloc(s->spaces, (s->n_spaces + 1) * sizeof(*s->spaces));
	s->spaces[s->n_spaces] =
		(struct pidspace){ .pidns = pidns, .parent = -1, .level = level, .container = -1 };
	return (int)s->n_spaces++;
}

static void add_root(struct pidspaces *s)
{
	uint64_t pidns = 0;
	for (size_t i = 0; i < s->n_processes && pidns == 0; i++)
		if (s->processes[i].n_levels == 1)
			pidns = s->processes[i].pidns;
	(void)intern_space(s, pidns, 0);
}

static void place_processes(struct pidspaces *s)
{
	s->space_of = xcalloc(s->n_processes, sizeof(*s->space_of));
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct proc_process *p = &s->processes[i];
		if (p->n_levels == 1)
			s->space_of[i] = 0;
		else
			s->space_of[i] = p->pidns ? intern_space(s, p->pidns, p->n_levels - 1) : -1;
	}
}

/*
 * Where a process is whose namespace we may not look at (another user's): in that of the container whose
 * pid 1 it is; or in its parent's, if it is as deep. (A child is in its parent's namespace or further
 * down, and an orphan is adopted within its namespace, or by an outer one, which is less deep.)
 */
static int infer_space(struct pidspaces *s, const struct proc_process *p)
{
	for (size_t i = 0; i < s->n_containers; i++)
		if (s->containers[i].init == p->pid && s->containers[i].pidns)
			return intern_space(s, s->containers[i].pidns, p->n_levels - 1);
	const struct proc_process *parent = pidspaces_process(s, p->ppid);
	if (parent && parent->n_levels == p->n_levels)
		return s->space_of[parent - s->processes];
	return -1;
}

static void place_unreadable(struct pidspaces *s)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < s->n_processes; i++) {
			if (s->space_of[i] >= 0 || s->processes[i].pidns)
				continue;
			s->space_of[i] = infer_space(s, &s->processes[i]);
			again = again || s->space_of[i] >= 0;
		}
	}
}

static void find_inits(struct pidspaces *s)
{
	for (size_t i = 0; i < s->n_processes; i++) {
		int space = s->space_of[i];
		const struct proc_process *p = &s->processes[i];
		if (space >= 0 && p->nspid[s->spaces[space].level] == 1)
			s->spaces[space].init = p->pid;
	}
}

/* Containers that share a pid namespace: it is named after the one whose init is its pid 1, or else the
 * lowest number. */
static void name_spaces(struct pidspaces *s)
{
	for (size_t i = 0; i < s->n_containers; i++) {
		const struct pidspace_container *c = &s->containers[i];
		int space = c->pidns ? find_space(s, c->pidns) : -1;
		s->space_of_container[i] = space;
		if (space <= 0) /* not seen, or it shares the host's: space 0 stays the system's */
			continue;
		struct pidspace *sp = &s->spaces[space];
		const struct pidspace_container *had =
			sp->container >= 0 ? &s->containers[sp->container] : NULL;
		bool owns = c->init && c->init == sp->init;
		bool had_owns = had && had->init && had->init == sp->init;
		if (!had || (owns && !had_owns) || (owns == had_owns && c->number < had->number))
			sp->container = (int)i;
	}
}

static int parent_from_links(const struct pidspaces *s, const struct pidspace *sp,
			     const struct pidspace_link *links, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (links[i].pidns == sp->pidns)
			return find_space(s, links[i].parent);
	return -1;
}

/* A namespace is made by clone(2): its pid 1 is a child of a process of the parent namespace, and when
 * that dies, of another one of the same. */
static int parent_from_init(const struct pidspaces *s, const struct pidspace *sp)
{
	const struct proc_process *init = pidspaces_process(s, sp->init);
	const struct proc_process *parent = init ? pidspaces_process(s, init->ppid) : NULL;
	return parent ? pidspaces_space_of(s, parent) : -1;
}

static int parent_if_only_one(const struct pidspaces *s, const struct pidspace *sp)
{
	int found = -1;
	for (size_t i = 0; i < s->n_spaces; i++) {
		if (s->spaces[i].level != sp->level - 1)
			continue;
		if (found >= 0)
			return -1;
		found = (int)i;
	}
	return found;
}

static void find_parents(struct pidspaces *s, const struct pidspace_link *links, size_t n_links)
{
	for (size_t i = 1; i < s->n_spaces; i++) {
		struct pidspace *sp = &s->spaces[i];
		int candidates[] = { parent_from_links(s, sp, links, n_links),
				     parent_from_init(s, sp), parent_if_only_one(s, sp) };
		for (size_t c = 0; c < ARRAY_SIZE(candidates) && sp->parent < 0; c++)
			if (candidates[c] >= 0 && s->spaces[candidates[c]].level == sp->level - 1)
				sp->parent = candidates[c];
	}
}

int pidspaces_build(const struct proc_process *processes, size_t n_processes,
		    const struct pidspace_container *containers, size_t n_containers,
		    const struct pidspace_link *links, size_t n_links, struct pidspaces **ret,
		    struct error *err)
{
	int r = check_processes(processes, n_processes, err);
	if (r < 0)
		return r;
	struct pidspaces *s = xcalloc(1, sizeof(*s));
	s->processes = processes;
	s->n_processes = n_processes;
	copy_containers(s, containers, n_containers);
	add_root(s);
	place_processes(s);
	place_unreadable(s);
	find_inits(s);
	name_spaces(s);
	find_parents(s, links, n_links);
	*ret = s;
	return 0;
}

/* --- from the running system --- */

/* Asks the kernel for the parent of each namespace that has a process we may look at. */
static struct pidspace_link *read_links(const struct proc_process *p, size_t n, size_t *ret_n)
{
	struct pidspace_link *links = NULL;
	size_t n_links = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i].n_levels == 1 || !p[i].pidns)
			continue;
		size_t k = 0;
		while (k < n_links && links[k].pidns != p[i].pidns)
			k++;
		if (k < n_links)
			continue;
		char path[40];
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", p[i].pid);
		CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		uint64_t parent = fd < 0 ? 0 : proc_pidns_parent(fd);
		if (!parent) /* ended meanwhile: another process of it may do */
			continue;
		links = xrealloc(links, (n_links + 1) * sizeof(*links));
		links[n_links++] = (struct pidspace_link){ p[i].pidns, parent };
	}
	*ret_n = n_links;
	return links;
}

int pidspaces_read(const struct pidspace_container *containers, size_t n_containers,
		   struct pidspaces **ret, struct error *err)
{
	struct proc_process *processes;
	size_t n, n_links;
	int r = proc_read_all(&processes, &n);
	if (r < 0) {
		(void)error_sys(err, -r, "cannot list the processes");
		(void)error_object(err, "/proc");
		return r;
	}
	struct pidspace_link *links = read_links(processes, n, &n_links);
	r = pidspaces_build(processes, n, containers, n_containers, links, n_links, ret, err);
	free(links);
	if (r < 0)
		free(processes);
	else
		(*ret)->owned = processes;
	return r;
}

void pidspaces_free(struct pidspaces *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_containers; i++)
		free((char *)s->containers[i].name);
	free(s->containers);
	free(s->space_of_container);
	free(s->space_of);
	free(s->spaces);
	free(s->owned);
	free(s);
}

void pidspaces_cleanup(struct pidspaces **s)
{
	pidspaces_free(*s);
}

/* --- looking things up --- */

size_t pidspaces_count(const struct pidspaces *s)
{
	return s->n_spaces;
}

const struct pidspace *pidspaces_at(const struct pidspaces *s, size_t i)
{
	return &s->spaces[i];
}

const struct pidspace_container *pidspaces_container_at(const struct pidspaces *s, size_t i)
{
	return i < s->n_containers ? &s->containers[i] : NULL;
}

int pidspaces_space_of_container(const struct pidspaces *s, size_t i)
{
	return s->space_of_container[i];
}

static int compare_pid(const void *key, const void *elem)
{
	pid_t x = *(const pid_t *)key, y = ((const struct proc_process *)elem)->pid;
	return (x > y) - (x < y);
}

const struct proc_process *pidspaces_process(const struct pidspaces *s, pid_t pid)
{
	return bsearch(&pid, s->processes, s->n_processes, sizeof(*s->processes), compare_pid);
}

int pidspaces_space_of(const struct pidspaces *s, const struct proc_process *p)
{
	return s->space_of[p - s->processes];
}

int pidspaces_ancestor(const struct pidspaces *s, int space, int level)
{
	if (level == 0) /* all that we see is below the root, even where the way up is not known */
		return 0;
	while (space >= 0 && s->spaces[space].level > level)
		space = s->spaces[space].parent;
	return space >= 0 && s->spaces[space].level == level ? space : -1;
}

bool pidspaces_contains(const struct pidspaces *s, int ancestor, int space)
{
	return ancestor >= 0 && pidspaces_ancestor(s, space, s->spaces[ancestor].level) == ancestor;
}

/* --- names --- */

const char *pidspaces_name(const struct pidspaces *s, const struct proc_process *p, char *buf)
{
	return pidspaces_format(s, pidspaces_space_of(s, p), p->nspid[p->n_levels - 1], buf);
}

const char *pidspaces_format(const struct pidspaces *s, int space, pid_t vpid, char *buf)
{
	struct pidname name = { .space = PIDNAME_UNKNOWN, .vpid = vpid };
	if (space == 0) {
		name.space = PIDNAME_NUMBER;
	} else if (space > 0 && s->spaces[space].container >= 0) {
		name.space = PIDNAME_NUMBER;
		name.value = s->containers[s->spaces[space].container].number;
	} else if (space > 0) {
		name.space = PIDNAME_INODE;
		name.value = s->spaces[space].pidns;
	}
	return pidname_format(&name, buf);
}

static int resolve_space(const struct pidspaces *s, const struct pidname *name)
{
	if (name->space == PIDNAME_INODE)
		return find_space(s, name->value);
	if (name->space == PIDNAME_NUMBER && name->value == 0)
		return 0;
	for (size_t i = 0; i < s->n_containers; i++) {
		const struct pidspace_container *c = &s->containers[i];
		if (name->space == PIDNAME_NUMBER ? c->number == name->value
						  : str_eq(c->name, name->container))
			return s->space_of_container[i];
	}
	return -1;
}

static int resolve_plain(const struct pidspaces *s, const char *text, pid_t *ret, struct error *err)
{
	uint64_t pid;
	if (parse_u64(text, 1, INT_MAX, &pid) < 0) {
		int r = error_set(err, EINVAL, "neither a process number nor an internal name");
		(void)error_hint(err, "write 4711, '<1|2>', 'web|2' or '<ns:4026532345|7>'");
		return r;
	}
	if (!pidspaces_process(s, (pid_t)pid))
		return error_set(err, ESRCH, "there is no such process");
	*ret = (pid_t)pid;
	return 0;
}

static int resolve_name(const struct pidspaces *s, const struct pidname *name, pid_t *ret,
			struct error *err)
{
	int space = resolve_space(s, name);
	if (space < 0)
		return error_set(err, ENOENT, "there is no such pid space, or no process in it");
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct proc_process *p = &s->processes[i];
		if (s->space_of[i] == space && p->nspid[s->spaces[space].level] == name->vpid) {
			*ret = p->pid;
			return 0;
		}
	}
	return error_set(err, ESRCH, "there is no process %d in that pid space", name->vpid);
}

int pidspaces_resolve(const struct pidspaces *s, const char *text, pid_t *ret, struct error *err)
{
	struct pidname name;
	int r = pidname_parse(text, &name) < 0 ? resolve_plain(s, text, ret, err)
					       : resolve_name(s, &name, ret, err);
	if (r < 0)
		(void)error_object(err, "%s", text);
	return r;
}
