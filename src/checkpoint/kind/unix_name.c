/* SPDX-License-Identifier: Apache-2.0 */
/* unix_name.c - see unix_name.h. */
#include "checkpoint/kind/unix_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/file.h"
#include "checkpoint/kind/aside.h"
#include "checkpoint/kind/socket_queue.h"
#include "sys/mountfd.h"

#define SET_ASIDE ".contexe-aside"

static socklen_t make_address(const struct bytes *name, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	size_t size = MIN(name->size, sizeof(un->sun_path));
	memcpy(un->sun_path, name->data, size);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

static bool is_path(const struct bytes *name)
{
	return name->size && *(const char *)name->data != '\0';
}

int unix_root_new(struct error *err)
{
	CLEANUP_FD int fs = sys_fsopen("tmpfs");
	int r = fs < 0 ? fs : sys_fsconfig_string(fs, "mode", "0755");
	if (r >= 0)
		r = sys_fsconfig_create(fs);
	if (r >= 0)
		r = sys_fsmount(fs, 0);
	return r < 0 ? error_sys(err, -r, "cannot make a place for the names of sockets") : r;
}

/* ---- binding ---- */

struct bind_request {
	int fd;
	const struct bytes *name;
	const struct unix_node *node;
	int root;
};

static int bind_now(const struct bind_request *q)
{
	struct sockaddr_un un;
	socklen_t size = make_address(q->name, &un);
	return bind(q->fd, (struct sockaddr *)&un, size) < 0 ? -errno : 0;
}

static const char *name_text(const struct bytes *name, char text[UNIX_NAME_MAX + 1])
{
	size_t n = MIN(name->size, (size_t)UNIX_NAME_MAX);
	memcpy(text, name->data, n);
	text[n] = '\0';
	return text;
}

static int enter_root(int root)
{
	return fchdir(root) < 0 || chroot(".") < 0 ? -errno : 0;
}

static int bind_below(void *arg)
{
	const struct bind_request *q = arg;
	char text[UNIX_NAME_MAX + 1];
	int r = enter_root(q->root);
	if (r < 0)
		return r;
	char *slash = strrchr((char *)(uintptr_t)name_text(q->name, text), '/');
	if (slash && slash != text) {
		*slash = '\0';
		r = file_mkdirs(AT_FDCWD, text, 0755);
	}
	return r < 0 ? r : bind_now(q);
}

int unix_name_bind_below(int fd, const struct bytes *name, int root, struct error *err)
{
	struct bind_request q = { .fd = fd, .name = name, .root = root };
	int r = is_path(name) ? aside_run(bind_below, &q) : bind_now(&q);
	return r < 0 ? error_sys(err, -r, "cannot give a socket its name back") : 0;
}

static bool same_node(const char *a, const char *b)
{
	struct stat x, y;
	return lstat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int remove_old(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) < 0 ? -errno : 0;
}

/*
 * The node may have been renamed since it was bound, and another one may have its first name by
 * now.
 */
static int bind_and_move(const struct bind_request *q, const char *text, const char *path)
{
	char other[UNIX_NAME_MAX + 32];
	struct stat st;
	bool moved = false;
	(void)snprintf(other, sizeof(other), "%s%s", text, SET_ASIDE);
	int r = remove_old(path);
	if (r == 0 && lstat(text, &st) == 0) {
		moved = rename(text, other) == 0;
		r = moved ? 0 : -errno;
	}
	if (r == 0)
		r = bind_now(q);
	if (r == 0 && !same_node(text, path) && rename(text, path) < 0)
		r = -errno;
	if (moved && rename(other, text) < 0 && r == 0)
		r = -errno;
	return r;
}

static int bind_in_place(void *arg)
{
	const struct bind_request *q = arg;
	const struct unix_node *n = q->node;
	char text[UNIX_NAME_MAX + 1], path[PATH_MAX + 2];
	const char *base = n->base ? n->base : "";
	size_t skip = 0;
	if (name_text(q->name, text)[0] != '/') {
		if (chdir(base[0] ? base : "/") < 0)
			return -errno;
	} else if (base[0]) {
		if (chroot(base) < 0)
			return -errno;
		skip = strncmp(n->path, base, strlen(base)) == 0 ? strlen(base) : 0;
	}
	(void)snprintf(path, sizeof(path), "%s", n->path + skip);
	umask(0);
	int r = bind_and_move(q, text, path);
	if (r == 0 && lchown(path, n->uid, n->gid) < 0)
		r = -errno;
	if (r == 0 && chmod(path, n->mode & 07777) < 0)
		r = -errno;
	return r;
}

int unix_name_bind(int fd, const struct bytes *name, const struct unix_node *node,
		   struct error *err)
{
	struct bind_request q = { .fd = fd, .name = name, .node = node };
	if (!is_path(name)) {
		int r = bind_now(&q);
		return r < 0 ? error_sys(err, -r, "cannot give a socket its name back") : 0;
	}
	int r = aside_run(bind_in_place, &q);
	if (r < 0) {
		error_sys(err, -r, "cannot bind a socket to its path again");
		error_object(err, "%s", node->path);
	}
	return r;
}

/* ---- as somebody ---- */

struct deed {
	int fd;
	const struct unix_target *to;
	const struct unix_as *as;
	int type;
	uint32_t backlog;
	const struct socket_message *m;
	const int *fds;
	int *pair;
	int (*run)(struct deed *d);
};

/* Goes where the target can be named, and names it. */
static int reach(const struct unix_target *to, struct sockaddr_un *un, socklen_t *size)
{
	*size = make_address(to->name, un);
	if (!is_path(to->name))
		return 0;
	if (!to->node)
		return enter_root(to->root);
	/* by its directory: the path as a whole may be too long for an address */
	char directory[PATH_MAX + 2];
	(void)snprintf(directory, sizeof(directory), "%s", to->node->path);
	char *slash = strrchr(directory, '/');
	if (!slash)
		return -EINVAL;
	*slash = '\0';
	struct bytes last = { slash + 1, strlen(slash + 1) };
	if (chdir(directory[0] ? directory : "/") < 0)
		return -errno;
	if (last.size > UNIX_NAME_MAX)
		return -ENAMETOOLONG;
	*size = make_address(&last, un);
	return 0;
}

static int deed_run(void *arg)
{
	struct deed *d = arg;
	struct sockaddr_un un;
	socklen_t size = 0;
	int r = d->to ? reach(d->to, &un, &size) : 0;
	if (r < 0)
		return r;
	const struct unix_credentials *c = d->as->credentials;
	if (c && c->known)
		aside_become(c->uid, c->gid, c->groups.v, c->groups.n);
	if (d->m)
		return socket_message_send(d->fd, d->m, d->fds,
					   d->to ? (struct sockaddr *)&un : NULL, size);
	if (d->to)
		return connect(d->fd, (struct sockaddr *)&un, size) < 0 ? -errno : 0;
	return d->run(d);
}

static int deed_do(struct deed *d)
{
	const struct unix_credentials *c = d->as->credentials;
	bool pid = c && c->known && c->pid > 0 && d->as->has_pids;
	return pid ? aside_as((pid_t)c->pid, deed_run, d) : aside_run(deed_run, d);
}

int unix_name_connect(int fd, const struct unix_target *to, const struct unix_as *as,
		      struct error *err)
{
	struct deed d = { .fd = fd, .to = to, .as = as };
	int r = deed_do(&d);
	return r < 0 ? error_sys(err, -r, "cannot connect a socket again") : 0;
}

int unix_send_to(int fd, const struct socket_message *m, const int *fds,
		 const struct unix_target *to, const struct unix_as *as, struct error *err)
{
	struct deed d = { .fd = fd, .to = to, .as = as, .m = m, .fds = fds };
	bool plain = !to && !m->has_credentials;
	int r = plain ? socket_message_send(fd, m, fds, NULL, 0) : deed_do(&d);
	return r < 0 ? error_sys(err, -r, "cannot put a message back into a queue") : 0;
}

static int listen_now(struct deed *d)
{
	return listen(d->fd, (int)MIN(d->backlog, (uint32_t)INT32_MAX)) < 0 ? -errno : 0;
}

int unix_listen_as(int fd, uint32_t backlog, const struct unix_as *as, struct error *err)
{
	struct deed d = { .fd = fd, .as = as, .backlog = backlog, .run = listen_now };
	int r = deed_do(&d);
	return r < 0 ? error_sys(err, -r, "cannot listen again") : 0;
}

static int pair_now(struct deed *d)
{
	return socketpair(AF_UNIX, d->type | SOCK_CLOEXEC, 0, d->pair) < 0 ? -errno : 0;
}

int unix_pair_as(int type, int ret_fds[2], const struct unix_as *as, struct error *err)
{
	struct deed d = { .as = as, .type = type, .pair = ret_fds, .run = pair_now };
	int r = deed_do(&d);
	return r < 0 ? error_sys(err, -r, "cannot make a pair of sockets") : 0;
}
