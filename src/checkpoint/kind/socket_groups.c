/* SPDX-License-Identifier: Apache-2.0 */
/* socket_groups.c - see socket_groups.h. */
#include "checkpoint/kind/socket_groups.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"

#define SOURCES_MAX 64
#define LIST_MAX    (4u << 20)

static const struct field source_fields[] = {
	FIELD(struct socket_source, address, BYTES, .max = sizeof(struct sockaddr_in6)),
	FIELDS_END,
};

const struct field socket_group_fields[] = {
	FIELD(struct socket_group, interface, U32),
	FIELD(struct socket_group, group, BYTES, .max = sizeof(struct sockaddr_in6)),
	FIELD(struct socket_group, include, BOOL, .optional = true),
	FIELD(struct socket_group, sources, LIST, .optional = true, .max = SOURCES_MAX,
	      .fields = source_fields, .size = sizeof(struct socket_source)),
	FIELDS_END,
};

static int level_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
}

static struct bytes keep(struct arena *arena, const struct sockaddr_storage *ss)
{
	struct bytes b = { .size = ss->ss_family == AF_INET ? sizeof(struct sockaddr_in)
							    : sizeof(struct sockaddr_in6) };
	b.data = memcpy(arena_alloc(arena, b.size), ss, b.size);
	return b;
}

/* ---- reading ---- */

static void ask(int fd, uint32_t interface, const struct sockaddr_storage *group,
		struct arena *arena, struct list *ret)
{
	char room[GROUP_FILTER_SIZE(SOURCES_MAX)] __attribute__((aligned(8))) = { 0 };
	struct group_filter *f = (void *)room;
	socklen_t size = sizeof(room);
	f->gf_interface = interface;
	f->gf_group = *group;
	f->gf_numsrc = SOURCES_MAX;
	if (getsockopt(fd, level_of(group), MCAST_MSFILTER, f, &size) < 0)
		return;
	struct socket_group *g = arena_grow(arena, &ret->v, &ret->n, sizeof(*g));
	g->interface = interface;
	g->group = keep(arena, group);
	g->include = f->gf_fmode == MCAST_INCLUDE;
	for (uint32_t i = 0; i < f->gf_numsrc && i < SOURCES_MAX; i++) {
		struct socket_source *s =
			arena_grow(arena, &g->sources.v, &g->sources.n, sizeof(*s));
		s->address = keep(arena, &f->gf_slist[i]);
	}
}

typedef void (*line_reader)(const char *line, uint32_t *interface, int fd, struct arena *arena,
			    struct list *ret);

/* "2	eth0	:	..." begins an interface, "	010000E0 ..." is one of its groups. */
static void line4(const char *line, uint32_t *interface, int fd, struct arena *arena,
		  struct list *ret)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET };
	unsigned address;
	if (line[0] >= '0' && line[0] <= '9') {
		*interface = (uint32_t)strtoul(line, NULL, 10);
	} else if (*interface && sscanf(line, " %8X", &address) == 1) {
		((struct sockaddr_in *)&ss)->sin_addr.s_addr =
			address; /* printed as it is in memory */
		ask(fd, *interface, &ss, arena, ret);
	}
}

/* "2    eth0            ff020000000000000000000000000001     1 0000000C 0" */
static void line6(const char *line, uint32_t *interface, int fd, struct arena *arena,
		  struct list *ret)
{
	struct sockaddr_storage ss = { .ss_family = AF_INET6 };
	uint8_t *at = ((struct sockaddr_in6 *)&ss)->sin6_addr.s6_addr;
	char hex[33] = "";
	if (sscanf(line, "%u %*s %32[0-9a-f]", interface, hex) != 2 || strlen(hex) != 32)
		return;
	for (size_t i = 0; i < 16; i++) {
		unsigned byte;
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return;
		at[i] = (uint8_t)byte;
	}
	ask(fd, *interface, &ss, arena, ret);
}

static int read_list(const char *path, line_reader each, int fd, struct arena *arena,
		     struct list *ret, struct error *err)
{
	struct buf b CLEANUP_BUF = BUF_INIT;
	uint32_t interface = 0;
	int r = file_read(AT_FDCWD, path, LIST_MAX, &b);
	if (r == -ENOENT)
		return 0; /* a kernel without it */
	if (r < 0)
		return error_sys(err, -r, "cannot read %s", path);
	char *text = b.data, *save = NULL;
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save))
		each(l, &interface, fd, arena, ret);
	return 0;
}

int socket_groups_read(int fd, int domain, struct arena *arena, struct list *ret, struct error *err)
{
	int r = read_list("/proc/thread-self/net/igmp", line4, fd, arena, ret, err);
	if (r == 0 && domain == AF_INET6)
		r = read_list("/proc/thread-self/net/igmp6", line6, fd, arena, ret, err);
	return r;
}

/* ---- joining ---- */

static void load(struct sockaddr_storage *ss, const struct bytes *b)
{
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, b->data ? b->data : (void *)ss, MIN(b->size, sizeof(*ss)));
}

static int set_sources(int fd, const struct socket_group *g)
{
	char room[GROUP_FILTER_SIZE(SOURCES_MAX)] __attribute__((aligned(8))) = { 0 };
	struct group_filter *f = (void *)room;
	const struct socket_source *s = g->sources.v;
	f->gf_interface = g->interface;
	load(&f->gf_group, &g->group);
	f->gf_fmode = g->include ? MCAST_INCLUDE : MCAST_EXCLUDE;
	f->gf_numsrc = (uint32_t)MIN(g->sources.n, (size_t)SOURCES_MAX);
	for (uint32_t i = 0; i < f->gf_numsrc; i++)
		load(&f->gf_slist[i], &s[i].address);
	return setsockopt(fd, level_of(&f->gf_group), MCAST_MSFILTER, f,
			  (socklen_t)GROUP_FILTER_SIZE(f->gf_numsrc));
}

int socket_groups_join(int fd, const struct list *groups, struct error *err)
{
	const struct socket_group *g = groups->v;
	for (size_t i = 0; i < groups->n; i++) {
		struct group_req req = { .gr_interface = g[i].interface };
		load(&req.gr_group, &g[i].group);
		int r = setsockopt(fd, level_of(&req.gr_group), MCAST_JOIN_GROUP, &req,
				   sizeof(req));
		if (r == 0 && (g[i].include || g[i].sources.n))
			r = set_sources(fd, &g[i]);
		if (r < 0)
			return error_sys(err, errno,
					 "cannot join a multicast group again on interface %u",
					 g[i].interface);
	}
	return 0;
}
