/* SPDX-License-Identifier: Apache-2.0 */
/* storedir.c - see storedir.h. */
#include "image/storedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/doc.h"
#include "image/name.h"
#include "image/record.h"

#define STORE_MODE 0700

static const struct {
	const char *name;
	size_t offset;
} directories[] = {
	{ "layers", offsetof(struct store, layers) },
	{ "images", offsetof(struct store, images) },
	{ "tags", offsetof(struct store, tags) },
	{ "tmp", offsetof(struct store, tmp) },
};

void store_done(struct store *s)
{
	s->dir = fd_close(s->dir);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		int *fd = (int *)((char *)s + directories[i].offset);
		*fd = fd_close(*fd);
	}
}

static int open_directory(int dirfd, const char *name, bool create)
{
	if (create && mkdirat(dirfd, name, STORE_MODE) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_all(const char *path, bool create, struct store *s)
{
	int r = create ? file_mkdirs(AT_FDCWD, path, STORE_MODE) : 0;
	if (r < 0)
		return r;
	s->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		int fd = open_directory(s->dir, directories[i].name, create);
		if (fd < 0)
			return fd;
		*(int *)((char *)s + directories[i].offset) = fd;
	}
	return 0;
}

int store_open(const char *path, bool create, struct store *ret, struct error *err)
{
	CLEANUP_STORE struct store s = STORE_NONE;

	int r = open_all(path, create, &s);
	if (r < 0) {
		error_sys(err, -r, "cannot %s the image store", create ? "make" : "open");
		error_object(err, "%s", path);
		if (r == -EACCES || r == -EPERM || r == -EROFS)
			error_hint(err, "run it as the store's owner, or choose another state "
					"directory with --root");
		return r;
	}
	*ret = s;
	s = STORE_NONE;
	return 0;
}

int store_lock(const struct store *s, const char *name, int operation, struct error *err)
{
	CLEANUP_FD int fd = openat(s->dir, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, errno, "cannot open the image store's lock file %s", name);
	while (flock(fd, operation) < 0) {
		if (errno != EINTR)
			return error_sys(err, errno, "cannot lock the image store");
	}
	return take_fd(&fd);
}

const char *store_record_name(const char *id, char *buf)
{
	(void)snprintf(buf, IMAGE_RECORD_SIZE, "%.64s.json", id);
	return buf;
}

static int add_names(const struct store *s, struct image *img, struct error *err)
{
	struct spec_pairs tags = { 0 };
	int r = store_tags(s, &img->arena, &tags, err);
	for (size_t i = 0; i < tags.n && r == 0; i++) {
		if (strcmp(tags.v[i].value, img->id) == 0)
			strings_add(&img->arena, &img->names, tags.v[i].key);
	}
	return r;
}

int store_load(const struct store *s, const char *id, struct image *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_IMAGE struct image img = { 0 };
	char file[IMAGE_RECORD_SIZE];

	int r = file_read(s->images, store_record_name(id, file), DOC_MAX_SIZE, &text);
	if (r < 0) {
		error_sys(err, -r, "cannot read the image's record");
		error_object(err, "images/%s", file);
		return r;
	}
	r = record_parse(buf_str(&text), text.len, &img, err);
	if (r == 0 && strcmp(img.id, id) != 0)
		r = error_set(err, EBADMSG, "the record is that of image %s", img.id);
	if (r < 0) {
		error_object(err, "images/%s", file);
		error_hint(err, "remove the image %.12s and import it again", id);
		return r;
	}
	r = add_names(s, &img, err);
	if (r < 0)
		return r;
	*ret = img;
	img = (struct image){ 0 };
	return 0;
}

int store_put(const struct store *s, int dirfd, const char *file, const void *data, size_t size,
	      struct error *err)
{
	char tmp[32];
	(void)snprintf(tmp, sizeof(tmp), "record.%d", getpid());
	int r = file_replace(s->tmp, tmp, 0600, data, size);
	if (r == 0 && renameat(s->tmp, tmp, dirfd, file) < 0) {
		r = -errno;
		(void)unlinkat(s->tmp, tmp, 0);
	}
	return r < 0 ? error_sys(err, -r, "cannot write %s in the image store", file) : 0;
}

/* Calls visit for every entry of a directory that is not dot or dot-dot. */
static int each_entry(int dirfd, int (*visit)(void *arg, int dirfd, const char *name), void *arg,
		      struct error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int e = errno;
		fd_close(fd);
		return error_sys(err, e, "cannot list the image store");
	}
	int r = 0;
	struct dirent *de;
	while (r == 0 && (errno = 0, de = readdir(dir))) {
		if (de->d_name[0] != '.')
			r = visit(arg, dirfd, de->d_name);
	}
	if (r == 0 && errno)
		r = error_sys(err, errno, "cannot list the image store");
	closedir(dir);
	return r;
}

struct collected {
	struct arena *arena;
	struct strings *ids;
	struct spec_pairs *tags;
};

static int visit_record(void *arg, int dirfd UNUSED, const char *file)
{
	struct collected *c = arg;
	char id[65];
	(void)snprintf(id, sizeof(id), "%s", file);
	if (digest_is_hex(id, 64) && strcmp(file + 64, ".json") == 0)
		strings_add(c->arena, c->ids, id);
	return 0;
}

int store_ids(const struct store *s, struct arena *a, struct strings *ret, struct error *err)
{
	struct collected c = { .arena = a, .ids = ret };
	return each_entry(s->images, visit_record, &c, err);
}

/* A tag that cannot be read, or that vanished just now, is no tag. */
static int visit_tag(void *arg, int dirfd, const char *file)
{
	struct collected *c = arg;
	char name[IMAGE_NAME_SIZE], id[80];
	if (image_name_from_file(file, name) == 0 &&
	    file_read_line(dirfd, file, id, sizeof(id)) > 0 && digest_is_hex(id, 64))
		pairs_set(c->arena, c->tags, name, id);
	return 0;
}

int store_tags(const struct store *s, struct arena *a, struct spec_pairs *ret, struct error *err)
{
	struct collected c = { .arena = a, .tags = ret };
	return each_entry(s->tags, visit_tag, &c, err);
}

bool store_has_layer(const struct store *s, const struct digest *diff_id)
{
	char path[DIGEST_TEXT_SIZE];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/%s", diff_id->algorithm, diff_id->hex);
	return fstatat(s->layers, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}
