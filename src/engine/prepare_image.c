/* SPDX-License-Identifier: Apache-2.0 */
/* prepare_image.c - an image's layers and configuration into a spec. OCI image-spec, config.md. See prepare.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/parse.h"
#include "engine/defaults.h"
#include "engine/prepare.h"
#include "image/store.h"

static void add_all(struct spec *s, struct strings *to, const struct strings *from)
{
	for (size_t i = 0; i < from->n; i++)
		strings_add(&s->arena, to, from->v[i]);
}

/* Layers come lowest first; an overlay wants the topmost first, and the lowest is the root. */
static void take_layers(struct spec *s, const struct image *img, const char *store)
{
	s->contexe.overlay = true;
	for (size_t i = img->layers.n; i-- > 1;)
		strings_add(&s->arena, &s->contexe.lower,
			    image_layer_path(store, img->layers.v[i], &s->arena));
	s->root_path = image_layer_path(store, img->layers.v[0], &s->arena);
}

static void take_program(struct contexe_spec *cs, const struct image *img)
{
	struct spec *s = &cs->spec;
	bool other_entry = cs->entrypoint != NULL;
	if (other_entry && *cs->entrypoint)
		strings_add(&s->arena, &s->process.args, cs->entrypoint);
	else if (!other_entry)
		add_all(s, &s->process.args, &img->entrypoint);
	/* another entrypoint makes the image's arguments meaningless, as with podman */
	add_all(s, &s->process.args, cs->command.n || other_entry ? &cs->command : &img->cmd);
	add_all(s, &s->process.env, &img->env);
	if (!cs->user && img->user && *img->user)
		cs->user = arena_strdup(&s->arena, img->user);
	if (!cs->workdir && img->working_dir && img->working_dir[0] == '/')
		cs->workdir = arena_strdup(&s->arena, img->working_dir);
	if (!s->contexe.stop_signal && img->stop_signal && *img->stop_signal)
		s->contexe.stop_signal = arena_strdup(&s->arena, img->stop_signal);
	for (size_t i = 0; i < img->labels.n; i++)
		if (!pairs_get(&s->annotations, img->labels.v[i].key))
			pairs_set(&s->arena, &s->annotations, img->labels.v[i].key,
				  img->labels.v[i].value);
}

/* Each volume is a directory of the container's own, filled with what the image has there. */
static int take_volumes(struct spec *s, const struct image *img, struct container *c,
			struct error *err)
{
	for (size_t i = 0; i < img->volumes.n; i++) {
		const char *inside = img->volumes.v[i];
		bool given = false;
		for (size_t k = 0; k < s->n_mounts; k++)
			given = given || str_eq(s->mounts[k].destination, inside);
		if (given || inside[0] != '/' || !c)
			continue;
		char name[32];
		(void)snprintf(name, sizeof(name), "volume.%zu", i);
		if (mkdirat(c->dir, name, 0755) < 0 && errno != EEXIST)
			return error_sys(err, errno, "cannot make the volume %s", inside);
		CLEANUP_STR char *source =
			xasprintf("%s/containers/%s/%s", c->root->path, c->name, name);
		default_mount(s, inside, "bind", source,
			      (const char *const[]){ "bind", "nodev", "tmpcopyup",
						     s->contexe.idmap ? "idmap" : NULL, NULL });
	}
	return 0;
}

int prepare_image(const struct root *root, struct contexe_spec *cs, struct container *c,
		  struct error *err)
{
	struct image img CLEANUP_IMAGE = { 0 };
	CLEANUP_STR char *store = root_path(root, "images");
	int r = image_find(store, cs->image, &img, err);
	if (r < 0)
		return r;
	if (!img.layers.n) {
		error_set(err, EINVAL, "the image has no layers");
		return error_object(err, "%s", cs->image);
	}
	struct spec *s = &cs->spec;
	s->contexe.rootfs = "image";
	s->contexe.image = arena_strdup(&s->arena, cs->image);
	s->contexe.image_id = arena_strdup(&s->arena, img.id);
	take_layers(s, &img, store);
	prepare_idmap(root, s, s->root_path);
	take_program(cs, &img);
	return take_volumes(s, &img, c, err);
}
