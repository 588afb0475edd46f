/* SPDX-License-Identifier: Apache-2.0 */
/* image_output.c - see image_output.h. */
#include "engine/image_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int open_nameless(const char *path)
{
	CLEANUP_STR char *dir = directory_of(path);
	int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static char *partial_name(const char *path)
{
	return xasprintf("%s.partial-%d", path, (int)getpid());
}

int image_output_open(const char *path, struct image_output *ret, struct error *err)
{
	*ret = (struct image_output){ .path = xstrdup(path), .fd = open_nameless(path) };
	/* overlayfs before 6.3, NFS, FAT: open(2) tells in several ways */
	if (ret->fd == -EOPNOTSUPP || ret->fd == -EISDIR || ret->fd == -EINVAL) {
		ret->partial = partial_name(path);
		ret->fd = open(ret->partial, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			       0600);
		if (ret->fd < 0)
			ret->fd = -errno;
	}
	if (ret->fd >= 0)
		return 0;
	error_sys(err, -ret->fd, "cannot make the image");
	int r = error_object(err, "%s", path);
	free(take_ptr(ret->partial));
	image_output_done(ret);
	return r;
}

int image_output_open_fd(int fd, struct image_output *ret, struct error *err)
{
	*ret = (struct image_output){ .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };
	if (ret->fd >= 0)
		return 0;
	error_sys(err, errno, "cannot make the image");
	return error_object(err, "-");
}

int image_output_keep(struct image_output *o, struct error *err)
{
	char here[40];
	int r = 0;
	if (!o->path)
		return 0;
	if (!o->partial) {
		char *name = partial_name(o->path);
		(void)snprintf(here, sizeof(here), "/proc/self/fd/%d", o->fd);
		r = linkat(AT_FDCWD, here, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
		if (r == 0)
			o->partial = name;
		else
			free(name);
	}
	if (r == 0 && rename(o->partial, o->path) < 0)
		r = -errno;
	if (r == 0) {
		free(take_ptr(o->partial));
		o->kept = true;
		return 0;
	}
	error_sys(err, -r, "cannot give the image its name");
	return error_object(err, "%s", o->path);
}

void image_output_done(struct image_output *o)
{
	if (o->partial)
		(void)unlink(o->partial);
	fd_close(o->fd);
	free(o->path);
	free(o->partial);
	*o = IMAGE_OUTPUT_NONE;
}
