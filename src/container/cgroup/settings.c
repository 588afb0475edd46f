/* SPDX-License-Identifier: Apache-2.0 */
/* settings.c - see settings.h. */
#include "container/cgroup/settings.h"

#include <string.h>

#include "base/file.h"

#define FILE_MAX (1 << 20)

void settings_done(struct settings *s)
{
	arena_done(&s->arena);
	s->v = NULL;
	s->n = 0;
}

struct setting *settings_add(struct settings *s)
{
	return arena_push(&s->arena, s->v, s->n);
}

unsigned settings_controllers(const struct settings *s, bool v2)
{
	unsigned mask = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].v2 == v2 && s->v[i].ctl < N_CONTROLLERS)
			mask |= CTL_BIT(s->v[i].ctl);
	return mask;
}

static const struct group *group_of(const struct setting *s, const struct cgroup *cg)
{
	return s->v2 ? cgroup_group_v2(cg) : cgroup_group_v1(cg, s->ctl);
}

/* The line of text that begins with key, or NULL; cuts it off in place. */
static char *line_of(char *text, const char *key)
{
	size_t n = strlen(key);
	char *save, *line;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, key, n) && line[n] == ' ')
			return line;
	return NULL;
}

/* Reads what the file says now, as text that could be written to it. */
static void remember_old(struct settings *all, struct setting *s, int fd)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	if (file_read(fd, s->file, FILE_MAX, &text) < 0)
		return;
	if (!s->key) {
		s->old = arena_strdup(&all->arena, buf_str(&text));
		return;
	}
	char *line = text.len ? line_of(text.data, s->key) : NULL;
	if (line && s->bare)
		line += strlen(s->key) + 1;
	s->old = line ? arena_strdup(&all->arena, line) : s->reset;
}

static int write_one(struct settings *all, struct setting *s, const struct cgroup *cg,
		     bool remember)
{
	const struct group *g = group_of(s, cg);
	if (!g)
		return -EOPNOTSUPP;
	if (remember && !s->old)
		remember_old(all, s, g->fd);
	int r = file_write(g->fd, s->file, s->value);
	if ((r == -ENOENT || r == -EOPNOTSUPP) && s->alt_file) {
		s->file = s->alt_file;
		s->value = s->alt_value;
		s->alt_file = NULL;
		return write_one(all, s, cg, remember);
	}
	if ((r == -ENOENT || r == -EOPNOTSUPP) && s->optional)
		return 0;
	s->written = r == 0;
	return r;
}

static const struct {
	int err;
	const char *hint;
} answers[] = {
	{ ENOENT, "this kernel has no such limit: leave it out" },
	{ EOPNOTSUPP, "this kernel has no such limit: leave it out" },
	{ EACCES, "run as root, or ask for less than the group above has" },
	{ EPERM, "run as root, or ask for less than the group above has" },
	{ EROFS, "the control groups are mounted read-only here" },
	{ ENODEV, "there is no such device here (lsblk shows their numbers)" },
	{ EBUSY, "it is in use: the container holds more than that now" },
	{ ENOSPC, "processes are in the group and need what would be taken away" },
};

static int refused(const struct setting *s, const struct cgroup *cg, int errnum, struct error *err)
{
	const struct group *g = group_of(s, cg);
	const char *file = s->file ? s->file : "";
	error_sys(err, errnum, "the kernel refused %s %s (\"%s\" for %s)", s->limit, s->given,
		  s->value, file);
	error_object(err, "%s/%s", g ? g->dir : "", file);
	bool range = errnum == EINVAL || errnum == ERANGE || errnum == EBUSY || errnum == EDOM;
	bool is_absent = errnum == ENOENT || errnum == EOPNOTSUPP;
	if (s->hint && (range || (is_absent && s->hint_absent)))
		return error_hint(err, "%s", s->hint);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (answers[i].err == errnum)
			error_hint(err, "%s", answers[i].hint);
	return -errnum;
}

/* One round over those not written yet. How many were written; *ret_failed: the first refused. */
static size_t apply_round(struct settings *s, const struct cgroup *cg, bool remember, bool *done,
			  struct setting **ret_failed, int *ret_err)
{
	size_t progress = 0;
	*ret_failed = NULL;
	for (size_t i = 0; i < s->n; i++) {
		if (done[i])
			continue;
		int r = write_one(s, &s->v[i], cg, remember);
		if (r == 0) {
			done[i] = true;
			progress++;
		} else if (!*ret_failed) {
			*ret_failed = &s->v[i];
			*ret_err = -r;
		}
	}
	return progress;
}

int settings_apply(struct settings *s, const struct cgroup *cg, bool remember, struct error *err)
{
	if (s->n == 0)
		return 0;
	bool *done = arena_alloc(&s->arena, s->n * sizeof(*done));
	struct setting *failed = NULL;
	int errnum = 0;
	while (apply_round(s, cg, remember, done, &failed, &errnum) > 0 && failed)
		;
	if (!failed)
		return 0;
	if (remember)
		settings_undo(s, cg);
	return refused(failed, cg, errnum, err);
}

void settings_undo(struct settings *s, const struct cgroup *cg)
{
	/* As often as there are settings, for the same reason as above: order. */
	for (size_t round = 0, moved = 1; round < s->n && moved > 0; round++) {
		moved = 0;
		for (size_t i = s->n; i-- > 0;) {
			struct setting *one = &s->v[i];
			const struct group *g = group_of(one, cg);
			if (!one->written || !one->old || !g)
				continue;
			if (file_write(g->fd, one->file, one->old) == 0) {
				one->written = false;
				moved++;
			}
		}
	}
}
