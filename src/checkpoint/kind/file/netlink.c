/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.c - netlink(7) sockets: protocol, port number, groups, options. What waits to be read, or
 * an answer that is still being given, is refused: the kernel's answers are about a moment that is
 * over.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/socket_options.h"
#include "proc/process.h"

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif
#define LEVEL_NETLINK 270 /* SOL_NETLINK */
#define GROUP_WORDS   64  /* 2048 groups: far more than any protocol has */

struct netlink_record {
	uint32_t type, protocol;
	bool bound;
	uint32_t port;	    /* nl_pid */
	struct u64s groups; /* numbers, from 1 */
	uint32_t peer_port, peer_groups;
	struct list options;
};

static const struct field netlink_fields[] = {
	FIELD(struct netlink_record, type, U32),
	FIELD(struct netlink_record, protocol, U32),
	FIELD(struct netlink_record, bound, BOOL, .optional = true),
	FIELD(struct netlink_record, port, U32, .optional = true),
	FIELD(struct netlink_record, groups, U64S, .optional = true, .max = GROUP_WORDS * 32),
	FIELD(struct netlink_record, peer_port, U32, .optional = true),
	FIELD(struct netlink_record, peer_groups, U32, .optional = true),
	FIELD_OPTIONS(struct netlink_record, options),
	FIELDS_END,
};

static void read_groups(int fd, struct netlink_record *rec, struct arena *arena)
{
	uint32_t words[GROUP_WORDS] = { 0 };
	socklen_t size = sizeof(words);
	if (getsockopt(fd, LEVEL_NETLINK, NETLINK_LIST_MEMBERSHIPS, words, &size) < 0)
		return;
	for (unsigned i = 0; i < GROUP_WORDS * 32; i++)
		if (words[i / 32] >> i % 32 & 1)
			*arena_push(arena, rec->groups.v, rec->groups.n) = i + 1;
}

static bool is_elsewhere(struct collect *c, int fd)
{
	struct stat st;
	CLEANUP_FD int ns = ioctl(fd, SIOCGSKNS);
	return ns >= 0 && fstat(ns, &st) == 0 && st.st_ino != proc_ns_inode(c->init, "net");
}

static int netlink_collect(struct collect *c, const struct file_facts *f, void *record,
			   struct error *err)
{
	/*
	 * generic netlink numbers its families and groups as modules come; the others are the
	 * kernel's own tables
	 */
	static const uint32_t carried[] = { NETLINK_ROUTE,     NETLINK_KOBJECT_UEVENT,
					    NETLINK_SOCK_DIAG, NETLINK_AUDIT,
					    NETLINK_NETFILTER, NETLINK_CRYPTO,
					    NETLINK_SELINUX,   NETLINK_CONNECTOR,
					    NETLINK_XFRM };
	struct netlink_record *rec = record;
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	struct sockaddr_nl nl = { 0 };
	socklen_t size = sizeof(int);
	const char *why = NULL;
	if (getsockopt(f->fd, SOL_SOCKET, SO_TYPE, &rec->type, &size) < 0 ||
	    getsockopt(f->fd, SOL_SOCKET, SO_PROTOCOL, &rec->protocol, &size) < 0)
		return error_sys(err, errno, "cannot look at a socket");
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(carried); i++)
		known |= rec->protocol == carried[i];
	read_groups(f->fd, rec, c->arena);
	if (!known && (rec->protocol != NETLINK_GENERIC || rec->groups.n))
		return file_refuse(c, f, "netlink of this protocol is not carried", "close it");
	if (is_elsewhere(c, f->fd))
		return file_refuse(c, f, "it belongs to another network namespace",
				   "close it, or hand it in as an external one");
	if (poll(&p, 1, 0) > 0 && p.revents & (POLLIN | POLLERR))
		return file_refuse(c, f, "an answer of the kernel waits to be read", "try again");
	size = sizeof(nl);
	if (getsockname(f->fd, (struct sockaddr *)&nl, &size) < 0)
		return error_sys(err, errno, "cannot look at a socket");
	rec->port = nl.nl_pid;
	rec->bound = nl.nl_pid != 0;
	size = sizeof(nl);
	if (getpeername(f->fd, (struct sockaddr *)&nl, &size) == 0) {
		rec->peer_port = nl.nl_pid;
		rec->peer_groups = nl.nl_groups;
	}
	socket_options_read(f->fd, SOCKET_NETLINK, AF_NETLINK, false,
			    collect_own_sized(c, "socket options", sizeof(struct socket_defaults)),
			    c->arena, &rec->options, &why);
	return why ? file_refuse(c, f, why, "close it first") : 0;
}

static int netlink_open(struct holder *h, uint64_t id, int flags, const void *record,
			struct error *err)
{
	const struct netlink_record *rec = record;
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_pid = rec->port };
	struct sockaddr_nl peer = { .nl_family = AF_NETLINK,
				    .nl_pid = rec->peer_port,
				    .nl_groups = rec->peer_groups };
	(void)h, (void)id, (void)flags;
	if (rec->type != SOCK_RAW && rec->type != SOCK_DGRAM)
		return error_set(err, EBADMSG, "no such netlink socket can be");
	CLEANUP_FD int fd = socket(AF_NETLINK, (int)rec->type | SOCK_CLOEXEC, (int)rec->protocol);
	if (fd < 0)
		return error_sys(err, errno, "this kernel has no netlink protocol %u",
				 rec->protocol);
	int r = socket_options_set(fd, SOCKET_NETLINK, SOCKET_EARLY, &rec->options, err);
	if (r == 0 && rec->bound && bind(fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		r = error_sys(err, errno, "cannot take the netlink port %u", rec->port);
	if (r == 0 && (rec->peer_port || rec->peer_groups) &&
	    connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		r = error_sys(err, errno, "cannot connect a netlink socket again");
	for (size_t i = 0; i < rec->groups.n && r == 0; i++) {
		int group = (int)rec->groups.v[i];
		if (setsockopt(fd, LEVEL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
			r = error_sys(err, errno, "cannot join the netlink group %d again", group);
	}
	if (r == 0)
		r = socket_options_set(fd, SOCKET_NETLINK, SOCKET_LATE, &rec->options, err);
	return r < 0 ? r : take_fd(&fd);
}

static void netlink_describe(const void *record, struct buf *out)
{
	const struct netlink_record *rec = record;
	buf_printf(out, "protocol %u, port %u, %zu groups", rec->protocol, rec->port,
		   rec->groups.n);
}

const struct file_kind file_kind_netlink = {
	.name = "netlink",
	.matches = (const struct file_match[]){ { FILE_SOCKET, "netlink" },
						{ FILE_CLASS_NONE, NULL } },
	.fields = netlink_fields,
	.size = sizeof(struct netlink_record),
	.collect = netlink_collect,
	.open = netlink_open,
	.describe = netlink_describe,
};
