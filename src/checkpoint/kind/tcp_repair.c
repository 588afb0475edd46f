/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_repair.c - see tcp_repair.h. */
#include "checkpoint/kind/tcp_repair.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "checkpoint/kind/socket_options.h"

#define CHUNK (32u << 10)

/* TCP options as <netinet/tcp.h> names them; that header and <linux/tcp.h> exclude each other. */
enum { OPTION_MSS = 2, OPTION_WINDOW = 3, OPTION_SACK = 4, OPTION_TIMESTAMP = 8 };

/*
 * Of enum tcp_state in the kernel: FIN_WAIT1, FIN_WAIT2, LAST_ACK, CLOSING; CLOSE_WAIT, LAST_ACK,
 * CLOSING.
 */
#define FIN_SENT     (1u << 4 | 1u << 5 | 1u << 9 | 1u << 11)
#define FIN_RECEIVED (1u << 8 | 1u << 9 | 1u << 11)
#define INFO_SIZE    offsetof(struct tcp_info, tcpi_rto)

static bool has_state(const struct tcp_info *info, unsigned states)
{
	return states >> info->tcpi_state & 1;
}

static int tcp_get(int fd, int opt, void *value, socklen_t size)
{
	return getsockopt(fd, IPPROTO_TCP, opt, value, &size) < 0 ? -errno : 0;
}

static int tcp_set(int fd, int opt, const void *value, socklen_t size)
{
	return setsockopt(fd, IPPROTO_TCP, opt, value, size) < 0 ? -errno : 0;
}

static int tcp_set_int(int fd, int opt, int value)
{
	return tcp_set(fd, opt, &value, sizeof(value));
}

int tcp_repair_set(int fd, enum tcp_repair_mode mode)
{
	return tcp_set_int(fd, TCP_REPAIR, mode);
}

/* ---- reading ---- */

/* On, one reading, off; SO_REUSEADDR as it was. */
static int with_repair(int fd, int (*read)(int fd, struct arena *arena, struct tcp_flow *ret),
		       struct arena *arena, struct tcp_flow *ret)
{
	int reuse = 0;
	socklen_t size = sizeof(reuse);
	(void)getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, &size);
	int r = tcp_set_int(fd, TCP_REPAIR, TCP_REPAIR_IS_ON);
	if (r < 0)
		return r;
	r = read(fd, arena, ret);
	int off = tcp_set_int(fd, TCP_REPAIR, TCP_REPAIR_SILENT);
	if (off == 0 && reuse)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
	return r < 0 ? r : off;
}

static int queue_sequence(int fd, int queue, uint32_t *ret)
{
	int r = tcp_set_int(fd, TCP_REPAIR_QUEUE, queue);
	return r < 0 ? r : tcp_get(fd, TCP_QUEUE_SEQ, ret, sizeof(*ret));
}

static int read_window(int fd, struct tcp_flow *ret)
{
	struct tcp_repair_window w;
	int r = tcp_get(fd, TCP_REPAIR_WINDOW, &w, sizeof(w));
	if (r < 0)
		return r;
	ret->has_window = true;
	ret->window_wl1 = w.snd_wl1;
	ret->window_send = w.snd_wnd;
	ret->window_max = w.max_window;
	ret->window_receive = w.rcv_wnd;
	ret->window_wup = w.rcv_wup;
	return 0;
}

/* The queue is as long as it is: a FIN counts as a byte of SIOCOUTQ but not of the content. */
static int read_send_queue(int fd, struct arena *arena, struct tcp_flow *ret)
{
	int waiting = 0;
	if (ioctl(fd, SIOCOUTQ, &waiting) < 0)
		return -errno;
	ret->sending.data = arena_alloc(arena, (size_t)waiting + 1);
	ssize_t n =
		waiting ? recv(fd, ret->sending.data, (size_t)waiting, MSG_PEEK | MSG_DONTWAIT) : 0;
	if (n < 0 && errno != EAGAIN)
		return -errno;
	ret->sending.size = n > 0 ? (size_t)n : 0;
	return 0;
}

static int read_sending(int fd, struct arena *arena, struct tcp_flow *ret)
{
	uint32_t end = 0, again = 0;
	struct tcp_info info = { 0 };
	int unsent = 0, r;
	r = tcp_get(fd, TCP_INFO, &info, INFO_SIZE);
	if (r == 0)
		r = tcp_get(fd, TCP_MAXSEG, &ret->mss, sizeof(ret->mss));
	if (r == 0)
		r = tcp_get(fd, TCP_TIMESTAMP, &ret->timestamp, sizeof(ret->timestamp));
	if (r == 0)
		r = read_window(fd, ret);
	if (r == 0)
		r = queue_sequence(fd, TCP_SEND_QUEUE, &end);
	if (r == 0)
		r = read_send_queue(fd, arena, ret);
	if (r == 0)
		r = queue_sequence(fd, TCP_SEND_QUEUE, &again);
	if (r < 0 || ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
		return r < 0 ? r : -errno;
	if (end != again)
		return -EBUSY; /* its owner is not stopped */
	ret->fin_sent = has_state(&info, FIN_SENT);
	ret->features = info.tcpi_options;
	ret->send_scale = info.tcpi_snd_wscale;
	ret->receive_scale = info.tcpi_rcv_wscale;
	ret->send_start = end - ret->fin_sent - (uint32_t)ret->sending.size;
	ret->unsent = MIN((uint32_t)unsent, (uint32_t)ret->sending.size);
	return 0;
}

int tcp_repair_read_sending(int fd, struct arena *arena, struct tcp_flow *ret)
{
	return with_repair(fd, read_sending, arena, ret);
}

int tcp_peek_received(int fd, struct arena *arena, struct bytes *ret)
{
	int waiting = 0;
	*ret = (struct bytes){ 0 };
	if (ioctl(fd, SIOCINQ, &waiting) < 0)
		return -errno;
	if (waiting <= 0)
		return 0;
	ret->data = arena_alloc(arena, (size_t)waiting + 1);
	/* exactly so many: beyond, a pending error would be told to us and so cleared */
	ssize_t n = recv(fd, ret->data, (size_t)waiting, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	ret->size = (size_t)n;
	return 0;
}

static int read_receiving(int fd, struct arena *arena, struct tcp_flow *ret)
{
	uint32_t end = 0, again = 1;
	struct tcp_info info = { 0 };
	for (int tries = 0; end != again; tries++) { /* packets come in, though nobody reads */
		if (tries == 100)
			return -EBUSY;
		int r = queue_sequence(fd, TCP_RECV_QUEUE, &end);
		if (r == 0)
			r = tcp_peek_received(fd, arena, &ret->received);
		if (r == 0)
			r = tcp_get(fd, TCP_INFO, &info, INFO_SIZE);
		if (r == 0)
			r = queue_sequence(fd, TCP_RECV_QUEUE, &again);
		if (r < 0)
			return r;
	}
	ret->fin_received = has_state(&info, FIN_RECEIVED);
	ret->receive_end = end - ret->fin_received;
	return 0;
}

int tcp_repair_read_receiving(int fd, struct arena *arena, struct tcp_flow *ret)
{
	return with_repair(fd, read_receiving, arena, ret);
}

/* ---- making ---- */

static int set_sequence(int fd, int queue, uint32_t value)
{
	int r = tcp_set_int(fd, TCP_REPAIR_QUEUE, queue);
	return r < 0 ? r : tcp_set(fd, TCP_QUEUE_SEQ, &value, sizeof(value));
}

static int set_negotiated(int fd, const struct tcp_flow *f)
{
	struct tcp_repair_opt opts[4];
	size_t n = 0;
	if (f->mss)
		opts[n++] = (struct tcp_repair_opt){ OPTION_MSS, f->mss };
	if (f->features & TCPI_OPT_WSCALE)
		opts[n++] = (struct tcp_repair_opt){ OPTION_WINDOW,
						     f->send_scale | f->receive_scale << 16 };
	if (f->features & TCPI_OPT_SACK)
		opts[n++] = (struct tcp_repair_opt){ OPTION_SACK, 0 };
	if (f->features & TCPI_OPT_TIMESTAMPS)
		opts[n++] = (struct tcp_repair_opt){ OPTION_TIMESTAMP, 0 };
	int r = n ? tcp_set(fd, TCP_REPAIR_OPTIONS, opts, (socklen_t)(n * sizeof(opts[0]))) : 0;
	if (r == 0 && f->features & TCPI_OPT_TIMESTAMPS)
		r = tcp_set(fd, TCP_TIMESTAMP, &f->timestamp, sizeof(f->timestamp));
	return r;
}

static int put_queue(int fd, int queue, const char *data, size_t size)
{
	int r = size ? tcp_set_int(fd, TCP_REPAIR_QUEUE, queue) : 0;
	while (r == 0 && size) {
		ssize_t n = send(fd, data, MIN(size, CHUNK), MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		size -= (size_t)n;
	}
	return r;
}

/*
 * What the other end had granted; numbers that do not fit together are left to the probe at the
 * end.
 */
static int set_window(int fd, const struct tcp_flow *f)
{
	/* the FIN that is yet to come was counted */
	bool ahead = (int32_t)(f->window_wup - f->receive_end) > 0;
	struct tcp_repair_window w = {
		.snd_wl1 = f->window_wl1,
		.snd_wnd = f->window_send,
		.max_window = f->window_max,
		.rcv_wnd = f->window_receive,
		.rcv_wup = ahead ? f->receive_end : f->window_wup,
	};
	int r = f->has_window ? tcp_set(fd, TCP_REPAIR_WINDOW, &w, sizeof(w)) : 0;
	return r == -EINVAL ? 0 : r;
}

int tcp_repair_connect(int fd, const struct bytes *peer, const struct tcp_flow *f,
		       struct error *err)
{
	size_t sent = f->sending.size - MIN((size_t)f->unsent, f->sending.size);
	struct socket_room room CLEANUP_SOCKET_ROOM =
		socket_room_make(fd, f->received.size + f->sending.size);
	int r = set_sequence(fd, TCP_SEND_QUEUE, f->send_start);
	if (r == 0)
		r = set_sequence(fd, TCP_RECV_QUEUE, f->receive_end - (uint32_t)f->received.size);
	if (r < 0)
		return error_sys(err, -r, "cannot set the numbers of a connection");
	if (connect(fd, peer->data, (socklen_t)peer->size) < 0)
		return error_sys(err, errno, "cannot connect again without a packet");
	r = set_negotiated(fd, f);
	if (r == 0)
		r = put_queue(fd, TCP_RECV_QUEUE, f->received.data, f->received.size);
	if (r == 0)
		r = put_queue(fd, TCP_SEND_QUEUE, f->sending.data, sent);
	if (r == 0)
		r = set_window(fd, f);
	if (r == 0)
		r = tcp_set_int(fd, TCP_REPAIR_QUEUE, TCP_NO_QUEUE);
	return r < 0 ? error_sys(err, -r, "cannot give a connection its queues back") : 0;
}
