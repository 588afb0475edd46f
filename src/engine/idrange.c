/* SPDX-License-Identifier: Apache-2.0 */
/* idrange.c - see idrange.h. */
#include "engine/idrange.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/parse.h"
#include "container/ns/ns.h"

struct range {
	uint32_t start, count;
};

struct ranges {
	struct range *v;
	size_t n;
};

/* What is handed out, of one kind of id. */
struct kind {
	const char *file, *what;
	struct range source;
	struct ranges taken;
};

struct book {
	struct arena arena;
	int dir; /* ids/, locked; -ENOENT: nothing was ever handed out */
	struct kind uids, gids;
};

static void book_close(struct book *b)
{
	fd_close(b->dir);
	arena_done(&b->arena);
}

static int open_dir(const struct root *root, bool make)
{
	if (make && mkdirat(root->fd, "ids", 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(root->fd, "ids", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX) < 0) {
		int r = -errno;
		fd_close(fd);
		return r;
	}
	return fd;
}

/* "NAME u:START:COUNT ... g:START:COUNT ..." */
static void read_claim(struct book *b, char *text)
{
	char *save = NULL;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct range r;
		if ((word[0] != 'u' && word[0] != 'g') ||
		    sscanf(word + 1, ":%u:%u", &r.start, &r.count) != 2)
			continue;
		struct ranges *to = word[0] == 'u' ? &b->uids.taken : &b->gids.taken;
		*arena_push(&b->arena, to->v, to->n) = r;
	}
}

/* A claim is stale without a container of its name, or when that name is being given anew. */
static bool is_stale(const struct root *root, const char *claim, const char *name, const char *id,
		     const char *file)
{
	char owner[NAME_MAX + 1];
	struct stat st;
	size_t n = strcspn(claim, " ");
	if (n > NAME_MAX)
		return true;
	memcpy(owner, claim, n);
	owner[n] = '\0';
	if (name && str_eq(owner, name))
		return strcmp(file, id) != 0;
	return fstatat(root->containers, owner, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int read_claims(struct book *b, const struct root *root, const char *name, const char *id)
{
	int again = openat(b->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	if (!dir)
		return -errno;
	for (struct dirent *de; (de = readdir(dir));) {
		char text[PATH_MAX];
		ssize_t n = readlinkat(b->dir, de->d_name, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		if (is_stale(root, text, name, id, de->d_name))
			(void)unlinkat(b->dir, de->d_name, 0);
		else
			read_claim(b, text);
	}
	closedir(dir);
	return 0;
}

static int book_open(struct book *b, const struct root *root, const char *name, const char *id,
		     struct error *err)
{
	*b = (struct book){ .uids = { .file = "/etc/subuid", .what = "uid" },
			    .gids = { .file = "/etc/subgid", .what = "gid" } };
	b->dir = open_dir(root, name != NULL);
	int r = b->dir == -ENOENT && !name ? 0 : b->dir;
	if (b->dir >= 0)
		r = read_claims(b, root, name, id);
	return r < 0 ? error_sys(err, -r, "cannot read which ids other containers have") : 0;
}

static void put_ranges(char kind, const struct spec_idmap *maps, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n && out->len < PATH_MAX - 64; i++)
		buf_printf(out, " %c:%u:%u", kind, maps[i].host_id, maps[i].size);
}

static int write_claim(const struct book *b, const char *name, const char *id,
		       const struct spec *spec, struct error *err)
{
	const struct spec_linux *l = &spec->linux_;
	CLEANUP_BUF struct buf text = BUF_INIT;
	buf_puts(&text, name);
	put_ranges('u', l->uid_mappings, l->n_uid_mappings, &text);
	put_ranges('g', l->gid_mappings, l->n_gid_mappings, &text);
	(void)unlinkat(b->dir, id, 0);
	if (symlinkat(buf_str(&text), b->dir, id) < 0)
		return error_sys(err, errno, "cannot note which ids the container has");
	return 0;
}

static int find_source(const struct root *root, struct kind *k, struct error *err)
{
	struct range *s = &k->source;
	if (root->privileged && ns_subid_named(k->file, "contexe", &s->start, &s->count) == 0)
		return 0;
	if (ns_subid_range(k->file, geteuid(), &s->start, &s->count) == 0)
		return 0;
	if (root->privileged && !root->in_userns) {
		*s = (struct range){ IDRANGE_START, IDRANGE_COUNT };
		return 0;
	}
	error_set(err, ENOENT, "no range of %ss is given to you in %s", k->what, k->file);
	return error_hint(err, "root adds one: usermod --add-subuids FIRST-LAST --add-subgids "
			       "FIRST-LAST USER");
}

/* First fit: from the beginning of the source, past whatever is in the way. */
static int first_free(const struct kind *k, uint32_t size, uint32_t *ret, struct error *err)
{
	uint64_t at = k->source.start, end = (uint64_t)k->source.start + k->source.count;
	for (size_t i = 0; i < k->taken.n && at + size <= end; i++) {
		const struct range *t = &k->taken.v[i];
		if (at >= (uint64_t)t->start + t->count || at + size <= t->start)
			continue;
		at = (uint64_t)t->start + t->count;
		i = (size_t)-1; /* one that was passed may be in the way now */
	}
	if (at + size > end) {
		error_set(err, ENOSPC, "no %u %ss in a row are free from %u to %llu", size, k->what,
			  k->source.start, (unsigned long long)end - 1);
		return error_hint(err,
				  "ask for fewer (--auto-userns=SIZE), remove containers, or give "
				  "\"contexe\" a larger range in %s",
				  k->file);
	}
	*ret = (uint32_t)at;
	return 0;
}

static void add(struct spec *s, struct spec_idmap **map, size_t *n, uint32_t in, uint32_t out,
		uint32_t size)
{
	struct spec_idmap *m = arena_grow(&s->arena, map, n, sizeof(**map));
	*m = (struct spec_idmap){ in, out, size };
}

static int take_kind(const struct root *root, struct kind *k, struct spec *s, uint32_t own,
		     struct spec_idmap **map, size_t *n, struct error *err)
{
	uint32_t start = 0, first = root->privileged ? 0 : 1;
	uint32_t size = (uint32_t)s->contexe.auto_userns.v - first;
	int r = find_source(root, k, err);
	if (first) /* who is not root can give files to nobody else: his own id is root inside */
		add(s, map, n, 0, own, 1);
	if (r < 0 || !size)
		return r;
	r = first_free(k, size, &start, err);
	if (r == 0)
		add(s, map, n, first, start, size);
	return r;
}

int idrange_take(const struct root *root, const char *name, const char *id, struct spec *spec,
		 struct error *err)
{
	struct spec_linux *l = &spec->linux_;
	CLEANUP(book_close) struct book b = { .dir = FD_NONE };
	if (l->n_uid_mappings || l->n_gid_mappings) {
		error_set(err, EEXIST,
			  "the ids are given by --uid-map, --gid-map or --join already");
		return error_hint(err, "leave those out, or --auto-userns");
	}
	int r = book_open(&b, root, name, id, err);
	if (r == 0)
		r = take_kind(root, &b.uids, spec, geteuid(), &l->uid_mappings, &l->n_uid_mappings,
			      err);
	if (r == 0)
		r = take_kind(root, &b.gids, spec, getegid(), &l->gid_mappings, &l->n_gid_mappings,
			      err);
	return r == 0 && name ? write_claim(&b, name, id, spec, err) : r;
}

int idrange_note(const struct root *root, const char *name, const char *id, const struct spec *spec,
		 struct error *err)
{
	CLEANUP(book_close) struct book b = { .dir = FD_NONE };
	int r = book_open(&b, root, name, id, err);
	return r == 0 ? write_claim(&b, name, id, spec, err) : r;
}

void idrange_release(const struct root *root, const char *id)
{
	CLEANUP_STR char *path = xasprintf("ids/%s", id);
	(void)unlinkat(root->fd, path, 0);
}
