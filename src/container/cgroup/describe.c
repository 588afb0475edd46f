/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe.c - a container's groups as a line of text, and back:
 * "name=contexe-web cgroup2:0:/contexe-web memory:0:/contexe-web": the name (or "path=", the path that
 * was asked for, or "below=", that below the base), then for each group its hierarchy, how many
 * directories above were made with it, and its path below the mount point.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "container/cgroup/group.h"

#define MADE_MAX 4096

void cgroup_describe(const struct cgroup *cg, struct buf *out)
{
	buf_puts(out, cg->rel_path ? "path=" : cg->shared_path ? "below=" : "name=");
	octal_encode(out, cg->rel_path ? cg->rel_path : cg->name);
	for (size_t i = 0; i < cg->n; i++) {
		const struct group *g = &cg->groups[i];
		buf_printf(out, " %s:%u:", g->h->names, g->made);
		octal_encode(out, g->dir + strlen(g->h->mount));
	}
}

static int open_names(struct cgroup *cg, char *word)
{
	char *value = strchr(word, '=');
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	octal_decode(value);
	CLEANUP_STR char *path = NULL;
	if (group_clean_path(value, &path) < 0)
		return -EINVAL;
	cg->shared_path = !strcmp(word, "below");
	if (!strcmp(word, "path"))
		cg->rel_path = take_ptr(path);
	else if (!strcmp(word, "name") || cg->shared_path)
		cg->name = xstrdup(path + 1);
	else
		return -EINVAL;
	return 0;
}

static int open_group(struct cgroup *cg, char *word)
{
	char *made = strchr(word, ':'), *path = made ? strchr(made + 1, ':') : NULL;
	uint64_t n;
	if (!path)
		return -EINVAL;
	*made++ = '\0';
	*path++ = '\0';
	octal_decode(path);
	CLEANUP_STR char *clean = NULL;
	if (parse_u64(made, 0, MADE_MAX, &n) < 0 || group_clean_path(path, &clean) < 0)
		return -EINVAL;
	const struct hierarchy *h = !strcmp(word, "cgroup2") ? layout_usual_v2() : NULL;
	if (!h)
		h = layout_named(layout_get(), word, strlen(word));
	if (!h || cg->n >= MAX_HIERARCHIES)
		return -ENOENT; /* the hierarchy was unmounted */
	struct group *g = &cg->groups[cg->n];
	*g = (struct group){ .h = h, .made = (unsigned)n };
	g->dir = xasprintf("%s%s", h->mount, clean);
	g->fd = open(g->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (g->fd < 0) {
		int r = -errno;
		group_done(g);
		return r;
	}
	cg->n++;
	return 0;
}

static int open_all(struct cgroup *cg, char *words)
{
	char *save, *word = strtok_r(words, " ", &save);
	int r = word ? open_names(cg, word) : -EINVAL;
	size_t missing = 0;
	while (r == 0 && (word = strtok_r(NULL, " ", &save))) {
		r = open_group(cg, word);
		if (r == -ENOENT) {
			missing++;
			r = 0;
		}
	}
	return r == 0 && cg->n == 0 && missing > 0 ? -ENOENT : r;
}

int cgroup_open(const char *description, struct cgroup **ret, struct error *err)
{
	struct error unheard = ERROR_INIT;
	err = err ? err : &unheard;
	struct cgroup *cg = xcalloc(1, sizeof(*cg));
	CLEANUP_STR char *words = xstrdup(description);
	int r = open_all(cg, words);
	if (r == 0) {
		*ret = cg;
		return 0;
	}
	cgroup_free(cg);
	if (r == -EINVAL)
		error_set(err, EINVAL, "that does not describe control groups");
	else
		error_sys(err, -r, "cannot open the container's control groups");
	return error_object(err, "%s", description);
}
