/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - attacks over the network: the machine's interfaces and services, packets made by hand, doors beside it. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/audit.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "walls.h"

static int attack_interfaces(const struct targets *t)
{
	struct ifaddrs *list = NULL;
	(void)t;
	if (getifaddrs(&list) < 0)
		return -errno;
	for (struct ifaddrs *i = list; i; i = i->ifa_next)
		if ((i->ifa_flags & IFF_UP) && strcmp(i->ifa_name, "lo") != 0) {
			detail("%s", i->ifa_name);
			return THROUGH;
		}
	return -ENODEV;
}
static int attack_loopback(const struct targets *t)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((unsigned short)t->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	return verdict(connect(s, (struct sockaddr *)&in, sizeof(in)));
}
static int attack_listeners(const struct targets *t)
{
	char text[65536], port[16];
	FILE *f = fopen("/proc/net/tcp", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	(void)snprintf(port, sizeof(port), ":%04X ", t->port);
	return strstr(text, port) ? THROUGH : -ENOENT;
}
static int attack_packet(const struct targets *t)
{
	(void)t;
	return verdict(socket(AF_PACKET, SOCK_RAW, htons(3)));
}
static int attack_raw(const struct targets *t)
{
	(void)t;
	return verdict(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}
/* Past every network namespace, to the machine or what the machine runs on. */
static int attack_vsock(const struct targets *t)
{
	(void)t;
	return verdict(socket(AF_VSOCK, SOCK_STREAM, 0));
}
static int attack_alg(const struct targets *t)
{
	(void)t;
	return verdict(socket(AF_ALG, SOCK_SEQPACKET, 0));
}
/* Listens in a group of a netlink family; that one may bind says nothing: is anything heard? */
static int listen_to(int protocol, unsigned groups, const void *hello, size_t size)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = groups };
	char heard[4096];
	int s = socket(AF_NETLINK, SOCK_RAW, protocol);
	if (s < 0 || bind(s, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		return -errno;
	if (size && send(s, hello, size, 0) < 0)
		return -errno;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		(void)waitpid(pid, NULL, 0);
		(void)usleep(50000);
		ssize_t n = recv(s, heard, sizeof(heard) - 1, MSG_DONTWAIT);
		if (n > 0) {
			heard[n] = '\0';
			detail("heard %zd bytes: %.60s", n, heard);
			return THROUGH;
		}
	}
	return -errno;
}
/* Devices of the machine come and go. */
static int attack_uevents(const struct targets *t)
{
	(void)t;
	return listen_to(NETLINK_KOBJECT_UEVENT, 1, NULL, 0);
}
/* Processes of the machine come and go. */
static int attack_connector(const struct targets *t)
{
	const enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	const struct cn_msg cn = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(op) };
	char message[NLMSG_HDRLEN + sizeof(cn) + sizeof(op)] = "";
	const struct nlmsghdr h = { .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_DONE };
	(void)t;
	memcpy(message, &h, sizeof(h));
	memcpy(message + NLMSG_HDRLEN, &cn, sizeof(cn));
	memcpy(message + NLMSG_HDRLEN + sizeof(cn), &op, sizeof(op));
	return listen_to(NETLINK_CONNECTOR, CN_IDX_PROC, message, sizeof(message));
}
static int attack_audit_listen(const struct targets *t)
{
	(void)t;
	return listen_to(NETLINK_AUDIT, 1, NULL, 0);
}
static int attack_audit(const struct targets *t)
{
	struct {
		struct nlmsghdr h;
		struct audit_status s;
	} m = { .h = { .nlmsg_len = sizeof(m),
		       .nlmsg_type = AUDIT_SET,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };
	char answer[512];
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
	(void)t;
	if (s < 0 || send(s, &m, sizeof(m), 0) < 0 || recv(s, answer, sizeof(answer), 0) < 0)
		return -errno;
	const struct nlmsgerr *e = (const void *)(answer + NLMSG_HDRLEN);
	return e->error < 0 ? e->error : THROUGH;
}
static int attack_scsi(const struct targets *t)
{
	(void)t;
	return listen_to(NETLINK_SCSITRANSPORT, 1, NULL, 0);
}
/* Sockets of all namespaces have marks and priorities that lead past the machine's rules. */
static int attack_mark(const struct targets *t)
{
	int mark = 1, s = socket(AF_INET, SOCK_DGRAM, 0);
	(void)t;
	return denied(setsockopt(s, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
}
static int attack_force_buffer(const struct targets *t)
{
	int size = 1 << 30, s = socket(AF_INET, SOCK_DGRAM, 0);
	(void)t;
	return denied(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
}

const struct attack net_attacks[] = {
	{ "interfaces", attack_interfaces, 0 },
	{ "loopback-service", attack_loopback, 0 },
	{ "listeners", attack_listeners, 0 },
	{ "packet-socket", attack_packet, OWN },
	{ "raw-socket", attack_raw, OWN },
	{ "vsock", attack_vsock, FILTER },
	{ "alg", attack_alg, FILTER },
	{ "uevents", attack_uevents, FILTER },
	{ "connector", attack_connector, 0 },
	{ "audit", attack_audit, 0 },
	{ "audit-listen", attack_audit_listen, 0 },
	{ "scsi-transport", attack_scsi, 0 },
	{ "socket-mark", attack_mark, OWN },
	{ "socket-buffer", attack_force_buffer, OWN },
	{ NULL, NULL, 0 },
};
