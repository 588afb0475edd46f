/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - see gc.h. */
#include "image/gc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

struct used {
	struct arena arena;
	struct strings layers;
};

/* All layers that images name. -errno when one record is not readable. */
static int find_used(const struct store *s, struct used *u)
{
	struct strings ids = { 0 };
	int r = store_ids(s, &u->arena, &ids, NULL);
	for (size_t i = 0; i < ids.n && r == 0; i++) {
		CLEANUP_IMAGE struct image img = { 0 };
		r = store_load(s, ids.v[i], &img, NULL);
		for (size_t k = 0; k < img.layers.n && r == 0; k++)
			strings_add(&u->arena, &u->layers, img.layers.v[k]);
	}
	return r;
}

static bool is_used(const struct used *u, const char *algorithm, const char *hex)
{
	char text[DIGEST_TEXT_SIZE * 2];
	(void)snprintf(text, sizeof(text), "%.16s:%.256s", algorithm, hex);
	for (size_t i = 0; i < u->layers.n; i++) {
		if (strcmp(u->layers.v[i], text) == 0)
			return true;
	}
	return false;
}

static DIR *open_dir(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		fd_close(fd);
	return dir;
}

/* A layer leaves layers/ in one step, so that what is there is always whole; tmp/ is emptied after. */
static void drop_layers(const struct store *s, const char *algorithm, const struct used *u)
{
	DIR *dir = open_dir(s->layers, algorithm);
	struct dirent *de;
	while (dir && (de = readdir(dir))) {
		char away[NAME_MAX + 8];
		if (de->d_name[0] == '.' || is_used(u, algorithm, de->d_name))
			continue;
		(void)snprintf(away, sizeof(away), "gone.%.200s", de->d_name);
		(void)renameat(dirfd(dir), de->d_name, s->tmp, away);
	}
	if (dir)
		closedir(dir);
}

static void empty_tmp(const struct store *s)
{
	DIR *dir = open_dir(s->tmp, ".");
	struct dirent *de;
	while (dir && (de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (file_remove_tree(s->tmp, de->d_name) < 0)
			continue;
	}
	if (dir)
		closedir(dir);
}

void gc_try(const struct store *s)
{
	CLEANUP_FD int busy = store_lock(s, "busy", LOCK_EX | LOCK_NB, NULL);
	if (busy < 0)
		return;
	struct used u = { 0 };
	if (find_used(s, &u) == 0) {
		DIR *dir = open_dir(s->layers, ".");
		struct dirent *de;
		while (dir && (de = readdir(dir))) {
			if (de->d_name[0] != '.')
				drop_layers(s, de->d_name, &u);
		}
		if (dir)
			closedir(dir);
	}
	arena_done(&u.arena);
	empty_tmp(s);
}
