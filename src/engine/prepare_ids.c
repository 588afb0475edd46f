/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prepare_ids.c - whose files are whose: which ids a container has outside, and whether its root is shown by
 * id-mapped mounts. See prepare.h.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "container/plan_idmap.h"
#include "container/rootfs/rootfs.h"
#include "engine/idrange.h"
#include "engine/prepare.h"

int prepare_ids(const struct root *root, struct spec *s, const struct container *c,
		struct error *err)
{
	bool joins = false; /* those ids are another's, and noted for that one */
	for (size_t i = 0; i < s->contexe.join.n; i++)
		joins = joins || str_has_prefix(strrchr(s->contexe.join.v[i], ':'), ":user");
	if (s->contexe.auto_userns.set && s->contexe.auto_userns.v)
		return idrange_take(root, c ? c->name : NULL, c ? c->id : NULL, s, err);
	return s->linux_.n_uid_mappings && !joins && c ? idrange_note(root, c->name, c->id, s, err)
						       : 0;
}

static bool is_outside(const struct spec_idmap *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].host_id && id - map[i].host_id < map[i].size)
			return true;
	return false;
}

/*
 * Only root of the machine can map what belongs to the machine. A directory that was given to ids of the container
 * beforehand (chown) is taken as it is.
 */
void prepare_idmap(const struct root *root, struct spec *s, const char *lowest)
{
	const struct spec_linux *l = &s->linux_;
	struct stat st;
	/* the private layer lies below the state root */
	const char *const paths[] = { lowest, root->path };
	s->contexe.idmap = root->privileged && !root->in_userns && l->n_uid_mappings &&
			   l->n_gid_mappings && stat(lowest, &st) == 0 &&
			   !is_outside(l->uid_mappings, l->n_uid_mappings, st.st_uid) &&
			   (s->root_path || rootfs_can_map_host()) &&
			   plan_can_map(l, paths, ARRAY_SIZE(paths));
}

/* A range that nobody knows beforehand is of no use for files: --auto-userns shows volumes with the ids inside. */
void prepare_volumes(const struct root *root, struct spec *s)
{
	if (!s->contexe.auto_userns.set || !root->privileged || root->in_userns)
		return;
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct spec_mount *m = &s->mounts[i];
		bool said = !str_eq(m->type, "bind");
		for (size_t k = 0; k < m->options.n; k++) {
			const char *o = m->options.v[k];
			said = said || str_has_prefix(o, "idmap") || str_has_prefix(o, "ridmap") ||
			       str_eq(o, "noidmap");
		}
		if (!said)
			strings_add(&s->arena, &m->options, "idmap");
	}
}
