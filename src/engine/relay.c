/* SPDX-License-Identifier: Apache-2.0 */
/* relay.c - see relay.h. */
#include "engine/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/control.h"

struct remote {
	struct remote *next;
	int sock;
	bool wants_stdin, dead;
	struct buf queue; /* records: size_t length, int stream, bytes */
};

/* ---- pollset ---- */

void pollset_done(struct pollset *ps)
{
	free(ps->v);
	*ps = (struct pollset){ 0 };
}

void pollset_clear(struct pollset *ps)
{
	ps->n = 0;
}

void pollset_add(struct pollset *ps, int fd, short events)
{
	if (fd < 0)
		return;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->v[i].fd == fd) {
			ps->v[i].events |= events;
			return;
		}
	if (ps->n == ps->cap) {
		ps->cap = ps->cap ? ps->cap * 2 : 8;
		ps->v = xrealloc(ps->v, ps->cap * sizeof(*ps->v));
	}
	ps->v[ps->n++] = (struct pollfd){ .fd = fd, .events = events };
}

short pollset_got(const struct pollset *ps, int fd)
{
	for (size_t i = 0; fd >= 0 && i < ps->n; i++)
		if (ps->v[i].fd == fd)
			return ps->v[i].revents;
	return 0;
}

/* ---- watchers ---- */

void relay_init(struct relay *r)
{
	*r = (struct relay){ .source = { FD_NONE, FD_NONE, FD_NONE }, .sink = FD_NONE };
}

static void remote_free(struct remote *m)
{
	fd_close(m->sock);
	buf_done(&m->queue);
	free(m);
}

void relay_done(struct relay *r)
{
	while (r->remotes) {
		struct remote *m = r->remotes;
		r->remotes = m->next;
		remote_free(m);
	}
	if (r->sink != r->source[1])
		fd_close(r->sink);
	fd_close(r->source[1]);
	fd_close(r->source[2]);
	buf_done(&r->input);
	for (int i = 0; i < 3; i++)
		buf_done(&r->pending[i]);
	relay_init(r);
}

static void consume(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	if (!b->len)
		buf_done(b); /* a supervisor rests with little memory */
}

static bool writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* Our own 1 and 2 are shared with others and stay blocking: never more than a pipe surely takes. */
static void flush_local(struct relay *r, int stream)
{
	struct buf *b = &r->pending[stream];
	while (b->len && writable(stream)) {
		ssize_t n = write(stream, b->data, MIN(b->len, (size_t)PIPE_BUF));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			buf_done(b);
			r->reader_gone = true;
			return;
		}
		consume(b, (size_t)n);
	}
}

static void flush_remote(struct remote *m)
{
	while (m->queue.len && !m->dead) {
		struct {
			size_t size;
			int stream;
		} head;
		memcpy(&head, m->queue.data, sizeof(head));
		int e = control_send(m->sock, CTL_DATA, head.stream, 0,
				     m->queue.data + sizeof(head), head.size);
		if (e == -EAGAIN)
			return;
		if (e < 0)
			m->dead = true;
		consume(&m->queue, sizeof(head) + head.size);
	}
}

static void pass_output(struct relay *r, int stream, const char *data, size_t size)
{
	if (r->log)
		log_write(r->log, stream, data, size);
	if (r->local) {
		buf_add(&r->pending[stream], data, size);
		flush_local(r, stream);
	}
	for (struct remote *m = r->remotes; m; m = m->next) {
		struct {
			size_t size;
			int stream;
		} head = { .size = size, .stream = stream };
		buf_add(&m->queue, &head, sizeof(head));
		buf_add(&m->queue, data, size);
		flush_remote(m);
	}
}

static bool has_room(const struct relay *r)
{
	for (int i = 1; i < 3; i++)
		if (r->pending[i].len > RELAY_MAX_PENDING)
			return false;
	for (const struct remote *m = r->remotes; m; m = m->next)
		if (m->queue.len > RELAY_MAX_PENDING)
			return false;
	return true;
}

/* ---- the job's side ---- */

static void source_ended(struct relay *r, int stream)
{
	if (r->tty) {
		r->dormant = true; /* somebody may open the slave again */
		return;
	}
	r->source[stream] = fd_close(r->source[stream]);
}

/* Returns false when there is nothing more at the moment. */
static bool read_source(struct relay *r, int stream)
{
	char data[CTL_MAX_DATA];
	ssize_t n = read(r->source[stream], data, sizeof(data));
	if (n > 0) {
		r->dormant = false;
		pass_output(r, stream, data, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	source_ended(r, stream);
	return false;
}

static void write_sink(struct relay *r)
{
	while (r->input.len && r->sink >= 0) {
		ssize_t n = write(r->sink, r->input.data, r->input.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			buf_done(&r->input); /* the job closed its input */
			if (!r->tty)
				r->sink = fd_close(r->sink);
			return;
		}
		consume(&r->input, (size_t)n);
	}
	if (!r->input.len && r->input_ends && !r->tty)
		r->sink = fd_close(r->sink);
}

static void add_input(struct relay *r, const void *data, size_t size)
{
	if (r->sink < 0)
		return;
	buf_add(&r->input, data, size);
	write_sink(r);
}

static void end_input(struct relay *r)
{
	r->input_ends = true;
	write_sink(r);
}

static void read_local(struct relay *r)
{
	unsigned char data[4096], passed[sizeof(data) + sizeof(r->keys.seq)];
	ssize_t n = read(0, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		r->local_in = false;
		end_input(r);
		return;
	}
	size_t size;
	if (keys_filter(&r->keys, data, (size_t)n, passed, &size))
		r->detached = true;
	add_input(r, passed, size);
}

void relay_resize(struct relay *r, unsigned short rows, unsigned short cols)
{
	struct winsize size = { .ws_row = rows, .ws_col = cols };
	if (r->tty && rows && cols)
		(void)ioctl(r->source[1], TIOCSWINSZ, &size);
}

static void read_remote(struct relay *r, struct remote *m)
{
	char data[CTL_MAX_DATA];
	struct ctl_msg msg;
	ssize_t n = control_recv(m->sock, &msg, data, sizeof(data), MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n < 0)
		m->dead = true;
	else if (msg.type == CTL_DATA && m->wants_stdin)
		add_input(r, data, (size_t)n);
	else if (msg.type == CTL_EOF && m->wants_stdin)
		end_input(r);
	else if (msg.type == CTL_RESIZE)
		relay_resize(r, (unsigned short)msg.value, (unsigned short)msg.value2);
}

static void drop_dead(struct relay *r)
{
	for (struct remote **p = &r->remotes; *p;) {
		struct remote *m = *p;
		if (!m->dead) {
			p = &m->next;
			continue;
		}
		*p = m->next;
		remote_free(m);
	}
}

/* ---- the loop's side ---- */

void relay_add(struct relay *r, struct pollset *ps)
{
	bool room = has_room(r);
	if (!r->dormant)
		pollset_add(ps, r->source[1], room ? POLLIN : 0);
	pollset_add(ps, r->source[2], room ? POLLIN : 0);
	if (r->input.len)
		pollset_add(ps, r->sink, POLLOUT);
	bool take_input = r->sink >= 0 && r->input.len < RELAY_MAX_PENDING;
	if (r->local_in && take_input)
		pollset_add(ps, 0, POLLIN);
	for (int i = 1; i < 3; i++)
		if (r->pending[i].len)
			pollset_add(ps, i, POLLOUT);
	for (struct remote *m = r->remotes; m; m = m->next)
		pollset_add(ps, m->sock,
			    (short)((take_input ? POLLIN : 0) | (m->queue.len ? POLLOUT : 0)));
}

int relay_timeout(const struct relay *r)
{
	return r->dormant ? 100 : -1;
}

void relay_handle(struct relay *r, const struct pollset *ps)
{
	for (int i = 1; i < 3; i++) {
		if (pollset_got(ps, i) & (POLLOUT | POLLERR | POLLHUP))
			flush_local(r, i);
		if ((pollset_got(ps, r->source[i]) & (POLLIN | POLLHUP | POLLERR)) && has_room(r))
			(void)read_source(r, i);
	}
	if (r->dormant)
		(void)read_source(r, 1);
	if (pollset_got(ps, r->sink) & (POLLOUT | POLLERR))
		write_sink(r);
	if (r->local_in && (pollset_got(ps, 0) & (POLLIN | POLLHUP | POLLERR)))
		read_local(r);
	for (struct remote *m = r->remotes; m; m = m->next) {
		short got = pollset_got(ps, m->sock);
		if (got & POLLOUT)
			flush_remote(m);
		if (got & (POLLIN | POLLHUP | POLLERR))
			read_remote(r, m);
	}
	drop_dead(r);
}

void relay_drain(struct relay *r)
{
	for (int i = 1; i < 3; i++)
		while (r->source[i] >= 0 && fd_set_nonblock(r->source[i], 1) == 0 &&
		       read_source(r, i))
			for (int k = 1; k < 3 && !has_room(r); k++)
				flush_local(r, k);
	for (int i = 1; i < 3; i++)
		while (r->pending[i].len) {
			struct pollfd p = { .fd = i, .events = POLLOUT };
			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				break;
			flush_local(r, i);
		}
	if (r->log)
		log_flush(r->log);
}

void relay_attach(struct relay *r, int sock, bool wants_stdin)
{
	struct remote *m = xcalloc(1, sizeof(*m));
	m->sock = sock;
	m->wants_stdin = wants_stdin;
	m->dead = fd_set_nonblock(sock, 1) < 0;
	m->next = r->remotes;
	r->remotes = m;
}

void relay_end(struct relay *r, int wait_status)
{
	for (struct remote *m = r->remotes; m; m = m->next) {
		if (fd_set_nonblock(m->sock, 0) < 0)
			continue;
		/* a command that hangs must not hold the container's end up for long */
		struct pollfd p = { .fd = m->sock, .events = POLLOUT };
		while (m->queue.len && !m->dead && poll(&p, 1, 1000) == 1)
			flush_remote(m);
		if (!m->queue.len && control_send(m->sock, CTL_EXIT, wait_status, 0, NULL, 0) < 0)
			m->dead = true;
	}
}
