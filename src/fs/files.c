/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - the files of a container: one row a file, what it says and what it takes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "fs/server.h"

/* ---- what they say ---- */

static int read_id(const struct view *v, struct buf *out)
{
	buf_printf(out, "%u\n", v->system ? 0 : v->info.number);
	return 0;
}

static int read_init(const struct view *v, struct buf *out)
{
	pid_t init = v->system ? 1 : v->info.leader ? v->info.leader : v->info.init;
	if (init)
		buf_printf(out, "%d\n", init);
	return 0;
}

/* Its number in the container's own space; of one in a space below, as the container calls it. */
static pid_t vpid_in(const struct view *v, const struct contexe_process *p)
{
	struct contexe_pid_answer a = { .pid = p->pid };
	char pid[16];
	if (v->system)
		return p->pid;
	if (p->depth <= 1 || str_eq(p->pidspace, v->name))
		return p->vpid;
	(void)snprintf(pid, sizeof(pid), "%d", p->pid);
	if (contexe_pid_translate(v->server->cx, pid, v->name, CONTEXE_PID, &a, NULL) < 0)
		return 0;
	return a.pid;
}

static int read_processes(const struct view *v, bool both, struct buf *out)
{
	struct contexe_process *p;
	size_t n;
	if (!v->system && !v->info.init)
		return 0;
	int r = contexe_processes(v->server->cx, v->name, &p, &n, NULL);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	if (!v->system && v->info.leader)
		buf_printf(out, both ? "%d 1\n" : "%d\n", v->info.leader);
	for (size_t i = 0; i < n; i++)
		if (both)
			buf_printf(out, "%d %d\n", p[i].pid, vpid_in(v, &p[i]));
		else
			buf_printf(out, "%d\n", p[i].pid);
	contexe_processes_free(p, n);
	return 0;
}

static int read_tasks(const struct view *v, struct buf *out)
{
	return read_processes(v, false, out);
}

static int read_vpids(const struct view *v, struct buf *out)
{
	return read_processes(v, true, out);
}

static const char *state_word(const struct view *v)
{
	if (v->system)
		return "THAWED";
	switch (v->info.state) {
	case CONTEXE_CREATING:
		return "CREATING";
	case CONTEXE_CREATED:
		return "CREATED";
	case CONTEXE_RUNNING:
		return "THAWED";
	case CONTEXE_PAUSED:
		return "FROZEN";
	case CONTEXE_EXITED:
		return v->info.started ? "STOPPED" : "CREATED";
	case CONTEXE_BROKEN:
		break;
	}
	return "BROKEN";
}

static int read_state(const struct view *v, struct buf *out)
{
	buf_printf(out, "%s\n", state_word(v));
	return 0;
}

static void line(struct buf *out, const char *key, uint64_t value)
{
	if (value == UINT64_MAX)
		buf_printf(out, "%s max\n", key);
	else
		buf_printf(out, "%s %" PRIu64 "\n", key, value);
}

static int read_stat(const struct view *v, struct buf *out)
{
	struct contexe_stats s;
	if (!v->info.init)
		return 0;
	int r = contexe_stats(v->server->cx, v->name, &s, NULL);
	if (r < 0)
		return r;
	line(out, "cpuNs", s.cpu_ns);
	line(out, "cpuUserNs", s.cpu_user_ns);
	line(out, "cpuSystemNs", s.cpu_system_ns);
	line(out, "cpuThrottledNs", s.cpu_throttled_ns);
	line(out, "memory", s.memory);
	line(out, "memoryLimit", s.memory_limit);
	line(out, "memoryPeak", s.memory_peak);
	line(out, "swap", s.swap);
	line(out, "pids", s.pids);
	line(out, "pidsLimit", s.pids_limit);
	line(out, "readBytes", s.read_bytes);
	line(out, "writtenBytes", s.written_bytes);
	line(out, "oomKills", s.oom_kills);
	return 0;
}

/* ---- what they take ---- */

static int write_state(struct server *s, const char *name, char *text, struct contexe_error *err)
{
	if (str_eq(text, "FROZEN"))
		return contexe_pause(s->cx, name, err);
	if (str_eq(text, "STOPPED"))
		return contexe_stop(s->cx, name, -1, err);
	if (!str_eq(text, "THAWED"))
		return -EINVAL;
	struct contexe_info info;
	int r = contexe_info(s->cx, name, &info, err);
	if (r < 0)
		return r;
	bool runs = info.state == CONTEXE_RUNNING;
	contexe_info_done(&info);
	return runs ? 0 : contexe_resume(s->cx, name, err);
}

/* As `contexe checkpoint -o PATH`: it ends when the image is complete. */
static int write_checkpoint(struct server *s, const char *name, char *text,
			    struct contexe_error *err)
{
	struct contexe_checkpoint_options opt = { .output = text, .output_fd = -1, .layer = -1 };
	struct contexe_checkpoint_result result;
	if (text[0] != '/') /* nobody knows whose working directory is meant */
		return -EINVAL;
	int r = contexe_checkpoint(s->cx, name, &opt, &result, err);
	contexe_checkpoint_result_free(&result);
	return r;
}

const struct node_file node_files[] = {
	{ "id", 0400, true, read_id, NULL },
	{ "init", 0400, true, read_init, NULL },
	{ "tasks", 0400, true, read_tasks, NULL },
	{ "vpids", 0400, true, read_vpids, NULL },
	{ "state", 0600, true, read_state, write_state },
	{ "events", 0400, true, NULL, NULL },
	{ "stat", 0400, false, read_stat, NULL },
	{ "checkpoint", 0200, false, NULL, write_checkpoint },
};
const size_t n_node_files = ARRAY_SIZE(node_files);

/* ---- reading any of them ---- */

/* Its name and number; "0" is the system container. Who is in no pid namespace below ours is of no container. */
static int control_text(struct server *s, pid_t reader, struct buf *out)
{
	char *name = NULL;
	unsigned number = 0;
	int r = reader > 0 ? contexe_whose(s->cx, reader, &name, &number, NULL) : -ESRCH;
	if (r < 0)
		return r;
	if (number)
		buf_printf(out, "%s %u\n", name, number);
	else
		buf_puts(out, "0\n");
	free(name);
	return 0;
}

static int limit_text(const struct view *v, unsigned index, struct buf *out)
{
	char *text;
	if (index >= v->server->n_limits)
		return -ENOENT;
	int r = contexe_limit(v->server->cx, v->name, v->server->limits[index], &text, NULL);
	if (r < 0)
		return r;
	if (*text)
		buf_printf(out, "%s\n", text);
	free(text);
	return 0;
}

int file_text(struct server *s, fuse_ino_t ino, pid_t reader, struct buf *out)
{
	struct view v;
	unsigned place = PLACE_OF(ino);
	if (ino == INO_CONTROL)
		return control_text(s, reader, out);
	int r = view_open(s, ino, &v);
	if (r < 0)
		return r;
	if (place >= PLACE_LIMIT)
		r = limit_text(&v, place - PLACE_LIMIT, out);
	else if (place >= PLACE_FILE && node_files[place - PLACE_FILE].read)
		r = node_files[place - PLACE_FILE].read(&v, out);
	view_done(&v);
	return r;
}
