/* SPDX-License-Identifier: Apache-2.0 */
/* socket_queue.c - see socket_queue.h. */
#include "checkpoint/kind/socket_queue.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif
#define SCM_PIDFD_    4 /* <linux/socket.h>, Linux 6.5 */
#define MESSAGE_GUESS (1u << 20)
#define CONTROL_SIZE  4096
#define ADDRESS_MAX   128

const struct field socket_message_fields[] = {
	FIELD(struct socket_message, data, BYTES, .optional = true),
	FIELD(struct socket_message, files, U64S, .optional = true, .max = SOCKET_MESSAGE_FDS),
	FIELD(struct socket_message, from, BYTES, .optional = true, .max = ADDRESS_MAX),
	FIELD(struct socket_message, to, BYTES, .optional = true, .max = ADDRESS_MAX),
	FIELD(struct socket_message, sender, U64, .optional = true),
	FIELD(struct socket_message, has_credentials, BOOL, .optional = true),
	FIELD(struct socket_message, pid, I64, .optional = true),
	FIELD(struct socket_message, uid, I64, .optional = true),
	FIELD(struct socket_message, gid, I64, .optional = true),
	FIELDS_END,
};

static struct bytes bytes_copy(struct arena *arena, const void *data, size_t size)
{
	struct bytes b = { .data = arena_alloc(arena, size + 1), .size = size };
	memcpy(b.data, data, size);
	return b;
}

/* ---- control messages ---- */

static void take_rights(const struct cmsghdr *c, struct arena *arena, struct socket_message *m)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	const int *fds = (const void *)CMSG_DATA(c);
	for (size_t i = 0; i < n; i++)
		*arena_push(arena, m->files.v, m->files.n) = (uint64_t)fds[i];
}

static void take_destination4(const struct cmsghdr *c, struct arena *arena,
			      struct socket_message *m)
{
	const struct in_pktinfo *info = (const void *)CMSG_DATA(c);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = info->ipi_addr };
	m->to = bytes_copy(arena, &to, sizeof(to));
}

static void take_destination6(const struct cmsghdr *c, struct arena *arena,
			      struct socket_message *m)
{
	const struct in6_pktinfo *info = (const void *)CMSG_DATA(c);
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_addr = info->ipi6_addr,
		.sin6_scope_id = info->ipi6_ifindex,
	};
	m->to = bytes_copy(arena, &to, sizeof(to));
}

static void take_control(struct msghdr *h, struct arena *arena, struct socket_message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take_rights(c, arena, m);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_PIDFD_)
			fd_close(*(const int *)(const void *)CMSG_DATA(c));
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			const struct ucred *u = (const void *)CMSG_DATA(c);
			m->has_credentials = true;
			m->pid = u->pid;
			m->uid = u->uid;
			m->gid = u->gid;
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			take_destination4(c, arena, m);
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			take_destination6(c, arena, m);
	}
}

/* ---- reading ---- */

struct reader {
	int fd;
	int flags;
	struct arena *arena;
	char *buffer;
	size_t size;
};

/* One message; *ret_size its whole length, also where the buffer was too short. 0: none is left. */
static int receive(const struct reader *r, struct socket_message *m, size_t *ret_size)
{
	char control[CONTROL_SIZE] __attribute__((aligned(16)));
	struct sockaddr_storage from = { 0 };
	struct iovec iov = { .iov_base = r->buffer, .iov_len = r->size };
	struct msghdr h = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(r->fd, &h, r->flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	*m = (struct socket_message){ 0 };
	take_control(&h, r->arena, m);
	if (h.msg_namelen > offsetof(struct sockaddr_un, sun_path))
		m->from = bytes_copy(r->arena, &from, h.msg_namelen);
	*ret_size = (size_t)n;
	if (h.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	return 1;
}

static void close_rights(struct socket_message *m)
{
	for (size_t i = 0; i < m->files.n; i++)
		fd_close((int)m->files.v[i]);
	m->files.n = 0;
}

/* Bytes that lie in the queue (a stream), or in its first message. */
static size_t bytes_waiting(int fd)
{
	int n = 0;
	return ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static short events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };
	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static int set_offset(int fd, int at)
{
	return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof(at)) < 0 ? -errno : 0;
}

/*
 * A peek at a stream runs on, whatever its size, to the end of the first message with descriptors.
 * Where that one begins is told by a peek into a buffer that ends one byte too early: the message
 * that does not fit fails as a whole (EFAULT), and those before it were copied. Who reads only them
 * must not get its descriptors.
 */
static ssize_t bytes_before_rights(const struct reader *r, int at, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	char *map =
		mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) < 0)
		return -ENOMEM;
	struct reader shortened = *r;
	struct socket_message m = { 0 };
	size_t n = 0;
	shortened.buffer = map + room - (size - 1);
	shortened.size = size;
	int x = set_offset(r->fd, at);
	if (x == 0)
		x = receive(&shortened, &m, &n);
	close_rights(&m);
	(void)munmap(map, room + page);
	return x == -EFAULT ? 0 : x < 0 ? x : (ssize_t)n;
}

static int split_at_rights(const struct reader *r, int at, struct socket_message *m,
			   struct list *ret)
{
	ssize_t low = bytes_before_rights(r, at, m->data.size);
	if (low < 0)
		return (int)low;
	if (low) {
		struct socket_message *before =
			arena_grow(r->arena, &ret->v, &ret->n, sizeof(struct socket_message));
		*before = *m;
		before->files = (struct u64s){ 0 };
		before->data.size = (size_t)low;
		m->data.data = (char *)m->data.data + low;
		m->data.size -= (size_t)low;
	}
	return set_offset(r->fd, at + (int)low + (int)m->data.size);
}

/* Not beyond what is there: at the end the kernel would tell, and so clear, a pending error. */
static int read_stream(const struct reader *r, size_t waiting, struct list *ret)
{
	for (size_t at = 0; at < waiting;) {
		struct socket_message m;
		size_t n;
		int x = receive(r, &m, &n);
		if (x <= 0 || n == 0)
			return x;
		m.data = bytes_copy(r->arena, r->buffer, n);
		x = m.files.n && n > 1 ? split_at_rights(r, (int)at, &m, ret) : 0;
		*(struct socket_message *)arena_grow(r->arena, &ret->v, &ret->n, sizeof(m)) = m;
		if (x < 0)
			return x;
		at += n;
	}
	return 0;
}

static int read_messages(struct reader *r, struct list *ret)
{
	short now = events(r->fd);
	int at = 0;
	while (now & POLLIN) {
		struct socket_message m;
		size_t n;
		int x = receive(r, &m, &n);
		if (x <= 0 || (n == 0 && now & POLLRDHUP))
			return x < 0 ? x : 0;
		if (n > r->size) { /* MSG_TRUNC told: look at it once more */
			close_rights(&m);
			r->size = n;
			r->buffer = xrealloc(r->buffer, n);
			x = set_offset(r->fd, at);
			if (x < 0)
				return x;
			continue;
		}
		m.data = bytes_copy(r->arena, r->buffer, n);
		*(struct socket_message *)arena_grow(r->arena, &ret->v, &ret->n, sizeof(m)) = m;
		at += (int)n;
	}
	return 0;
}

static int queue_read(int fd, bool stream, struct arena *arena, struct list *ret)
{
	size_t waiting = bytes_waiting(fd);
	struct reader r = {
		.fd = fd,
		.flags = MSG_PEEK | (stream ? 0 : MSG_TRUNC),
		.arena = arena,
		.size = stream ? waiting + 1 : MESSAGE_GUESS,
	};
	r.buffer = xmalloc(r.size);
	int x = stream ? read_stream(&r, waiting, ret) : read_messages(&r, ret);
	free(r.buffer);
	return x;
}

int socket_queue_peek(int fd, bool stream, struct arena *arena, struct list *ret, struct error *err)
{
	int old = -1;
	socklen_t size = sizeof(old);
	if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &old, &size) < 0)
		return error_sys(err, errno, "this kernel cannot look into the queue");
	int r = set_offset(fd, 0);
	if (r == 0)
		r = queue_read(fd, stream, arena, ret);
	int back = set_offset(fd, old);
	if (r == 0)
		r = back;
	return r < 0 ? error_sys(err, -r, "cannot look at what waits to be read") : 0;
}

bool socket_queue_disturbs(int fd)
{
	short now = events(fd);
	return (now & POLLERR) && (now & POLLIN);
}

void socket_queue_close(struct list *queue)
{
	struct socket_message *m = queue->v;
	for (size_t i = 0; i < queue->n; i++)
		close_rights(&m[i]);
}

size_t socket_queue_bytes(const struct list *queue)
{
	const struct socket_message *m = queue->v;
	size_t n = 0;
	for (size_t i = 0; i < queue->n; i++)
		n += m[i].data.size + 256;
	return n;
}

/* ---- sending ---- */

static void put_control(struct msghdr *h, int type, const void *data, size_t size)
{
	struct cmsghdr *c = (void *)((char *)h->msg_control + h->msg_controllen);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), data, size);
	h->msg_controllen += CMSG_SPACE(size);
}

int socket_message_send(int fd, const struct socket_message *m, const int *fds,
			const struct sockaddr *to, socklen_t to_size)
{
	char control[CONTROL_SIZE] __attribute__((aligned(16))) = { 0 };
	size_t sent = 0;
	do {
		/* an empty message has no data at all, not data of no bytes */
		char *rest = sent ? (char *)m->data.data + sent : (char *)m->data.data;
		struct iovec iov = { rest, m->data.size - sent };
		struct msghdr h = {
			.msg_name = (void *)(uintptr_t)to,
			.msg_namelen = to_size,
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
		};
		if (m->files.n && sent == 0)
			put_control(&h, SCM_RIGHTS, fds, m->files.n * sizeof(int));
		if (m->has_credentials) {
			struct ucred u = { getpid(), (uid_t)m->uid, (gid_t)m->gid };
			put_control(&h, SCM_CREDENTIALS, &u, sizeof(u));
		}
		if (!h.msg_controllen)
			h.msg_control = NULL;
		ssize_t n = sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		sent += (size_t)n;
	} while (sent < m->data.size);
	return 0;
}
