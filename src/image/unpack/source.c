/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - see source.h. */
#include "image/unpack/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/doc.h"
#include "image/unpack/report.h"
#include "image/unpack/stream.h"
#include "sys/openat2.h"

#define FORMATS "an OCI image layout (directory or archive) or a docker archive"

void source_done(struct source *s)
{
	s->fd = fd_close(s->fd);
	tarindex_done(&s->index);
}

int source_open(const char *path, struct source *ret, struct error *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int e = errno;
		error_sys(err, e, "cannot open it");
		error_object(err, "%s", path);
		return -e;
	}
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISFIFO(st.st_mode)) {
		error_set(err, EINVAL, "is neither a file nor a directory");
		error_object(err, "%s", path);
		return error_hint(err, "give " FORMATS);
	}
	*ret = SOURCE_NONE;
	ret->is_directory = S_ISDIR(st.st_mode);
	ret->fd = take_fd(&fd);
	return 0;
}

static int not_an_archive(struct error *err)
{
	error_set(err, EBADMSG, "is not an image archive");
	return error_hint(err,
			  "what can be imported is " FORMATS ", plain or compressed with gzip, "
			  "zstd, xz or bzip2");
}

static void spool_progress(void *arg UNUSED, uint64_t done, uint64_t total)
{
	report_progress(0, 0, done, total);
}

static int temporary_file(int tmpfd, struct error *err)
{
	int fd = openat(tmpfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR)) { /* a file system without O_TMPFILE */
		fd = openat(tmpfd, "spool", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			(void)unlinkat(tmpfd, "spool", 0);
	}
	return fd < 0 ? error_sys(err, errno, "cannot make a temporary file") : fd;
}

static int write_failed(int errnum, struct error *err)
{
	error_sys(err, errnum, "cannot write the decompressed archive to the image store");
	if (errnum == ENOSPC || errnum == EDQUOT)
		return error_hint(err, "make room, or decompress the archive elsewhere first");
	return -errnum;
}

/* A pipe is copied as it is; whether it is compressed shows after. */
static int copy_pipe(struct source *s, int tmpfd, struct error *err)
{
	char chunk[65536];
	CLEANUP_FD int out = temporary_file(tmpfd, err);
	if (out < 0)
		return out;
	for (;;) {
		ssize_t n = read(s->fd, chunk, sizeof(chunk));
		if (report_interrupted())
			return error_set(err, EINTR, "interrupted");
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(err, errno, "cannot read it");
		if (n == 0)
			break;
		int r = fd_write_all(out, chunk, (size_t)n);
		if (r < 0)
			return write_failed(-r, err);
	}
	fd_close(s->fd);
	s->fd = take_fd(&out);
	return 0;
}

/* Puts the decompressed archive in the place of the compressed one. */
static int decompress(struct source *s, const struct blob *whole, int tmpfd, struct error *err)
{
	CLEANUP_STREAM struct stream stream = { 0 };
	const void *data;
	ssize_t n;
	CLEANUP_FD int out = temporary_file(tmpfd, err);
	if (out < 0)
		return out;
	int r = stream_open(&stream, whole, NULL, NULL, err);
	if (r < 0)
		return r;
	stream.progress = spool_progress;
	while ((n = stream_next(&stream, &data, err)) > 0) {
		r = fd_write_all(out, data, (size_t)n);
		if (r < 0)
			return write_failed(-r, err);
	}
	if (n < 0)
		return (int)n;
	fd_close(s->fd);
	s->fd = take_fd(&out);
	return 0;
}

int source_prepare(struct source *s, int tmpfd, struct error *err)
{
	struct stat st;
	int r = 0;

	if (s->is_directory)
		return 0;
	if (fstat(s->fd, &st) == 0 && S_ISFIFO(st.st_mode))
		r = copy_pipe(s, tmpfd, err);
	if (r < 0)
		return r;
	if (fstat(s->fd, &st) < 0)
		return error_sys(err, errno, "cannot read it");
	struct blob whole = { s->fd, 0, (uint64_t)st.st_size };
	if (stream_format(&whole)) {
		r = decompress(s, &whole, tmpfd, err);
		if (r < 0)
			return r;
		if (fstat(s->fd, &st) < 0)
			return error_sys(err, errno, "cannot read it");
	}
	r = tarindex_read(s->fd, (uint64_t)st.st_size, &s->index, err);
	return r == -EILSEQ || (r == -EBADMSG && st.st_size < 512) ? not_an_archive(err) : r;
}

static int file_blob(const struct source *s, const char *name, struct blob *ret, struct error *err)
{
	struct stat st;
	CLEANUP_FD int fd = sys_openat2(s->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
					RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_sys(err, fd < 0 ? -fd : errno, "cannot open it");
	if (!S_ISREG(st.st_mode))
		return error_set(err, EBADMSG, "is not a regular file");
	*ret = (struct blob){ take_fd(&fd), 0, (uint64_t)st.st_size };
	return 0;
}

int source_blob(const struct source *s, const char *name, struct blob *ret, struct error *err)
{
	int r = 0;

	if (s->is_directory) {
		r = file_blob(s, name, ret, err);
	} else {
		const struct tarindex_member *m = tarindex_find(&s->index, name);
		int fd = m ? fcntl(s->fd, F_DUPFD_CLOEXEC, 3) : -1;
		if (m && fd < 0)
			r = error_sys(err, errno, "cannot open it");
		else if (m)
			*ret = (struct blob){ fd, m->offset, m->size };
		else
			return -ENOENT;
	}
	if (r < 0 && r != -ENOENT)
		error_object(err, "%s", name);
	return r;
}

int source_read(const struct source *s, const char *name, struct buf *ret, struct error *err)
{
	CLEANUP_BLOB struct blob b = BLOB_NONE;
	int r = source_blob(s, name, &b, err);
	if (r < 0)
		return r;
	r = blob_read_all(&b, DOC_MAX_SIZE, ret, err);
	if (r < 0)
		error_object(err, "%s", name);
	return r;
}
