/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - see state.h. */
#include "engine/state.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/file.h"
#include "spec/schema.h"

static const struct schema_field fields[] = {
	SCHEMA_FIELD(I64, struct state, version, "version", .flags = SCHEMA_REQUIRED, .min = 1,
		     .max = 1),
	SCHEMA_FIELD(STRING, struct state, id, "id", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRING, struct state, name, "name", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(U64, struct state, number, "number", .flags = SCHEMA_REQUIRED,
		     .max = UINT32_MAX),
	SCHEMA_FIELD(STRING, struct state, status, "status", .flags = SCHEMA_REQUIRED),
	SCHEMA_FIELD(STRING, struct state, boot, "boot"),
	SCHEMA_FIELD(I64, struct state, init_pid, "initPid", .max = INT32_MAX),
	SCHEMA_FIELD(U64, struct state, init_start, "initStart"),
	SCHEMA_FIELD(I64, struct state, job_pid, "jobPid", .max = INT32_MAX),
	SCHEMA_FIELD(U64, struct state, job_start, "jobStart"),
	SCHEMA_FIELD(I64, struct state, supervisor_pid, "supervisorPid", .max = INT32_MAX),
	SCHEMA_FIELD(U64, struct state, supervisor_start, "supervisorStart"),
	SCHEMA_FIELD(U64, struct state, created, "created"),
	SCHEMA_FIELD(U64, struct state, started, "started"),
	SCHEMA_FIELD(U64, struct state, finished, "finished"),
	SCHEMA_FIELD(OPT_I64, struct state, wait_status, "waitStatus"),
	SCHEMA_FIELD(STRING, struct state, reason, "reason"),
	SCHEMA_FIELD(STRING, struct state, cgroup, "cgroup"),
	SCHEMA_FIELD(STRING, struct state, stdio, "stdio"),
	SCHEMA_FIELD(U64, struct state, born, "born"),
	SCHEMA_FIELD(BOOL, struct state, views, "procView"),
	SCHEMA_FIELD(U64, struct state, restarts, "restarts"),
	SCHEMA_FIELD(BOOL, struct state, led, "led"),
	SCHEMA_FIELD(BOOL, struct state, stopped, "stopped"),
};
static const struct schema schema = SCHEMA(struct state, fields);

#define FILE_NAME "state.json"
#define MAX_SIZE  (64 << 10)

void state_done(struct state *s)
{
	arena_done(&s->arena);
}

int state_read(int dirfd, struct state *ret)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(dirfd, FILE_NAME, MAX_SIZE, &text);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	struct state s = { 0 };
	if (schema_parse(&schema, buf_str(&text), text.len, &s.arena, &s, NULL) < 0) {
		state_done(&s);
		return -EBADMSG;
	}
	*ret = s;
	return 0;
}

int state_write(int dirfd, const struct state *s, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	schema_print(&schema, s, &text);
	buf_putc(&text, '\n');
	int r = file_replace(dirfd, FILE_NAME, 0600, buf_str(&text), text.len);
	return r < 0 ? error_sys(err, -r, "cannot write the container's state") : 0;
}

int status_to_exit(int64_t wait_status)
{
	int w = (int)wait_status;
	return WIFSIGNALED(w) ? 128 + WTERMSIG(w) : WEXITSTATUS(w);
}
