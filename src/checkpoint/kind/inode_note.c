/* SPDX-License-Identifier: Apache-2.0 */
/* inode_note.c - see inode_note.h. */
#include "checkpoint/kind/inode_note.h"

struct note {
	struct note *next;
	const void *tag;
	void *data;
};

void *inode_note(struct collect *c, const struct stat *st, const void *tag, size_t size,
		 uint64_t *ret_id)
{
	bool is_new;
	struct object *inode = objects_inode(c->objects, st->st_dev, st->st_ino, &is_new);
	if (ret_id)
		*ret_id = inode->id;
	for (struct note *n = inode->data; n; n = n->next)
		if (n->tag == tag)
			return n->data;
	struct note *n = arena_alloc(c->arena, sizeof(*n));
	*n = (struct note){ .next = inode->data, .tag = tag, .data = arena_alloc(c->arena, size) };
	inode->data = n;
	return n->data;
}
