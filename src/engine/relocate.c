/* SPDX-License-Identifier: Apache-2.0 */
/* relocate.c - a spec moves to another state directory. */
#include "engine/relocate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "engine/hostroot.h"

struct moved {
	struct spec *spec;
	const char *from, *to; /* whole paths: a directory was there and is here */
};

static char *moved_path(const struct moved *m, char *path)
{
	size_t n = strlen(m->from);
	if (!path || strncmp(path, m->from, n) != 0 || path[n] != '/')
		return path;
	return arena_printf(&m->spec->arena, "%s%s", m->to, path + n);
}

static void move_mounts(const struct moved *m)
{
	for (size_t i = 0; i < m->spec->n_mounts; i++)
		m->spec->mounts[i].source = moved_path(m, m->spec->mounts[i].source);
}

static void move_layers(const struct moved *m)
{
	struct spec *s = m->spec;
	s->root_path = moved_path(m, s->root_path);
	for (size_t i = 0; i < s->contexe.lower.n; i++)
		s->contexe.lower.v[i] = moved_path(m, s->contexe.lower.v[i]);
}

/* The first layer that is not there; NULL: all are. */
static const char *missing_layer(const struct spec *s)
{
	for (size_t i = 0; i < s->contexe.lower.n; i++)
		if (access(s->contexe.lower.v[i], F_OK) < 0)
			return s->contexe.lower.v[i];
	return s->root_path && access(s->root_path, F_OK) < 0 ? s->root_path : NULL;
}

static int need_layers(struct spec *s, const struct root *root, struct error *err)
{
	const char *missing = missing_layer(s);
	if (!missing)
		return 0;
	if (str_eq(s->contexe.rootfs, "host")) {
		bool userns = s->linux_.n_uid_mappings || !root->privileged || root->in_userns;
		s->contexe.lower.n = 0;
		return hostroot_apply(root, s, userns, err);
	}
	error_set(err, ENOENT, "the container's root file system is not on this machine");
	error_object(err, "%s", missing);
	if (!str_eq(s->contexe.rootfs, "image"))
		return error_hint(err, "bring the directory here, to the same path");
	return error_hint(err, "import the image %s first: contexe image import",
			  s->contexe.image ? s->contexe.image : "it was made from");
}

int relocate(struct spec *spec, const char *was, const struct container *c, struct error *err)
{
	const char *end = strrchr(was, '/'); /* ROOT/containers/NAME */
	while (end && end > was && end[-1] != '/')
		end--;
	if (end && end > was) {
		const char *root = arena_printf(&spec->arena, "%.*s", (int)(end - 1 - was), was);
		const char *here =
			arena_printf(&spec->arena, "%s/containers/%s", c->root->path, c->name);
		move_mounts(&(struct moved){ spec, was, here });
		move_layers(&(struct moved){ spec, root, c->root->path });
	}
	return need_layers(spec, c->root, err);
}
