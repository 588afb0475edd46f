/* SPDX-License-Identifier: Apache-2.0 */
/* loopback.c - see loopback.h. One ioctl instead of a netlink conversation: it is on the start path. */
#include "container/net/loopback.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"

int loopback_up(struct error *err)
{
	CLEANUP_FD int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return error_sys(err, errno,
				 "cannot open a socket to bring up the loopback interface");
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	strcpy(ifr.ifr_name, "lo");
	if (ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		return error_sys(err, errno, "cannot bring up the loopback interface");
	return 0;
}
