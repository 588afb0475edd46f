/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - see store.h: what the store holds, found, listed and removed. Importing is import.c. */
#include "image/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "image/digest.h"
#include "image/gc.h"
#include "image/name.h"
#include "image/storedir.h"

#define PREFIX_MIN 4 /* digits of an id that are enough to mean it */

char *image_layer_path(const char *store_dir, const char *diff_id, struct arena *arena)
{
	char resolved[PATH_MAX];
	struct digest d;

	if (!digest_parse(diff_id, &d))
		return NULL;
	if (store_dir[0] != '/' && realpath(store_dir, resolved))
		store_dir = resolved;
	return arena_printf(arena, "%s/layers/%s/%s", store_dir, d.algorithm, d.hex);
}

/* ---- a reference is resolved to one id ---- */

struct resolved {
	char id[65];
	char name[IMAGE_NAME_SIZE]; /* the name that matched; "" when it was an id */
};

static int not_found(const char *ref, struct error *err)
{
	error_set(err, ENOENT, "there is no such image");
	error_object(err, "%s", ref);
	error_hint(err, "`contexe image ls` lists what is there; `contexe image import` takes an "
			"OCI layout or a "
			"docker archive");
	return -ENOENT;
}

static int ambiguous(const char *ref, const char *one, const char *other, struct error *err)
{
	error_set(err, ENOTUNIQ, "could be %s or %s", one, other);
	error_object(err, "%s", ref);
	error_hint(err, "write more of it");
	return -ENOTUNIQ;
}

/* 1: found, 0: no name like that, or -ENOTUNIQ. */
static int resolve_name(const struct spec_pairs *tags, const char *ref, struct resolved *ret,
			struct error *err)
{
	const struct spec_pair *best = NULL, *rival = NULL;
	enum image_match how = IMAGE_MATCH_NONE;

	for (size_t i = 0; i < tags->n; i++) {
		const struct spec_pair *tag = &tags->v[i];
		enum image_match m = image_name_match(tag->key, ref);
		if (m == IMAGE_MATCH_NONE || m < how)
			continue;
		if (!best || m > how) {
			best = tag;
			rival = NULL;
			how = m;
		} else if (strcmp(best->value, tag->value) != 0) {
			rival = tag;
		}
	}
	if (rival)
		return ambiguous(ref, best->key, rival->key, err);
	if (!best)
		return 0;
	(void)snprintf(ret->id, sizeof(ret->id), "%s", best->value);
	(void)snprintf(ret->name, sizeof(ret->name), "%s", best->key);
	return 1;
}

static int resolve_id(const struct strings *ids, const char *ref, struct resolved *ret,
		      struct error *err)
{
	const char *found = NULL;
	const char *prefix = str_has_prefix(ref, "sha256:") ? ref + strlen("sha256:") : ref;
	size_t n = strlen(prefix);

	if (n < PREFIX_MIN || n > 64 || !digest_is_hex(prefix, n))
		return not_found(ref, err);
	for (size_t i = 0; i < ids->n; i++) {
		if (strncmp(ids->v[i], prefix, n) != 0)
			continue;
		if (found)
			return ambiguous(ref, found, ids->v[i], err);
		found = ids->v[i];
	}
	if (!found)
		return not_found(ref, err);
	(void)snprintf(ret->id, sizeof(ret->id), "%s", found);
	ret->name[0] = '\0';
	return 0;
}

static int resolve(const struct store *s, const char *ref, struct resolved *ret, struct error *err)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct spec_pairs tags = { 0 };
	struct strings ids = { 0 };

	int r = store_tags(s, &arena, &tags, err);
	if (r < 0)
		return r;
	r = resolve_name(&tags, ref, ret, err);
	if (r != 0)
		return MIN(r, 0);
	r = store_ids(s, &arena, &ids, err);
	return r < 0 ? r : resolve_id(&ids, ref, ret, err);
}

int image_find(const char *store_dir, const char *ref, struct image *ret, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;
	struct resolved found;

	int r = store_open(store_dir, false, &s, err);
	if (r == -ENOENT) /* nothing was ever imported */
		return not_found(ref, err);
	if (r == 0)
		r = resolve(&s, ref, &found, err);
	if (r < 0)
		return r;
	r = store_load(&s, found.id, ret, err);
	return r == -ENOENT ? not_found(ref, err) : r; /* removed between the two steps */
}

/* ---- listing ---- */

static int newest_first(const void *a, const void *b)
{
	const struct image *x = a, *y = b;
	int c = strcmp(y->imported ? y->imported : "", x->imported ? x->imported : "");
	return c ? c : strcmp(x->id, y->id);
}

int image_list(const char *store_dir, struct image **ret, size_t *ret_n, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;
	CLEANUP_ARENA struct arena arena = { 0 };
	struct strings ids = { 0 };
	struct error none;

	int r = store_open(store_dir, false, &s, &none);
	if (r == 0)
		r = store_ids(&s, &arena, &ids, err);
	else if (r != -ENOENT && err)
		*err = none;
	if (r < 0 && r != -ENOENT)
		return r;

	struct image *list = xcalloc(ids.n + 1, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < ids.n;
	     i++) { /* one that is damaged, or removed just now, is left out */
		if (store_load(&s, ids.v[i], &list[n], NULL) == 0)
			n++;
	}
	qsort(list, n, sizeof(*list), newest_first);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- removing ---- */

static int unlink_in(int dirfd, const char *file, struct error *err)
{
	if (unlinkat(dirfd, file, 0) < 0 && errno != ENOENT)
		return error_sys(err, errno, "cannot remove %s from the image store", file);
	return 0;
}

static int remove_tag(const struct store *s, const char *name, struct error *err)
{
	char file[IMAGE_FILE_SIZE];
	image_name_to_file(name, file);
	return unlink_in(s->tags, file, err);
}

/* The names first: an image without one is still listed and can be removed, a name that points nowhere
 * would come to life again with the next import of that image. */
static int remove_whole(const struct store *s, const char *id, const struct spec_pairs *tags,
			struct error *err)
{
	char file[IMAGE_RECORD_SIZE];
	int r = 0;
	for (size_t i = 0; i < tags->n && r == 0; i++) {
		if (strcmp(tags->v[i].value, id) == 0)
			r = remove_tag(s, tags->v[i].key, err);
	}
	return r < 0 ? r : unlink_in(s->images, store_record_name(id, file), err);
}

static int remove_locked(const struct store *s, const char *ref,
			 bool (*in_use)(void *arg, const char *id), void *arg, struct error *err)
{
	CLEANUP_ARENA struct arena arena = { 0 };
	struct spec_pairs tags = { 0 };
	struct resolved found;

	int r = resolve(s, ref, &found, err);
	if (r == 0)
		r = store_tags(s, &arena, &tags, err);
	if (r < 0)
		return r;
	size_t names = 0;
	for (size_t i = 0; i < tags.n; i++)
		names += strcmp(tags.v[i].value, found.id) == 0;
	if (found.name[0] && names > 1)
		return remove_tag(s, found.name, err);
	if (in_use && in_use(arg, found.id)) {
		error_set(err, EBUSY, "a container uses the image");
		error_object(err, "%s", ref);
		error_hint(err, "remove the container first");
		return -EBUSY;
	}
	return remove_whole(s, found.id, &tags, err);
}

int image_remove(const char *store_dir, const char *ref, bool (*in_use)(void *arg, const char *id),
		 void *arg, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;

	int r = store_open(store_dir, false, &s, err);
	if (r == -ENOENT)
		return not_found(ref, err);
	if (r < 0)
		return r;
	CLEANUP_FD int lock = store_lock(&s, "lock", LOCK_EX, err);
	if (lock < 0)
		return lock;
	r = remove_locked(&s, ref, in_use, arg, err);
	lock = fd_close(lock);
	if (r == 0)
		gc_try(&s);
	return r;
}
