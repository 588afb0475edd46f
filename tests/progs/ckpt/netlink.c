/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - a netlink socket keeps its port and its groups, and the kernel answers it. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "sock.h"

int main(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
				  .nl_pid = 777,
				  .nl_groups = RTMGRP_LINK };
	struct sockaddr_nl now = { 0 };
	socklen_t size = sizeof(now);
	int s = CKPT_SETUP(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	CKPT_SETUP(bind(s, (struct sockaddr *)&nl, sizeof(nl)));

	ckpt_ready();

	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} ask = { { sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 }, { AF_UNSPEC } };
	static char buf[32768];
	CKPT_CHECK(getsockname(s, (struct sockaddr *)&now, &size) == 0 && now.nl_pid == 777,
		   "port");
	CKPT_CHECK(now.nl_groups == RTMGRP_LINK, "groups %#x", now.nl_groups);
	CKPT_CHECK(send(s, &ask, sizeof(ask), 0) == sizeof(ask), "cannot ask");
	ssize_t n = recv(s, buf, sizeof(buf), 0);
	CKPT_CHECK(n > 0 && ((struct nlmsghdr *)buf)->nlmsg_type == RTM_NEWLINK, "no answer");
	ckpt_pass();
}
