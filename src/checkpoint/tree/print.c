/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a plan looked at: one birth, who bore it, all of it as text. See tree.h. */
#include "checkpoint/tree/tree.h"

struct birth *tree_find(const struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i]->task && t->v[i]->pid == pid)
			return t->v[i];
	return NULL;
}

const struct birth *birth_origin(const struct birth *b)
{
	for (b = b->forker; b && !b->task; b = b->forker)
		;
	return b;
}

void tree_print(const struct tree *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct birth *b = t->v[i];
		buf_printf(out, "%d", (int)b->pid);
		if (b->task)
			buf_printf(out, " (%s)", b->task->comm);
		else
			buf_puts(out, " (helper)");
		if (b->forker)
			buf_printf(out, " forked by %d", (int)b->forker->pid);
		if (b->new_pidns)
			buf_puts(out, ", new pid namespace");
		if (b->setsid && b->forker)
			buf_puts(out, ", setsid");
		if (b->makes_group)
			buf_puts(out, ", leads a group");
		if (b->joins || b->forker_joins)
			buf_printf(out, ", joins group %d%s",
				   (int)(b->joins ? b->joins : b->forker_joins),
				   b->joins_late ? " at last" : "");
		if (b->adopts)
			buf_puts(out, ", adopts orphans");
		if (b->orphaned)
			buf_printf(out, ", left to %d", (int)b->parent);
		if (b->zombie)
			buf_puts(out, ", ends as a zombie");
		buf_putc(out, '\n');
	}
}
