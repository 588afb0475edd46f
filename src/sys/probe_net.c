/* SPDX-License-Identifier: Apache-2.0 */
/* probe_net.c - probes of links, firewall and sockets, in a network namespace of their own; see probe.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "sys/probe.h"

/* One netlink message under construction; ample for what is sent here. */
struct message {
	struct nlmsghdr head;
	char body[256];
};

/* Appends an attribute. Where size is 0 it is opened as a nest. */
static struct rtattr *put_attribute(struct message *m, unsigned short type, const void *data,
				    size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->head.nlmsg_len));
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + (unsigned int)RTA_ALIGN(a->rta_len);
	return a;
}

static void close_nest(const struct message *m, struct rtattr *a)
{
	a->rta_len = (unsigned short)((const char *)m + m->head.nlmsg_len - (const char *)a);
}

/* Sends one message and returns the type of the answer, or the error that the answer is. */
static int ask_netlink(int family, struct message *m)
{
	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
	if (fd < 0)
		return -errno;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char answer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	if (sendto(fd, m, m->head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	ssize_t n = recv(fd, answer, sizeof(answer), 0);
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_LENGTH(0))
		return -EBADMSG;
	if (h->nlmsg_type != NLMSG_ERROR)
		return h->nlmsg_type;
	const struct nlmsgerr *e = NLMSG_DATA(h);
	return n < (ssize_t)NLMSG_LENGTH(sizeof(*e)) ? -EBADMSG : e->error;
}

/* Makes a link of a kind; it goes with the namespace. */
static int make_link(const char *kind)
{
	struct message m = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			  .nlmsg_type = RTM_NEWLINK,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
	};
	(void)put_attribute(&m, IFLA_IFNAME, "probe0", sizeof("probe0"));
	struct rtattr *info = put_attribute(&m, IFLA_LINKINFO, NULL, 0);
	(void)put_attribute(&m, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	close_nest(&m, info);
	return ask_netlink(NETLINK_ROUTE, &m);
}

static int veth(void)
{
	return make_link("veth");
}

int probe_veth(void)
{
	return probe_in_child(veth, CLONE_NEWNET);
}

static int bridge(void)
{
	return make_link("bridge");
}

int probe_bridge(void)
{
	return probe_in_child(bridge, CLONE_NEWNET);
}

/* Asks for the generation of the (empty) rule set, which every nftables answers. */
static int nftables(void)
{
	struct message m = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
			  .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			  .nlmsg_flags = NLM_F_REQUEST },
	};
	int r = ask_netlink(NETLINK_NETFILTER, &m);
	if (r < 0)
		return r;
	return r == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) ? 0 : -ENOSYS;
}

int probe_nftables(void)
{
	return probe_in_child(nftables, CLONE_NEWNET);
}

static int tcp_repair(void)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

int probe_tcp_repair(void)
{
	return probe_in_child(tcp_repair, CLONE_NEWNET);
}
