/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c - see store.h: an image comes into the store.
 *
 * The helper unpacks into a directory of its own below tmp/. Only when all of it is there and verified do the
 * layers move into place, then the record is written, then the names: whatever is interrupted, an image
 * that can be found is whole.
 */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "image/digest.h"
#include "image/doc.h"
#include "image/gc.h"
#include "image/name.h"
#include "image/record.h"
#include "image/storedir.h"
#include "image/unpacker.h"

/*
 * Whether layers must be in the form for user namespaces: overlayfs' own trusted.* attributes are for
 * CAP_SYS_ADMIN in the first user namespace only. Asked by removing one that is not there (xattr(7)).
 */
static bool is_rootless(const struct store *s)
{
	if (fremovexattr(s->tmp, "trusted.overlay.contexe") == 0 || errno == ENODATA)
		return false;
	return errno == EPERM || geteuid() != 0;
}

static int read_record(int work, const char *id, struct image *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(work, "image.json", DOC_MAX_SIZE, &text);
	if (r < 0)
		return error_sys(err, -r, "cannot read what contexe-unpack wrote");
	r = record_parse(buf_str(&text), text.len, ret, err);
	if (r == 0 && strcmp(ret->id, id) != 0) {
		image_done(ret);
		return error_set(err, EBADMSG, "contexe-unpack wrote another image than it said");
	}
	return r;
}

/* Moves one layer from the work directory into place, unless it is there already. */
static int place_layer(const struct store *s, int work, const char *diff_id, struct error *err)
{
	struct digest d;
	struct stat st;

	if (!digest_parse(diff_id, &d))
		return error_set(err, EBADMSG, "\"%.80s\" is not a digest", diff_id);
	if (store_has_layer(s, &d))
		return 0;
	if (mkdirat(s->layers, d.algorithm, 0700) < 0 && errno != EEXIST)
		return error_sys(err, errno, "cannot make layers/%s", d.algorithm);
	CLEANUP_FD int from =
		openat(work, d.algorithm, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int to =
		openat(s->layers, d.algorithm, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return error_sys(err, errno, "layer %.80s is missing", diff_id);
	if (fstatat(from, d.hex, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return error_set(err, EBADMSG, "layer %.80s is missing", diff_id);
	if (renameat(from, d.hex, to, d.hex) < 0)
		return error_sys(err, errno, "cannot move layer %.80s into place", diff_id);
	return 0;
}

static int write_record(const struct store *s, struct image *img, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	char now[TIMESTAMP_SIZE], file[IMAGE_RECORD_SIZE];

	img->imported = arena_strdup(&img->arena, timestamp_format(timestamp_now(), now));
	record_print(img, &text);
	return store_put(s, s->images, store_record_name(img->id, file), text.data, text.len, err);
}

static int write_tag(const struct store *s, const char *name, const char *id, struct error *err)
{
	char file[IMAGE_FILE_SIZE], line[72];
	image_name_to_file(name, file);
	int n = snprintf(line, sizeof(line), "%.64s\n", id);
	return store_put(s, s->tags, file, line, (size_t)n, err);
}

/* The names it gets: the one asked for, or those found inside, or one made from the path. */
static int write_tags(const struct store *s, const struct unpacked *u, const char *name,
		      const char *path, struct error *err)
{
	char normal[IMAGE_NAME_SIZE];
	size_t written = 0;

	if (name)
		return write_tag(s, name, u->id, err);
	for (size_t i = 0; i < u->names.n; i++) {
		if (image_name_from_inside(u->names.v[i], path, normal) < 0)
			continue;
		int r = write_tag(s, normal, u->id, err);
		if (r < 0)
			return r;
		written++;
	}
	if (written)
		return 0;
	image_name_from_path(path, NULL, normal);
	return write_tag(s, normal, u->id, err);
}

/* Takes over what was unpacked. The caller holds "busy" shared. */
static int commit(const struct store *s, const struct unpacked *u, const char *name,
		  const char *path, struct error *err)
{
	CLEANUP_IMAGE struct image img = { 0 };
	CLEANUP_FD int work =
		openat(s->tmp, u->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (work < 0)
		return error_sys(err, errno, "cannot open tmp/%s of the image store", u->work);
	int r = read_record(work, u->id, &img, err);
	if (r < 0)
		return r;
	/* After a power failure a recorded image must not have empty files. */
	if (syncfs(work) < 0)
		return error_sys(err, errno, "cannot write the layers to the disk");

	CLEANUP_FD int lock = store_lock(s, "lock", LOCK_EX, err);
	if (lock < 0)
		return lock;
	for (size_t i = 0; i < img.layers.n && r == 0; i++)
		r = place_layer(s, work, img.layers.v[i], err);
	if (r == 0)
		r = write_record(s, &img, err);
	return r < 0 ? r : write_tags(s, u, name, path, err);
}

static int import_into(const struct store *s, const char *store_dir, const char *path,
		       const char *name, image_progress_fn *progress, void *progress_arg,
		       char **ret_id, struct error *err)
{
	struct unpacked u = { 0 };
	CLEANUP_FD int busy = store_lock(s, "busy", LOCK_SH, err);
	if (busy < 0)
		return busy;
	int r = unpacker_run(store_dir, path, name, is_rootless(s), progress, progress_arg, &u,
			     err);
	if (r == 0)
		r = commit(s, &u, name, path, err);
	if (r == 0)
		*ret_id = xstrdup(u.id);
	if (u.work[0] && file_remove_tree(s->tmp, u.work) < 0)
		errno = 0; /* the collector tries again */
	arena_done(&u.arena);
	return r;
}

int image_import(const char *store_dir, const char *path, const char *name,
		 image_progress_fn *progress, void *progress_arg, char **ret_id, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;
	char normal[IMAGE_NAME_SIZE];

	int r = name ? image_name_normalise(name, normal, err) : 0;
	if (r == 0)
		r = store_open(store_dir, true, &s, err);
	if (r == 0) {
		gc_try(&s); /* makes room first: rests of imports that were killed */
		r = import_into(&s, store_dir, path, name ? normal : NULL, progress, progress_arg,
				ret_id, err);
		gc_try(&s);
	}
	if (r < 0) {
		error_object(err, "%s", path);
		error_what(err, "cannot import the image");
	}
	return r;
}
