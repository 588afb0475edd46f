/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_path.c - the node of a unix(7) socket, held open with O_PATH. Where a socket of the
 * container is bound to it, the node is made anew with that socket, and so it is asked for it; any
 * other is a name in the tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "checkpoint/kind/file_kind.h"
#include "checkpoint/kind/file_path.h"
#include "checkpoint/kind/unix_survey.h"

#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE 0x89E0
#endif

struct socket_path_record {
	uint64_t bound; /* id of the socket; 0: none of ours */
	struct file_path where;
};

static const struct field fields[] = {
	FIELD(struct socket_path_record, bound, U64, .optional = true),
	FIELD(struct socket_path_record, where, MAP, .optional = true, .fields = file_path_fields),
	FIELDS_END,
};

static int collect(struct collect *c, const struct file_facts *f, void *record, struct error *err)
{
	struct socket_path_record *rec = record;
	const struct unix_survey *s;
	int r = unix_survey(c, 0, &s, err);
	if (r < 0)
		return r;
	const struct unix_entry *e = unix_survey_bound(s, &f->st);
	if (e) {
		rec->bound = e->o->id;
		rec->where.path = arena_strdup(c->arena, f->link);
		return 0;
	}
	if (f->st.st_nlink == 0)
		return file_refuse(c, f,
				   "it is the node of a socket that is closed and was removed",
				   "close it");
	return file_path_collect(c, f, &rec->where, err);
}

static int reopen(struct holder *h, uint64_t id, int flags, const void *record, struct error *err)
{
	const struct socket_path_record *rec = record;
	(void)id;
	if (!rec->bound)
		return file_path_open(h, &rec->where, flags | O_PATH | O_NOFOLLOW, err);
	int sock = holder_fd(h, rec->bound, err);
	if (sock < 0)
		return sock;
	int fd = ioctl(sock, SIOCUNIXFILE);
	return fd < 0 ? error_sys(err, errno, "cannot find the node of a socket again") : fd;
}

static void describe(const void *record, struct buf *out)
{
	const struct socket_path_record *rec = record;
	file_path_describe(&rec->where, out);
}

static const struct file_match matches[] = { { FILE_SOCKET_PATH, NULL },
					     { FILE_CLASS_NONE, NULL } };

const struct file_kind file_kind_socket_path = {
	.name = "socket_path",
	.matches = matches,
	.fields = fields,
	.size = sizeof(struct socket_path_record),
	.no_flags = true,
	.collect = collect,
	.open = reopen,
	.describe = describe,
};
