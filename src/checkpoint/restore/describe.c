/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - what is in an image, for people: `contexe inspect FILE`. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "checkpoint/restore/restore_state.h"

static void add_size(struct buf *out, uint64_t bytes)
{
	static const char units[] = "KMGT";
	double v = (double)bytes / 1024;
	size_t u = 0;
	while (v >= 1024 && u + 1 < sizeof(units) - 1) {
		v /= 1024;
		u++;
	}
	buf_printf(out, "%.1f %ciB", v, units[u]);
}

static void describe_file(const struct restored_file *f, struct buf *out)
{
	buf_printf(out, "%s", f->kind ? f->kind->name : "external");
	if (!f->kind)
		buf_printf(out, " '%s'", f->record.external);
	else if (f->record.name)
		buf_printf(out, " %s", f->record.name);
	if (f->kind && f->kind->describe) {
		buf_puts(out, " ");
		f->kind->describe(f->data, out);
	}
	buf_putc(out, '\n');
}

static void describe_fds(const struct restore *r, const struct restored_task *t, int depth,
			 struct buf *out)
{
	const struct fd_record *v = t->files.fds.v;
	for (size_t i = 0; i < t->files.fds.n; i++) {
		buf_printf(out, "%*s  fd %-4d ", depth * 2, "", (int)v[i].number);
		describe_file(&r->files[restored_file_index(r, v[i].file)], out);
	}
}

static void describe_task(const struct restore *r, const struct restored_task *t, int depth,
			  struct buf *out)
{
	buf_printf(out, "%*s%d (%s)", depth * 2, "", t->record.pid, t->record.comm);
	if (t->record.host)
		buf_printf(out, ", host pid %d", t->record.host);
	if (!str_eq(t->record.state, "running"))
		buf_printf(out, ", %s", t->record.state);
	if (t->n_threads > 1)
		buf_printf(out, ", %zu threads", t->n_threads);
	if (t->record.sid == t->record.pid)
		buf_puts(out, ", leads a session");
	if (t->memory) {
		buf_puts(out, ", ");
		add_size(out, memory_bytes(t->memory));
		buf_puts(out, " of its own memory");
	}
	buf_putc(out, '\n');
	describe_fds(r, t, depth, out);
}

static void describe_below(const struct restore *r, pid_t parent, int depth, struct buf *out)
{
	for (size_t i = 0; i < r->n_tasks; i++)
		if (r->tasks[i].record.ppid == parent) {
			describe_task(r, &r->tasks[i], depth, out);
			if (depth < 64) /* a chain that is longer is shown as far */
				describe_below(r, r->tasks[i].record.pid, depth + 1, out);
		}
}

void restore_describe(const struct restore *r, struct buf *out)
{
	uint64_t pages = 0;
	for (size_t i = 0; i < r->n_tasks; i++)
		pages += r->tasks[i].memory ? memory_bytes(r->tasks[i].memory) : 0;
	buf_printf(out, "processes  %zu, threads %u, open files %zu, memory ", r->n_tasks,
		   r->n_threads, r->n_files);
	add_size(out, pages);
	buf_puts(out, "\n\n");
	describe_below(r, 0, 0, out);
}
