/* SPDX-License-Identifier: Apache-2.0 */
/* pty_queue.c - see pty_queue.h. */
#include "checkpoint/kind/pty_queue.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

#define MAX_QUEUE  (1u << 20) /* buffers of both sides have some 70 KiB */
#define READ_SIZE  4096
#define LINE_SPACE 4095 /* N_TTY_BUF_SIZE less one: more waits in the buffers before it */
#define ARRIVE_MS  100

const struct field pty_queue_fields[] = {
	FIELD(struct pty_queue, to_master, BYTES, .optional = true, .max = MAX_QUEUE),
	FIELD(struct pty_queue, to_slave, BYTES, .optional = true, .max = MAX_QUEUE),
	FIELDS_END,
};

/* poll(2) also brings bytes on that are still on their way between the two ends. */
static bool has_input(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, 0) > 0 && p.revents & POLLIN;
}

static int read_waiting(int fd, struct arena *arena, struct bytes *ret)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	char piece[READ_SIZE];
	while (b.len < MAX_QUEUE && has_input(fd)) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EIO)
			return -errno;
		if (n <= 0)
			break;
		buf_add(&b, piece, (size_t)n);
	}
	ret->size = b.len;
	ret->data = b.len ? arena_alloc(arena, b.len) : NULL;
	if (b.len)
		memcpy(ret->data, b.data, b.len);
	return 0;
}

/* In packet mode each read has a byte of its own in front. */
static int read_master(int master, struct arena *arena, struct bytes *ret)
{
	int packet = 0, off = 0;
	*ret = (struct bytes){ 0 };
	if (!has_input(master))
		return 0;
	if (ioctl(master, TIOCGPKT, &packet) < 0 || (packet && ioctl(master, TIOCPKT, &off) < 0))
		return -errno;
	int r = read_waiting(master, arena, ret);
	if (packet && ioctl(master, TIOCPKT, &packet) < 0 && r == 0)
		r = -errno;
	return r;
}

/* A line that is not ended yet is to be had only where there are no lines. */
static int read_slave(int slave, struct arena *arena, struct bytes *ret)
{
	struct termios2 before, t;
	if (ioctl(slave, TCGETS2, &before) < 0)
		return -errno;
	t = before;
	t.c_lflag &= ~(tcflag_t)ICANON;
	t.c_cc[VMIN] = t.c_cc[VTIME] = 0;
	if (ioctl(slave, TCSETS2, &t) < 0)
		return -errno;
	int r = read_waiting(slave, arena, ret);
	if (ioctl(slave, TCSETS2, &before) < 0 && r == 0)
		r = -errno;
	return r;
}

int pty_queue_take(int master, int slave, struct arena *arena, struct pty_queue *ret,
		   struct error *err)
{
	*ret = (struct pty_queue){ 0 };
	int r = read_master(master, arena, &ret->to_master);
	if (r == 0)
		r = read_slave(slave, arena, &ret->to_slave);
	return r < 0 ? error_sys(err, -r, "cannot read what waits in a terminal") : 0;
}

int pty_queue_take_typed(int slave, struct arena *arena, struct pty_queue *ret, struct error *err)
{
	*ret = (struct pty_queue){ 0 };
	int r = read_slave(slave, arena, &ret->to_slave);
	return r < 0 ? error_sys(err, -r, "cannot read what waits in a terminal") : 0;
}

/* ---- writing ---- */

/* Until that much can be read, or it takes too long: the rest then comes when there is room. */
static void await(int fd, size_t size)
{
	for (int ms = 0; ms < ARRIVE_MS; ms++) {
		int n = 0;
		(void)has_input(fd);
		if (ioctl(fd, FIONREAD, &n) < 0 || (size_t)n >= MIN(size, (size_t)LINE_SPACE))
			return;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
}

/* Without waiting for room: what was there fits again, unless the output is stopped (^S). */
static int write_whole(int fd, const void *data, size_t size)
{
	int flags = fcntl(fd, F_GETFL), r = 0;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	while (size && r == 0) {
		ssize_t n = write(fd, data, size);
		if (n > 0) {
			data = (const char *)data + n;
			size -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			r = n == 0 ? -EAGAIN : -errno;
		}
	}
	if (fcntl(fd, F_SETFL, flags) < 0 && r == 0)
		r = -errno;
	return r;
}

/* The slave's output is stopped: the master's own side can be typed into, by who may do that. */
static int put_to_master(int master, int slave, const struct bytes *b)
{
	int before = 0, r = write_whole(slave, b->data, b->size);
	if (r == -EAGAIN && ioctl(master, FIONREAD, &before) == 0) {
		const char *data = b->data;
		r = 0;
		for (size_t i = (size_t)before; i < b->size && r == 0; i++)
			r = ioctl(master, TIOCSTI, data + i) < 0 ? -errno : 0;
	}
	if (r == 0 && b->size)
		await(master, b->size);
	return r;
}

/* Lines first: whether an unfinished one has come cannot be seen while there are others. */
static int put_to_slave(int master, int slave, const struct bytes *b, bool lines)
{
	const char *data = b->data;
	const char *end = lines && b->size ? memrchr(data, '\n', b->size) : NULL;
	size_t whole = !lines ? b->size : end ? (size_t)(end - data) + 1 : 0;
	int r = write_whole(master, data, whole);
	if (r == 0 && whole)
		await(slave, whole);
	if (r == 0 && whole < b->size) {
		r = write_whole(master, data + whole, b->size - whole);
		(void)has_input(slave);
		if (whole)
			nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	return r;
}

int pty_queue_put(int master, int slave, const struct bytes *termios, const struct pty_queue *q,
		  struct error *err)
{
	struct termios2 last, t;
	if (termios->size != sizeof(last))
		return error_set(err, EBADMSG, "settings of a terminal that are none");
	memcpy(&last, termios->data, sizeof(last));
	t = last;
	bool lines = last.c_lflag & ICANON;
	t.c_iflag = t.c_oflag = 0;
	t.c_lflag = lines ? ICANON : 0;
	memset(t.c_cc, 0, sizeof(t.c_cc)); /* no character means anything */
	t.c_cc[VMIN] = 1;
	int r = ioctl(slave, TCSETS2, &t) < 0 ? -errno : 0;
	if (r == 0)
		r = put_to_master(master, slave, &q->to_master);
	if (r == 0)
		r = put_to_slave(master, slave, &q->to_slave, lines);
	if (ioctl(slave, TCSETS2, &last) < 0 && r == 0)
		r = -errno;
	return r < 0 ? error_sys(err, -r, "cannot write what waited in a terminal") : 0;
}
