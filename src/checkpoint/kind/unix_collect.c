/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix_collect.c - see unix_collect.h.
 *
 * What the kernel does not tell is inferred: whether a connected socket came out of accept(2), so
 * that its name is its listener's and not its own. And it hides what a client has sent before it
 * was accepted: only accepting shows that, which unix_drain() does when the container is to be
 * killed.
 */
#include "checkpoint/kind/unix_collect.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/socket_queue.h"
#include "checkpoint/kind/unix_survey.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89E0
#endif
#define PATH_SIZE     4096
#define SEND_SHUTDOWN 2

static uint64_t entry_id(const struct unix_entry *e)
{
	return e ? e->o->id : 0;
}

/* ---- names ---- */

static bool same_name(const struct bytes *a, const struct bytes *b)
{
	return a->size == b->size && (!a->size || memcmp(a->data, b->data, a->size) == 0);
}

/* What the kernel makes up: a zero byte and five hexadecimal digits. */
static bool is_autobound(const struct bytes *name)
{
	const char *v = name->data;
	if (name->size != 6 || v[0])
		return false;
	for (size_t i = 1; i < 6; i++)
		if (!isxdigit((unsigned char)v[i]))
			return false;
	return true;
}

static bool was_accepted(const struct unix_survey *s, const struct unix_entry *e,
			 const struct bytes *peer)
{
	if (!e->name.size || e->type == SOCK_DGRAM)
		return false;
	if (unix_survey_listener(s, e->type, &e->name))
		return true;
	if (unix_survey_listener(s, e->type, peer))
		return false;
	/*
	 * the listener is gone: who connects seldom has a name, and then mostly one that was made
	 * up
	 */
	return !peer->size || is_autobound(peer) || !is_autobound(&e->name);
}

/* The directory that a name is relative to: path is base/name, unless the node was renamed. */
static int node_base(struct unix_node *n, const struct bytes *name, struct arena *arena)
{
	const char *v = name->data;
	size_t size = strlen(n->path);
	bool absolute = v[0] == '/';
	size_t tail = name->size + !absolute;
	if (size >= tail && memcmp(n->path + size - name->size, v, name->size) == 0 &&
	    (absolute || n->path[size - tail] == '/')) {
		n->base = arena_strndup(arena, n->path, size - tail);
		return 0;
	}
	n->base = arena_strdup(arena, "");
	if (absolute)
		return 0;
	if (memchr(v, '/', name->size) && !n->gone)
		return -ENOTSUP;
	n->base = arena_strndup(arena, n->path, (size_t)(strrchr(n->path, '/') - n->path));
	return 0;
}

static int collect_node(struct collect *c, const struct file_facts *f, const struct unix_entry *e,
			struct unix_record *rec, struct error *err)
{
	static const char deleted[] = " (deleted)";
	char self[64], path[PATH_SIZE + sizeof(deleted)];
	if (!e->node.st_mode || rec->accepted)
		return 0;
	CLEANUP_FD int fd = ioctl(f->fd, SIOCUNIXFILE);
	if (fd < 0)
		return error_sys(err, errno, "cannot find the node of a socket");
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(self, path, sizeof(path) - 1);
	if (n <= 0)
		return error_sys(err, errno, "cannot look at the node of a socket");
	path[n] = '\0';
	size_t end = (size_t)n - MIN((size_t)n, sizeof(deleted) - 1);
	rec->node.gone = e->node.st_nlink == 0;
	if (rec->node.gone && strcmp(path + end, deleted) == 0)
		path[end] = '\0';
	rec->node.path = arena_strdup(c->arena, path);
	rec->node.mode = e->node.st_mode & 07777;
	rec->node.uid = e->node.st_uid;
	rec->node.gid = e->node.st_gid;
	if (node_base(&rec->node, &rec->name, c->arena) < 0)
		return file_refuse(c, f, "it was bound by a relative name and then renamed",
				   "restart its program");
	return 0;
}

/* ---- connections ---- */

/* The listener in whose queue a client waits. */
static const struct unix_entry *waits_at(const struct unix_survey *s, uint32_t ino)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; s->v[i].seen && k < s->v[i].seen->n_waiting; k++)
			if (s->v[i].seen->waiting[k] == ino)
				return &s->v[i];
	return NULL;
}

static int refuse_peer(struct collect *c, const struct file_facts *f)
{
	return file_refuse(c, f, "its other end is held by a process outside of the container",
			   "close the connection, or hand the socket in as an external one");
}

static int collect_stream(struct collect *c, const struct file_facts *f,
			  const struct unix_survey *s, const struct unix_entry *e,
			  struct unix_record *rec)
{
	const struct unix_entry *peer = unix_survey_find(s, e->seen->peer_ino);
	const struct unix_entry *listener;
	if (!e->seen->has_peer) {
		rec->role = UNIX_FREE;
		return 0;
	}
	if (e->seen->peer_ino) {
		if (!peer)
			return refuse_peer(c, f);
		rec->role = UNIX_CONNECTED;
		rec->peer = entry_id(peer);
		rec->accepted = was_accepted(s, e, &peer->name);
	} else if ((listener = waits_at(s, e->seen->ino))) {
		rec->role = UNIX_WAITING;
		rec->listener = entry_id(listener);
		return 0;
	} else if (!(e->seen->shutdown & SEND_SHUTDOWN)) {
		return file_refuse(c, f,
				   "a process outside of the container has not accepted it yet",
				   "let it be accepted, or close it");
	} else {
		rec->role = UNIX_HUNG_UP;
		rec->peer_name = e->peer_name;
		rec->reset = e->error;
		rec->accepted = was_accepted(s, e, &e->peer_name);
	}
	const struct bytes *name = rec->accepted ? &e->name : &e->peer_name;
	rec->listener = entry_id(unix_survey_listener(s, e->type, name));
	return 0;
}

/* Whether clients have sent what only accepting them would show; one that is closed may have. */
static bool clients_have_sent(const struct unix_survey *s, const struct unix_entry *e)
{
	for (size_t i = 0; i < e->seen->n_waiting; i++) {
		const struct unix_entry *client = unix_survey_find(s, e->seen->waiting[i]);
		int unread = 0;
		if (!client || ioctl(client->o->fd, SIOCOUTQ, &unread) < 0 || unread)
			return true;
	}
	return false;
}

static int collect_listening(struct collect *c, const struct file_facts *f,
			     const struct unix_survey *s, const struct unix_entry *e,
			     struct unix_record *rec)
{
	rec->role = UNIX_LISTENING;
	rec->backlog = e->seen->limit;
	for (size_t i = 0; i < e->seen->n_waiting; i++) {
		const struct unix_entry *client = unix_survey_find(s, e->seen->waiting[i]);
		if (e->seen->waiting[i] && !client)
			return file_refuse(c, f,
					   "a process outside of the container has connected to it "
					   "and was not accepted yet",
					   "let it be accepted, or close it");
		*arena_push(c->arena, rec->waiting.v, rec->waiting.n) = entry_id(client);
	}
	if (c->leave_running && clients_have_sent(s, e))
		return file_refuse(c, f,
				   "a client has connected and sent something, and was not "
				   "accepted yet: that cannot be read",
				   "try again, or do without --leave-running");
	rec->waiting_data = rec->waiting.n && !c->leave_running;
	return 0;
}

/* ---- datagrams ---- */

static uint64_t sender_of(const struct unix_survey *s, const struct unix_entry *to,
			  const struct bytes *from)
{
	struct bytes name = { 0 };
	uint64_t id = 0;
	if (from->size > 2) {
		name.data = (char *)from->data + 2;
		name.size = from->size - 2;
		if (*(char *)name.data)
			name.size = strnlen(name.data, name.size);
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct unix_entry *e = &s->v[i];
		if (e->type != SOCK_DGRAM || !e->seen || !same_name(&e->name, &name) ||
		    e->seen->shutdown & SEND_SHUTDOWN)
			continue;
		if (e->seen->peer_ino == to->ino)
			return entry_id(e);
		if (name.size && !e->seen->has_peer)
			id = entry_id(e);
	}
	return id;
}

static int collect_datagrams(struct collect *c, const struct file_facts *f,
			     const struct unix_survey *s, const struct unix_entry *e,
			     struct unix_record *rec)
{
	const struct unix_entry *peer = unix_survey_find(s, e->seen->peer_ino);
	struct socket_message *m = rec->queue.v;
	if (e->seen->peer_ino && !peer)
		return refuse_peer(c, f);
	rec->role = peer ? UNIX_CONNECTED : e->seen->has_peer ? UNIX_HUNG_UP : UNIX_FREE;
	rec->peer = entry_id(peer);
	if (rec->role == UNIX_HUNG_UP)
		rec->peer_name = e->peer_name;
	if (peer && !peer->name.size && peer->seen->peer_ino != e->ino)
		return file_refuse(c, f,
				   "it is connected to a socket without a name, which is connected "
				   "elsewhere by now",
				   "close it");
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].seen && s->v[i].seen->peer_ino == e->ino)
			*arena_push(c->arena, rec->connected.v, rec->connected.n) =
				entry_id(&s->v[i]);
	for (size_t i = 0; i < rec->queue.n; i++)
		m[i].sender = sender_of(s, e, &m[i].from);
	return 0;
}

/* ---- the kind's ---- */

int unix_collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct unix_record *rec = record;
	const struct unix_survey *s;
	int r = unix_survey(c, f->st.st_ino, &s, err);
	if (r < 0)
		return r;
	const struct unix_entry *e = unix_survey_find(s, f->st.st_ino);
	if (!e)
		return error_set(err, ENOENT, "the socket was not found again");
	if (!e->seen)
		return file_refuse(c, f, "it belongs to another network namespace",
				   "close it, or hand it in as an external one");
	if (e->not_carried)
		return file_refuse(c, f, e->not_carried, "close it first, or try again");
	*rec = (struct unix_record){
		.type = (uint32_t)e->type,
		.name = e->name,
		.shutdown = e->seen->shutdown,
		.peer_credentials = e->peer,
		.queue = e->queue,
		.options = e->options,
	};
	if (e->seen->listening)
		r = collect_listening(c, f, s, e, rec);
	else if (e->type == SOCK_DGRAM)
		r = collect_datagrams(c, f, s, e, rec);
	else
		r = collect_stream(c, f, s, e, rec);
	return r < 0 ? r : collect_node(c, f, e, rec, err);
}

/* ---- what waits to be accepted ---- */

struct drain {
	struct collect *c;
	const struct unix_entry *e;
	const struct unix_survey *s;
	struct unix_waiting_record rec;
};

static int drain_from_within(void *arg, struct error *err)
{
	struct drain *d = arg;
	int flags = fcntl(d->e->o->fd, F_GETFL);
	int r = 0;
	(void)fcntl(d->e->o->fd, F_SETFL, flags | O_NONBLOCK);
	for (size_t i = 0; i < d->e->seen->n_waiting && r == 0; i++) {
		CLEANUP_FD int fd = accept4(d->e->o->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			r = error_sys(err, errno, "cannot accept a waiting connection");
			break;
		}
		struct unix_waiting *w = arena_grow(d->c->arena, &d->rec.connections.v,
						    &d->rec.connections.n, sizeof(*w));
		w->client = entry_id(unix_survey_find(d->s, d->e->seen->waiting[i]));
		unix_credentials_read(fd, d->c->arena, &w->credentials);
		r = socket_queue_peek(fd, d->e->type == SOCK_STREAM, d->c->arena, &w->queue, err);
	}
	(void)fcntl(d->e->o->fd, F_SETFL, flags);
	return r;
}

int unix_drain(struct collect *c, struct error *err)
{
	const struct unix_survey *s;
	int r = unix_survey(c, 0, &s, err);
	for (size_t i = 0; i < s->n && r == 0; i++) {
		struct drain d = { .c = c, .e = &s->v[i], .s = s };
		if (!d.e->seen || !d.e->seen->listening || !d.e->seen->n_waiting)
			continue;
		r = aside_enter(c->init, drain_from_within, &d, err);
		struct unix_waiting *w = d.rec.connections.v;
		for (size_t k = 0; k < d.rec.connections.n && r == 0; k++)
			r = unix_queue_take(c, &w[k].queue, err);
		if (r == 0)
			r = collect_put(c, "file.unix.waiting", entry_id(d.e), unix_waiting_fields,
					&d.rec, err);
	}
	return r;
}
