/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copyup.c - copies the content of a directory of the image to a fresh tmpfs, all by descriptor: nothing
 * is followed, nothing that is there is overwritten. Type, owner, mode, times and extended attributes are kept;
 * hard links become files of their own. What a user namespace may not make (device nodes) or set
 * (foreign owners, trusted attributes) is left out.
 */
#include "container/rootfs/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

static void dir_cleanup(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static void copy_xattrs(int from, int to)
{
	char names[4096], value[4096];
	ssize_t size = flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n = fgetxattr(from, names + at, value, sizeof(value));
		if (n >= 0)
			(void)fsetxattr(to, names + at, value, (size_t)n, 0);
	}
}

/* Owner first: changing it takes the set-id bits away. */
static int copy_metadata(int from, int to, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	copy_xattrs(from, to);
	if (fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	CLEANUP_FD int from =
		openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (from < 0)
		return -errno;
	CLEANUP_FD int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1 << 30);
		if (n < 0)
			return -errno;
		if (n == 0)
			return copy_metadata(from, to, st);
	}
}

static int copy_dir(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	CLEANUP_FD int from = openat(from_dir, name, flags);
	CLEANUP_FD int to = openat(to_dir, name, flags);
	if (from < 0 || to < 0)
		return -errno;
	int r = copyup_tree(from, to);
	return r < 0 ? r : copy_metadata(from, to, st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char text[PATH_MAX];

	ssize_t n = readlinkat(from_dir, name, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (symlinkat(text, to_dir, name) < 0)
		return -errno;
	int r = fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
	return r < 0 && errno != EPERM && errno != EINVAL ? -errno : 0;
}

static int copy_node(int from_dir UNUSED, int to_dir, const char *name, const struct stat *st)
{
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0)
		return errno == EPERM ? 0 : -errno;
	int r = fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
	return r < 0 && errno != EPERM && errno != EINVAL ? -errno : 0;
}

static int copy_entry(int from_dir, int to_dir, const char *name)
{
	struct stat st;
	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_dir(from_dir, to_dir, name, &st);
	if (S_ISREG(st.st_mode))
		return copy_file(from_dir, to_dir, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(from_dir, to_dir, name, &st);
	return copy_node(from_dir, to_dir, name, &st);
}

int copyup_metadata(int from, int to)
{
	struct stat st;
	CLEANUP_FD int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return copy_metadata(fd, to, &st);
}

int copyup_tree(int from, int to)
{
	CLEANUP_FD int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return -errno;
	CLEANUP(dir_cleanup) DIR *d = fdopendir(own);
	if (!d)
		return -errno;
	(void)take_fd(&own); /* closedir closes it */
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		int r = copy_entry(from, to, e->d_name);
		if (r < 0)
			return r;
	}
}
