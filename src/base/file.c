/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - see file.h. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int file_read(int dirfd, const char *path, size_t max, struct buf *b)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	char chunk[4096];
	for (size_t total = 0;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return -EFBIG;
		buf_add(b, chunk, (size_t)n);
	}
}

ssize_t file_read_line(int dirfd, const char *path, char *buf, size_t size)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_all(fd, buf, size - 1);
	if (n < 0)
		return n;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int file_write(int dirfd, const char *path, const char *text)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int file_replace(int dirfd, const char *path, mode_t mode, const void *data, size_t size)
{
	char tmp[512];
	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.%d.new", path, getpid()) >= sizeof(tmp))
		return -ENAMETOOLONG;
	CLEANUP_FD int fd =
		openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	int r = fd_write_all(fd, data, size);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

static int remove_entries(int fd, dev_t dev)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		int e = -errno;
		fd_close(fd);
		return e;
	}
	int result = 0;
	struct dirent *de;
	while (errno = 0, (de = readdir(dir))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (de->d_type != DT_DIR) {
			if (unlinkat(dirfd(dir), de->d_name, 0) == 0 || errno == ENOENT)
				continue;
			if (de->d_type != DT_UNKNOWN || (errno != EISDIR && errno != EPERM)) {
				result = result == 0 ? -errno : result;
				continue;
			}
		}
		int sub = openat(dirfd(dir), de->d_name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (sub < 0) {
			if (errno == EACCES) { /* rootless: a directory of mode 000 of our own */
				(void)fchmodat(dirfd(dir), de->d_name, 0700, 0);
				sub = openat(dirfd(dir), de->d_name,
					     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			}
		}
		struct stat st;
		int r = 0;
		if (sub < 0)
			r = errno == ENOENT ? 0 : -errno;
		else if (fstat(sub, &st) < 0 || st.st_dev != dev) {
			r = -EXDEV;
			fd_close(sub);
		} else {
			r = remove_entries(sub, dev); /* takes sub */
		}
		if (r == 0 && unlinkat(dirfd(dir), de->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
		if (r < 0 && result == 0)
			result = r;
	}
	closedir(dir);
	return result;
}

int file_remove_tree(int dirfd, const char *path)
{
	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	struct stat st;
	if (fstat(fd, &st) < 0) {
		int e = -errno;
		fd_close(fd);
		return e;
	}
	int r = remove_entries(fd, st.st_dev);
	if (r == 0 && unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int file_mkdirs(int dirfd, const char *path, mode_t mode)
{
	char part[4096];
	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	strcpy(part, path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, part, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdirat(dirfd, path, mode) < 0 && errno != EEXIST ? -errno : 0;
}
