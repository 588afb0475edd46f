/* SPDX-License-Identifier: Apache-2.0 */
/* follow.c - see follow.h. cgroups(7), /proc/PID/cgroup. */
#include "container/cgroup/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "sys/mountinfo.h"

#define GROUPS_MAX (1u << 20)
#define DELETED	   " (deleted)"

/* "9:cpu,cpuacct:/a/b", "1:name=systemd:/a", "0::/a" */
struct membership {
	char *names; /* "" for version 2 */
	char *path;
};

static int membership_parse(char *line, struct membership *ret)
{
	char *names = strchr(line, ':');
	char *path = names ? strchr(names + 1, ':') : NULL;
	if (!path || path[1] != '/')
		return -EINVAL;
	*path = '\0';
	*ret = (struct membership){ names + 1, path + 1 };
	return 0;
}

static bool has_word(const char *list, const char *word, size_t n)
{
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && !strncmp(p, word, n))
			return true;
	return false;
}

/* A hierarchy of version 1 is known by its controllers, or its name, in the options of its super block. */
static bool is_hierarchy(const struct mountinfo *m, const struct membership *g)
{
	if (!*g->names)
		return str_eq(m->type, "cgroup2");
	return str_eq(m->type, "cgroup") &&
	       has_word(m->super_options, g->names, strcspn(g->names, ","));
}

/* Where a group is below a mount of its hierarchy; NULL: it does not show the group. malloc'ed. */
static char *place_of(const struct mountinfo *m, const char *path)
{
	size_t n = str_eq(m->root, "/") ? 0 : strlen(m->root);
	if (strncmp(path, m->root, n) || (path[n] && path[n] != '/'))
		return NULL;
	return xasprintf("%s%s", m->mount_point, path + n);
}

struct following {
	struct arena arena;
	struct mountinfo *mounts;
	size_t n_mounts;
	struct cgroup_follow *f;
	struct error *err;
};

/* Without a lock of the kernel's in version 1, where cgroup.procs would wait for a grace period. */
static int open_members(const char *dir, bool v2)
{
	CLEANUP_STR char *file = xasprintf("%s/%s", dir, v2 ? "cgroup.procs" : "tasks");
	int fd = open(file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Who enters stands still, and would never get to fork. */
static bool is_frozen(const char *dir)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	CLEANUP_STR char *v1 = xasprintf("%s/freezer.state", dir);
	CLEANUP_STR char *v2 = xasprintf("%s/cgroup.events", dir);
	if (file_read(AT_FDCWD, v1, 4096, &text) == 0)
		return !str_has_prefix(buf_str(&text), "THAWED");
	return file_read(AT_FDCWD, v2, 4096, &text) == 0 && strstr(buf_str(&text), "frozen 1");
}

static int refuse(const struct following *w, const struct membership *g, int e)
{
	size_t n = strlen(g->path), cut = sizeof(DELETED) - 1;
	bool gone = n > cut && str_eq(g->path + n - cut, DELETED);
	if (e == EBUSY)
		error_set(w->err, EBUSY, "the control group is frozen");
	else if (gone)
		error_set(w->err, ENODEV, "the control group was removed");
	else if (e == ENOENT)
		error_set(w->err, ENOENT, "the control group is not to be seen from here");
	else
		error_sys(w->err, e, "the control group may not be entered");
	return error_object(w->err, "%s:%s", *g->names ? g->names : "cgroup2", g->path);
}

static int follow_one(struct following *w, const struct membership *g)
{
	int fd = -ENOENT;
	/* what was mounted last hides what was there before: the last one that works */
	for (size_t i = w->n_mounts; i > 0 && fd == -ENOENT; i--) {
		const struct mountinfo *m = &w->mounts[i - 1];
		CLEANUP_STR char *dir = is_hierarchy(m, g) ? place_of(m, g->path) : NULL;
		if (dir)
			fd = is_frozen(dir) ? -EBUSY : open_members(dir, !*g->names);
	}
	if (fd < 0)
		return refuse(w, g, -fd);
	if (w->f->n == FOLLOW_MAX) {
		fd_close(fd);
		return error_set(w->err, E2BIG, "it is in more than %d hierarchies", FOLLOW_MAX);
	}
	w->f->fds[w->f->n++] = fd;
	return 0;
}

/* Whether this very line is one of ours, too. */
static bool is_ours(const char *ours, const char *line)
{
	size_t n = strlen(line);
	for (const char *p = ours; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, line, n) && (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

static int follow_all(struct following *w, char *theirs, const char *ours)
{
	char *save, *line;
	for (line = strtok_r(theirs, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct membership g;
		if (is_ours(ours, line))
			continue;
		int r = membership_parse(line, &g);
		if (r < 0)
			return error_set(w->err, EINVAL,
					 "its list of control groups is no such list");
		if (!w->mounts && mountinfo_read(&w->arena, AT_FDCWD, "/proc/self/mountinfo",
						 &w->mounts, &w->n_mounts) < 0)
			return error_set(w->err, EIO, "cannot read /proc/self/mountinfo");
		r = follow_one(w, &g);
		if (r < 0)
			return r;
	}
	return 0;
}

int cgroup_follow_open(int proc, pid_t pid, struct cgroup_follow *ret, struct error *err)
{
	CLEANUP_BUF struct buf theirs = BUF_INIT;
	CLEANUP_BUF struct buf ours = BUF_INIT;
	char path[32];
	(void)snprintf(path, sizeof(path), "%d/cgroup", (int)pid);
	int r = file_read(proc, path, GROUPS_MAX, &theirs);
	if (r < 0)
		return error_sys(err, r == -ENOENT ? ESRCH : -r, "cannot read its control groups");
	ret->n = 0;
	if (theirs.len == 0)
		return 0; /* a kernel without control groups */
	r = file_read(proc, "self/cgroup", GROUPS_MAX, &ours);
	if (r < 0)
		return error_sys(err, -r, "cannot read our control groups");
	struct following w = { .f = ret, .err = err };
	r = follow_all(&w, theirs.data, buf_str(&ours));
	arena_done(&w.arena);
	if (r < 0)
		cgroup_follow_done(ret);
	return r;
}

int cgroup_follow_enter(const struct cgroup_follow *f, struct error *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (write(f->fds[i], "0", 1) < 0)
			return error_sys(err, errno, "cannot enter its control groups");
	return 0;
}

void cgroup_follow_done(struct cgroup_follow *f)
{
	for (size_t i = 0; i < f->n; i++)
		fd_close(f->fds[i]);
	f->n = 0;
}
