/* SPDX-License-Identifier: Apache-2.0 */
/* unix_record.c - see unix_record.h. */
#include "checkpoint/kind/unix_record.h"

#include <sys/socket.h>

#include "base/buf.h"
#include "checkpoint/kind/socket_options.h"
#include "checkpoint/kind/socket_queue.h"

#define GROUPS_MAX 65536
#define PATH_SIZE  4096

static const struct field credentials_fields[] = {
	FIELD(struct unix_credentials, known, BOOL, .optional = true),
	FIELD(struct unix_credentials, pid, I64, .optional = true),
	FIELD(struct unix_credentials, uid, I64, .optional = true),
	FIELD(struct unix_credentials, gid, I64, .optional = true),
	FIELD(struct unix_credentials, groups, U64S, .optional = true, .max = GROUPS_MAX),
	FIELDS_END,
};

static const struct field node_fields[] = {
	FIELD(struct unix_node, path, TEXT, .optional = true, .max = PATH_SIZE),
	FIELD(struct unix_node, base, TEXT, .optional = true, .max = PATH_SIZE),
	FIELD(struct unix_node, gone, BOOL, .optional = true),
	FIELD(struct unix_node, mode, U32, .optional = true),
	FIELD(struct unix_node, uid, U32, .optional = true),
	FIELD(struct unix_node, gid, U32, .optional = true),
	FIELDS_END,
};

const struct field unix_record_fields[] = {
	FIELD(struct unix_record, type, U32),
	FIELD(struct unix_record, role, U32),
	FIELD(struct unix_record, name, BYTES, .optional = true, .max = UNIX_NAME_MAX),
	FIELD(struct unix_record, peer_name, BYTES, .optional = true, .max = UNIX_NAME_MAX),
	FIELD(struct unix_record, accepted, BOOL, .optional = true),
	FIELD(struct unix_record, node, MAP, .fields = node_fields),
	FIELD(struct unix_record, peer, U64, .optional = true),
	FIELD(struct unix_record, listener, U64, .optional = true),
	FIELD(struct unix_record, connected, U64S, .optional = true),
	FIELD(struct unix_record, backlog, U32, .optional = true),
	FIELD(struct unix_record, waiting, U64S, .optional = true),
	FIELD(struct unix_record, waiting_data, BOOL, .optional = true),
	FIELD(struct unix_record, shutdown, U32, .optional = true),
	FIELD(struct unix_record, reset, BOOL, .optional = true),
	FIELD(struct unix_record, peer_credentials, MAP, .fields = credentials_fields),
	FIELD_QUEUE(struct unix_record, queue),
	FIELD_OPTIONS(struct unix_record, options),
	FIELDS_END,
};

static const struct field waiting_fields[] = {
	FIELD(struct unix_waiting, client, U64, .optional = true),
	FIELD(struct unix_waiting, credentials, MAP, .fields = credentials_fields),
	FIELD_QUEUE(struct unix_waiting, queue),
	FIELDS_END,
};

const struct field unix_waiting_fields[] = {
	FIELD(struct unix_waiting_record, connections, LIST, .optional = true,
	      .fields = waiting_fields, .size = sizeof(struct unix_waiting)),
	FIELDS_END,
};

static void describe_name(const struct bytes *name, struct buf *out)
{
	const char *v = name->data;
	buf_putc(out, ' ');
	for (size_t i = 0; i < name->size; i++)
		buf_putc(out, v[i] == '\0' ? '@' : v[i] < ' ' || v[i] > '~' ? '?' : v[i]);
}

void unix_record_describe(const void *record, struct buf *out)
{
	static const char *const roles[UNIX_ROLE_N] = {
		"", " listening", " connected", " waiting to be accepted", " hung up",
	};
	const struct unix_record *r = record;
	buf_puts(out, r->type == SOCK_STREAM  ? "stream"
		      : r->type == SOCK_DGRAM ? "dgram"
					      : "seqpacket");
	if (r->name.size)
		describe_name(&r->name, out);
	buf_puts(out, r->role < UNIX_ROLE_N ? roles[r->role] : "");
	if (r->role == UNIX_CONNECTED)
		buf_printf(out, " to file %llu", (unsigned long long)r->peer);
	if (r->waiting.n)
		buf_printf(out, ", %zu wait to be accepted", r->waiting.n);
	if (r->queue.n)
		buf_printf(out, ", %zu messages queued", r->queue.n);
}
