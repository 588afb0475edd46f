/* SPDX-License-Identifier: Apache-2.0 */
/* nodes.c - which files there are, and whose. See server.h for the inode numbers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "fs/server.h"

const char *const node_namespaces[] = {
	"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"
};
const size_t n_node_namespaces = ARRAY_SIZE(node_namespaces);

static void find_limits(struct server *s)
{
	size_t n;
	const struct contexe_option *o = contexe_spec_options(&n);
	s->limits = xcalloc(n, sizeof(*s->limits));
	for (size_t i = 0; i < n && s->n_limits < PLACE_NS - PLACE_LIMIT; i++)
		if (str_eq(o[i].group, "Limits"))
			s->limits[s->n_limits++] = o[i].name;
}

void nodes_init(struct server *s)
{
	s->n_slots = SYSTEM_SLOT + 1; /* slot 0 is that of the inodes 1 and 2 */
	s->slots = xcalloc(s->n_slots, sizeof(*s->slots));
	s->slots[0].refs = s->slots[SYSTEM_SLOT].refs = 1;
	memcpy(s->slots[SYSTEM_SLOT].name, "0", 2);
	find_limits(s);
}

void nodes_done(struct server *s)
{
	free(s->slots);
	free(s->limits);
}

/* ---- slots ---- */

static bool is_of(const struct slot *slot, const struct contexe_info *info)
{
	return slot->refs && str_eq(slot->name, info->name) && str_eq(slot->id, info->id);
}

static size_t slot_for(struct server *s, const struct contexe_info *info)
{
	size_t at = SYSTEM_SLOT + 1, empty = 0;
	for (; at < s->n_slots && !is_of(&s->slots[at], info); at++)
		if (!s->slots[at].refs && !empty)
			empty = at;
	if (at < s->n_slots)
		return at;
	if (!empty) {
		empty = s->n_slots++;
		s->slots = xrealloc(s->slots, s->n_slots * sizeof(*s->slots));
		s->slots[empty] = (struct slot){ .refs = 0 };
	}
	struct slot *slot = &s->slots[empty];
	*slot = (struct slot){ .generation = slot->generation + 1 };
	(void)snprintf(slot->name, sizeof(slot->name), "%s", info->name);
	(void)snprintf(slot->id, sizeof(slot->id), "%s", info->id);
	return empty;
}

/* ---- views ---- */

int view_open(struct server *s, fuse_ino_t ino, struct view *ret)
{
	size_t at = SLOT_OF(ino);
	if (at < SYSTEM_SLOT || at >= s->n_slots)
		return -ENOENT;
	struct slot *slot = &s->slots[at];
	*ret = (struct view){ .server = s, .name = slot->name, .system = at == SYSTEM_SLOT };
	if (ret->system)
		return 0;
	int r = contexe_info(s->cx, slot->name, &ret->info, NULL);
	if (r == 0 && !slot->id[0]) /* it was still being made when it was looked up */
		(void)snprintf(slot->id, sizeof(slot->id), "%s", ret->info.id);
	if (r == 0 && !is_of(slot, &ret->info)) {
		contexe_info_done(&ret->info);
		r = -ENOENT;
	}
	return r;
}

void view_done(struct view *v)
{
	if (!v->system)
		contexe_info_done(&v->info);
}

/* Another user's containers are nobody's business; those in a container know of what is in there. */
bool may_see(struct server *s, const struct fuse_ctx *who, const char *name)
{
	if (who->uid != 0 && who->uid != s->uid)
		return false;
	if (str_eq(name, "0")) {
		unsigned number = 1;
		return contexe_whose(s->cx, who->pid, NULL, &number, NULL) == 0 && !number;
	}
	return contexe_sees(s->cx, who->pid, name);
}

int enter_container(struct server *s, const char *name, struct fuse_entry_param *ret)
{
	struct contexe_info info;
	size_t at = SYSTEM_SLOT;
	if (!str_eq(name, "0")) {
		int r = contexe_info(s->cx, name, &info, NULL);
		if (r < 0)
			return r;
		bool same = str_eq(info.name, name); /* not by its number */
		at = same ? slot_for(s, &info) : 0;
		contexe_info_done(&info);
		if (!same)
			return -ENOENT;
	}
	*ret = (struct fuse_entry_param){ .ino = at << 8 | PLACE_DIR,
					  .generation = s->slots[at].generation };
	s->slots[at].refs++;
	return fill_attr(s, ret->ino, &ret->attr);
}

/* ---- attributes ---- */

static mode_t mode_of(const struct server *s, fuse_ino_t ino)
{
	unsigned place = PLACE_OF(ino);
	if (ino == INO_ROOT)
		return S_IFDIR | 0755;
	if (ino == INO_CONTROL)
		return S_IFREG | 0644;
	if (place == PLACE_DIR || place == PLACE_LIMITS || place == PLACE_NS)
		return S_IFDIR | 0700;
	if (place < PLACE_LIMITS)
		return place - PLACE_FILE < n_node_files
			       ? S_IFREG | node_files[place - PLACE_FILE].mode
			       : 0;
	if (place < PLACE_NS)
		return place - PLACE_LIMIT < s->n_limits ? S_IFREG | 0600 : 0;
	return place - PLACE_NS_LINK < n_node_namespaces ? S_IFLNK | 0777 : 0;
}

int fill_attr(struct server *s, fuse_ino_t ino, struct stat *ret)
{
	struct view v;
	mode_t mode = mode_of(s, ino);
	*ret = (struct stat){
		.st_ino = ino,
		.st_mode = mode,
		.st_nlink = S_ISDIR(mode) ? 2 : 1,
		.st_uid = s->uid,
		.st_gid = s->gid,
	};
	/*
	 * How long it is shows when it is read. sendfile(2), which busybox's cat uses, reads nothing of what is said to be
	 * empty; of more than there is it finds the end.
	 */
	if (S_ISREG(mode) && (mode & 0400))
		ret->st_size = 4096;
	if (!mode)
		return -ENOENT;
	if (SLOT_OF(ino) == 0)
		return 0;
	int r = view_open(s, ino, &v);
	if (r < 0)
		return r;
	if (!v.system) {
		ret->st_ctim.tv_sec = (time_t)(v.info.created / 1000000000);
		ret->st_mtim = ret->st_atim = ret->st_ctim;
	}
	view_done(&v);
	return 0;
}
