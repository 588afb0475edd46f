/* SPDX-License-Identifier: Apache-2.0 */
/* control.c - see control.h. A path longer than sun_path is reached through the directory's descriptor. */
#include "engine/control.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

static socklen_t ctl_address(int dir, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/ctl", dir);
	return (socklen_t)sizeof(*addr);
}

int control_listen(int dir, struct error *err)
{
	struct sockaddr_un addr;
	socklen_t len = ctl_address(dir, &addr);
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_sys(err, errno, "cannot make the control socket");
	int r = bind(fd, (struct sockaddr *)&addr, len);
	if (r < 0 && errno == EADDRINUSE) {
		(void)unlinkat(dir, "ctl", 0);
		r = bind(fd, (struct sockaddr *)&addr, len);
	}
	if (r < 0 || listen(fd, 64) < 0)
		return error_sys(err, errno, "cannot make the control socket");
	return take_fd(&fd);
}

int control_connect(int dir)
{
	struct sockaddr_un addr;
	socklen_t len = ctl_address(dir, &addr);
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, len) < 0)
		return -errno;
	return take_fd(&fd);
}

int control_send(int sock, enum ctl_type type, int value, int value2, const void *data, size_t size)
{
	struct ctl_msg msg = { CTL_MAGIC, type, value, value2 };
	struct iovec iov[2] = { { &msg, sizeof(msg) }, { (void *)data, size } };
	struct msghdr hdr = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;
	do {
		n = sendmsg(sock, &hdr, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t control_recv(int sock, struct ctl_msg *ret, void *data, size_t size, int flags)
{
	struct iovec iov[2] = { { ret, sizeof(*ret) }, { data, size } };
	struct msghdr hdr = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t n;
	/* a peer that closed with something of ours unread is told first, once; what it sent comes after */
	bool reset = false;
	do {
		n = recvmsg(sock, &hdr, flags);
	} while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < sizeof(*ret) || ret->magic != CTL_MAGIC || (hdr.msg_flags & MSG_TRUNC))
		return -EBADMSG;
	return n - (ssize_t)sizeof(*ret);
}

int control_request(int dir, enum ctl_type type, int value, int value2, struct error *err)
{
	CLEANUP_FD int sock = control_connect(dir);
	if (sock < 0)
		return error_sys(err, -sock, "the container's supervisor does not answer");
	int r = control_send(sock, type, value, value2, NULL, 0);
	if (r < 0)
		return error_sys(err, -r, "the container's supervisor does not answer");
	struct ctl_msg msg;
	struct error answer = ERROR_INIT;
	ssize_t n = control_recv(sock, &msg, &answer, sizeof(answer), 0);
	if (n < 0)
		return error_sys(err, (int)-n, "the container's supervisor does not answer");
	if (msg.type == CTL_OK)
		return 0;
	if (msg.type != CTL_ERROR || n != sizeof(answer) || answer.err <= 0)
		return error_set(err, EBADMSG,
				 "the container's supervisor gave no sensible answer");
	if (err)
		*err = answer;
	return -answer.err;
}
