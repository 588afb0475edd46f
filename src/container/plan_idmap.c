/* SPDX-License-Identifier: Apache-2.0 */
/* plan_idmap.c - see plan_idmap.h. */
#include "container/plan_idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "base/fd.h"
#include "base/parse.h"
#include "container/ns/ns.h"

/* What is being made: the maps' namespaces so far. */
struct mapping {
	struct plan *p;
	int own; /* with the container's own maps, when it was needed; -EBADF */
};

/* ---- idmap=uids=0-1000-1#...;gids=... (podman-run(1), crun(1)) ---- */

static int bad_text(const char *text, struct error *err)
{
	error_set(err, EINVAL, "'idmap=%s' is not understood", text);
	return error_hint(err,
			  "idmap=uids=ONDISK-OUTSIDE-COUNT#...;gids=..., with @ before a number "
			  "triple for ids as inside the container");
}

/* Ids of the container as the machine has them. */
static int to_outside(const struct spec_idmap *maps, size_t n, struct spec_idmap *m)
{
	for (size_t i = 0; i < n; i++) {
		if (m->host_id < maps[i].container_id ||
		    m->host_id - maps[i].container_id >= maps[i].size)
			continue;
		uint32_t at = m->host_id - maps[i].container_id;
		if (m->size > maps[i].size - at)
			return -ERANGE;
		m->host_id = maps[i].host_id + at;
		return 0;
	}
	return n ? -ERANGE : 0;
}

static int parse_ranges(struct arena *a, char *text, const struct spec_idmap *own, size_t n_own,
			struct spec_idmap **ret, size_t *ret_n)
{
	char *save = NULL;
	for (char *t = strtok_r(text, "#", &save); t; t = strtok_r(NULL, "#", &save)) {
		bool inside = *t == '@';
		char *parts[3] = { 0 }, *more = NULL;
		uint64_t v[3];
		size_t k = 0;
		for (char *q = strtok_r(t + inside, "-", &more); q; q = strtok_r(NULL, "-", &more))
			if (k < 3)
				parts[k++] = q;
			else
				return -EINVAL;
		for (size_t i = 0; i < 3; i++)
			if (!parts[i] || parse_u64(parts[i], 0, UINT32_MAX - 1, &v[i]) < 0)
				return -EINVAL;
		struct spec_idmap m = { (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2] };
		if (!m.size || (inside && to_outside(own, n_own, &m) < 0))
			return -EINVAL;
		struct spec_idmap *new = arena_grow(a, ret, ret_n, sizeof(**ret));
		*new = m;
	}
	return *ret_n ? 0 : -EINVAL;
}

static int parse_text(struct plan *p, const char *text, struct spec_linux *ret, struct error *err)
{
	const struct spec_linux *own = &p->spec->linux_;
	char *copy = arena_strdup(&p->arena, text), *save = NULL;
	int r = 0;
	for (char *t = strtok_r(copy, ";", &save); t && r == 0; t = strtok_r(NULL, ";", &save)) {
		if (str_has_prefix(t, "uids="))
			r = parse_ranges(&p->arena, t + 5, own->uid_mappings, own->n_uid_mappings,
					 &ret->uid_mappings, &ret->n_uid_mappings);
		else if (str_has_prefix(t, "gids="))
			r = parse_ranges(&p->arena, t + 5, own->gid_mappings, own->n_gid_mappings,
					 &ret->gid_mappings, &ret->n_gid_mappings);
		else
			r = -EINVAL;
	}
	/* one of the two alone stands for both */
	if (!ret->n_gid_mappings) {
		ret->gid_mappings = ret->uid_mappings;
		ret->n_gid_mappings = ret->n_uid_mappings;
	} else if (!ret->n_uid_mappings) {
		ret->uid_mappings = ret->gid_mappings;
		ret->n_uid_mappings = ret->n_gid_mappings;
	}
	return r < 0 || !ret->n_uid_mappings ? bad_text(text, err) : 0;
}

/* ---- the namespaces whose maps are used ---- */

static int own_userns(struct mapping *m, struct error *err)
{
	const struct spec_linux *l = &m->p->spec->linux_;
	if (m->own >= 0)
		return m->own;
	if (!l->n_uid_mappings || !l->n_gid_mappings) {
		error_set(err, EINVAL, "the container has no id maps that a volume could follow");
		return error_hint(err, "add --auto-userns or --uid-map, or say which: "
				       "idmap=uids=0-100000-65536");
	}
	return m->own = ns_make_userns(l, err);
}

static const struct spec_mount *mount_of(const struct plan *p, const struct mount_op *op)
{
	for (size_t i = 0; i < p->spec->n_mounts; i++) {
		const struct spec_mount *m = &p->spec->mounts[i];
		if (m->destination == op->destination && m->n_uid_maps && m->n_gid_maps)
			return m;
	}
	return NULL;
}

/* The namespace by which an operation's source is mapped; *ret_mine: to be closed after use. */
static int userns_of(struct mapping *m, const struct mount_op *op, const struct spec_mount *given,
		     int *ret_mine, struct error *err)
{
	struct spec_linux maps = { 0 };
	*ret_mine = FD_NONE;
	if (!given && !op->idmap_text)
		return own_userns(m, err);
	if (given) {
		maps.uid_mappings = given->uid_maps;
		maps.n_uid_mappings = given->n_uid_maps;
		maps.gid_mappings = given->gid_maps;
		maps.n_gid_mappings = given->n_gid_maps;
	} else {
		int r = parse_text(m->p, op->idmap_text, &maps, err);
		if (r < 0)
			return r;
	}
	return *ret_mine = ns_make_userns(&maps, err);
}

/* ---- volumes ---- */

static int explain(const char *what, const char *path, int r, struct error *err)
{
	switch (r) {
	case -ENOENT:
		error_set(err, ENOENT, "the %s does not exist", what);
		break;
	case -EINVAL:
	case -ENOSYS:
	case -EOPNOTSUPP:
		error_set(err, -r, "the file system of the %s cannot show files with other owners",
			  what);
		error_hint(err,
			   "say noidmap and give the files to ids of the container, or keep them "
			   "on ext4, xfs, btrfs or (since Linux 6.3) tmpfs");
		break;
	case -EPERM:
		error_set(err, EPERM, "only root of the machine may show the %s with other owners",
			  what);
		error_hint(err, "leave the option idmap out, or run as root");
		break;
	default:
		error_sys(err, -r, "cannot show the %s with other owners", what);
	}
	error_object(err, "%s", path);
	return r;
}

static int map_volume(struct mapping *m, struct mount_op *op, struct error *err)
{
	const struct spec_mount *given = mount_of(m->p, op);
	CLEANUP_FD int mine = FD_NONE;
	if (op->kind != MOUNT_BIND || op->source_fd >= 0 || !(op->idmap || given))
		return 0;
	int userns = userns_of(m, op, given, &mine, err);
	if (userns < 0)
		return error_object(err, "%s", op->destination);
	op->source_fd = rootfs_map_tree(op->source, op->recursive, op->idmap_rec,
					!op->source_no_follow, userns);
	if (op->source_fd >= 0)
		return 0;
	int r = op->source_fd;
	op->source_fd = FD_NONE;
	return explain("volume", op->source, r, err);
}

/* ---- the root ---- */

static int map_layer(const char *path, int userns, int *ret, struct error *err)
{
	*ret = rootfs_map_tree(path, false, false, true, userns);
	return *ret < 0 ? explain("root", path, *ret, err) : 0;
}

/* The whole tree of a directory; what cannot be mapped below it stays as it is. */
static int map_directory(const char *path, int userns, int *ret, struct error *err)
{
	*ret = rootfs_map_tree(path, true, true, true, userns);
	if (*ret == -EINVAL || *ret == -EPERM)
		*ret = rootfs_map_tree(path, true, false, true, userns);
	return *ret < 0 ? explain("root", path, *ret, err) : 0;
}

static int *no_fds(struct arena *a, size_t n)
{
	int *fds = arena_alloc(a, (n + 1) * sizeof(int));
	for (size_t i = 0; i <= n; i++)
		fds[i] = FD_NONE;
	return fds;
}

static int map_private(struct plan *p, int userns, struct rootfs_mapped *m, struct error *err)
{
	const char *slash = strrchr(p->rootfs.upper, '/');
	const char *dir =
		arena_printf(&p->arena, "%.*s", (int)(slash - p->rootfs.upper), p->rootfs.upper);
	return map_layer(dir, userns, &m->private, err);
}

static int map_root(struct mapping *mapping, struct error *err)
{
	struct plan *p = mapping->p;
	struct rootfs_plan *r = &p->rootfs;
	if (str_eq(p->spec->contexe.rootfs, "host") && !rootfs_can_map_host()) {
		error_set(err, ENOTSUP,
			  "this kernel cannot hide the machine's secrets from a mapped root");
		return error_hint(
			err, "Linux 6.6 can; make the container anew, or use --rootfs or --image");
	}
	int userns = own_userns(mapping, err);
	if (userns < 0)
		return userns;
	struct rootfs_mapped *m = arena_alloc(&p->arena, sizeof(*m));
	*m = (struct rootfs_mapped){ .root = FD_NONE,
				     .private = FD_NONE,
				     .lower = no_fds(&p->arena, r->n_lower),
				     .submounts = no_fds(&p->arena, r->n_submounts) };
	r->mapped = m;
	int e = r->overlay ? map_layer(r->root, userns, &m->root, err)
			   : map_directory(r->root, userns, &m->root, err);
	for (size_t i = 0; e == 0 && i < r->n_lower; i++)
		e = map_layer(r->lower[i], userns, &m->lower[i], err);
	/* another disk of the machine may be unable to: its files are nobody's then */
	for (size_t i = 0; e == 0 && i < r->n_submounts; i++) {
		int fd = rootfs_map_tree(r->submounts[i], false, false, true, userns);
		m->submounts[i] = fd < 0 ? FD_NONE : fd;
	}
	return e == 0 && r->upper ? map_private(p, userns, m, err) : e;
}

int plan_map_ids(struct plan *p, struct error *err)
{
	struct mapping m = { .p = p, .own = FD_NONE };
	int r = p->spec->contexe.idmap ? map_root(&m, err) : 0;
	for (size_t i = 0; r == 0 && i < p->rootfs.n_ops; i++)
		r = map_volume(&m, &p->rootfs.ops[i], err);
	fd_close(m.own);
	return r;
}

void plan_close_mapped(const struct plan *p)
{
	const struct rootfs_mapped *m = p->rootfs.mapped;
	for (size_t i = 0; i < p->rootfs.n_ops; i++)
		fd_close(p->rootfs.ops[i].source_fd);
	if (!m)
		return;
	fd_close(m->root);
	fd_close(m->private);
	for (size_t i = 0; i < p->rootfs.n_lower; i++)
		fd_close(m->lower[i]);
	for (size_t i = 0; i < p->rootfs.n_submounts; i++)
		fd_close(m->submounts[i]);
}

bool plan_can_map(const struct spec_linux *maps, const char *const *paths, size_t n)
{
	struct error ignored;
	CLEANUP_FD int userns = ns_make_userns(maps, &ignored);
	bool can = userns >= 0;
	for (size_t i = 0; can && i < n; i++) {
		CLEANUP_FD int mnt =
			paths[i] ? rootfs_map_tree(paths[i], false, false, true, userns) : FD_NONE;
		can = !paths[i] || mnt >= 0;
	}
	return can;
}
