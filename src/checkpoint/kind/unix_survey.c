/* SPDX-License-Identifier: Apache-2.0 */
/* unix_survey.c - see unix_survey.h. */
#include "checkpoint/kind/unix_survey.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/socket_queue.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89E0
#endif
#define PEER_GROUPS_MAX 1024

/* ---- one socket, seen from within ---- */

static struct bytes address_name(struct arena *arena, const struct sockaddr_un *un, socklen_t size)
{
	struct bytes b = { 0 };
	size_t head = offsetof(struct sockaddr_un, sun_path);
	if (size <= head)
		return b;
	b.size = size - head;
	if (un->sun_path[0]) /* counted with its zero byte, or without where it has none */
		b.size = strnlen(un->sun_path, MIN(b.size, (size_t)UNIX_NAME_MAX));
	b.data = memcpy(arena_alloc(arena, b.size + 1), un->sun_path, b.size);
	return b;
}

static void read_names(struct unix_entry *e, struct arena *arena)
{
	struct {
		struct sockaddr_un un;
		char zero[8]; /* the kernel may give 109 bytes of path */
	} a = { 0 };
	socklen_t size = sizeof(a);
	if (getsockname(e->o->fd, (struct sockaddr *)&a, &size) == 0)
		e->name = address_name(arena, &a.un, size);
	memset(&a, 0, sizeof(a));
	size = sizeof(a);
	if (getpeername(e->o->fd, (struct sockaddr *)&a, &size) == 0)
		e->peer_name = address_name(arena, &a.un, size);
}

void unix_credentials_read(int fd, struct arena *arena, struct unix_credentials *ret)
{
	struct ucred u = { 0 };
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t size = sizeof(u);
	*ret = (struct unix_credentials){ 0 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &size) < 0 || u.uid == (uid_t)-1)
		return;
	*ret = (struct unix_credentials){ .known = true, .pid = u.pid, .uid = u.uid, .gid = u.gid };
	size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		*arena_push(arena, ret->groups.v, ret->groups.n) = groups[i];
}

static void read_node(struct unix_entry *e)
{
	if (!e->name.size || *(const char *)e->name.data == '\0')
		return;
	CLEANUP_FD int fd = ioctl(e->o->fd, SIOCUNIXFILE);
	if (fd < 0 || fstat(fd, &e->node) < 0)
		e->node.st_mode = 0;
}

static bool has_urgent(int fd)
{
	char c;
	return recv(fd, &c, 1, MSG_OOB | MSG_PEEK | MSG_DONTWAIT) > 0;
}

struct look {
	struct collect *c;
	struct unix_survey *s;
	size_t from; /* entries before are known */
};

static int look_at_one(struct look *l, struct unix_entry *e, struct error *err)
{
	struct pollfd p = { .fd = e->o->fd };
	socklen_t size = sizeof(e->type);
	(void)getsockopt(e->o->fd, SOL_SOCKET, SO_TYPE, &e->type, &size);
	e->error = poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
	read_names(e, l->c->arena);
	read_node(e);
	unix_credentials_read(e->o->fd, l->c->arena, &e->peer);
	socket_options_read(
		e->o->fd, SOCKET_UNIX, AF_UNIX, true,
		collect_own_sized(l->c, "socket options", sizeof(struct socket_defaults)),
		l->c->arena, &e->options, &e->not_carried);
	if (e->type == SOCK_STREAM && has_urgent(e->o->fd))
		e->not_carried = "urgent data (MSG_OOB) waits to be read";
	if (e->seen->listening || e->not_carried)
		return 0;
	if (e->type != SOCK_STREAM && l->c->leave_running && socket_queue_disturbs(e->o->fd)) {
		e->not_carried = "it has both messages and an error to tell: looking at them "
				 "would lose the error";
		return 0;
	}
	return socket_queue_peek(e->o->fd, e->type == SOCK_STREAM, l->c->arena, &e->queue, err);
}

static const struct unix_seen *seen_find(const struct unix_survey *s, uint64_t ino)
{
	size_t low = 0, high = s->n_seen;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->seen[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n_seen && s->seen[low].ino == ino ? &s->seen[low] : NULL;
}

static int look_from_within(void *arg, struct error *err)
{
	struct look *l = arg;
	int r = socket_diag_unix(l->c->arena, &l->s->seen, &l->s->n_seen, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < l->from; i++) /* what they pointed to is of an older list */
		l->s->v[i].seen = seen_find(l->s, l->s->v[i].ino);
	for (size_t i = l->from; i < l->s->n && r == 0; i++) {
		struct unix_entry *e = &l->s->v[i];
		e->seen = seen_find(l->s, e->ino);
		if (e->seen)
			r = look_at_one(l, e, err);
	}
	return r;
}

/* ---- all ---- */

int unix_queue_take(struct collect *c, struct list *queue, struct error *err)
{
	struct socket_message *m = queue->v;
	for (size_t i = 0; i < queue->n; i++)
		for (size_t k = 0; k < m[i].files.n; k++) {
			int64_t id = collect_file_take(c, (int)m[i].files.v[k],
						       (struct object_holder){ 0, -1 }, err);
			if (id < 0)
				return (int)id;
			m[i].files.v[k] = (uint64_t)id;
		}
	return 0;
}

/* Adds what objects there are from number *at on. */
static void add_new(struct collect *c, struct unix_survey *s, size_t *at)
{
	for (const struct object *o; (o = objects_at(c->objects, OBJECT_FILE, *at)); (*at)++) {
		int domain = 0;
		socklen_t size = sizeof(domain);
		/* an O_PATH descriptor of a node says EBADF, a file ENOTSOCK */
		if (getsockopt(o->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
		    domain != AF_UNIX || collect_external(c, o->dev, o->ino))
			continue;
		struct unix_entry *e = arena_push(c->arena, s->v, s->n);
		e->o = o;
		e->ino = o->ino;
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct unix_entry *x = a, *y = b;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

struct survey_memory {
	struct unix_survey s;
	size_t at; /* objects seen */
};

/* Sockets lie in queues of sockets: until nothing new is found. */
static int survey_more(struct collect *c, struct survey_memory *m, struct error *err)
{
	for (;;) {
		struct look l = { .c = c, .s = &m->s, .from = m->s.n };
		add_new(c, &m->s, &m->at);
		if (m->s.n == l.from)
			break;
		int r = aside_enter(c->init, look_from_within, &l, err);
		for (size_t i = l.from; i < m->s.n && r < 0; i++)
			socket_queue_close(&m->s.v[i].queue);
		for (size_t i = l.from; i < m->s.n && r == 0; i++)
			r = unix_queue_take(c, &m->s.v[i].queue, err);
		if (r < 0)
			return r;
	}
	if (m->s.n)
		qsort(m->s.v, m->s.n, sizeof(*m->s.v), compare_entries);
	return 0;
}

int unix_survey(struct collect *c, uint64_t ino, const struct unix_survey **ret, struct error *err)
{
	void **memory = collect_own(c, "unix");
	if (!*memory)
		*memory = arena_alloc(c->arena, sizeof(struct survey_memory));
	struct survey_memory *m = *memory;
	*ret = &m->s;
	return m->s.n && (!ino || unix_survey_find(&m->s, ino)) ? 0 : survey_more(c, m, err);
}

struct unix_entry *unix_survey_find(const struct unix_survey *s, uint64_t ino)
{
	struct unix_entry wanted = { .ino = ino };
	if (!ino || !s->n)
		return NULL;
	return bsearch(&wanted, s->v, s->n, sizeof(*s->v), compare_entries);
}

const struct unix_entry *unix_survey_listener(const struct unix_survey *s, int type,
					      const struct bytes *name)
{
	for (size_t i = 0; i < s->n && name->size; i++) {
		const struct unix_entry *e = &s->v[i];
		if (e->seen && e->seen->listening && e->type == type &&
		    e->name.size == name->size && !memcmp(e->name.data, name->data, name->size))
			return e;
	}
	return NULL;
}

const struct unix_entry *unix_survey_bound(const struct unix_survey *s, const struct stat *node)
{
	const struct unix_entry *found = NULL;
	for (size_t i = 0; i < s->n; i++) {
		const struct unix_entry *e = &s->v[i];
		if (!e->seen || !e->node.st_mode || e->node.st_dev != node->st_dev ||
		    e->node.st_ino != node->st_ino)
			continue;
		if (e->seen->listening) /* others came out of accept(2) */
			return e;
		if (!found || !e->seen->has_peer)
			found = e;
	}
	return found;
}
