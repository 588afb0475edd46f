/* SPDX-License-Identifier: Apache-2.0 */
/* content.c - see content.h. */
#include "checkpoint/kind/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_PAGES 256
#define INSIDE_PAGE  ((uint64_t)IMAGE_PAGE - 1)

static const struct field run_fields[] = {
	FIELD(struct content_run, at, U64, .optional = true),
	FIELD(struct content_run, pages, U64),
	FIELD(struct content_run, image, U64),
	FIELDS_END,
};

const struct field content_fields[] = {
	FIELD(struct content, size, U64, .optional = true),
	FIELD(struct content, runs, LIST, .optional = true, .max = 1 << 24, .fields = run_fields,
	      .size = sizeof(struct content_run)),
	FIELDS_END,
};

/* Pages of the file from `at` on; what lies behind its end is zero. */
static int read_pages(int fd, uint64_t at, uint8_t *buf, size_t n_pages, struct error *err)
{
	size_t got = 0, size = n_pages * IMAGE_PAGE;
	while (got < size) {
		ssize_t r = pread(fd, buf + got, size - got, (off_t)(at + got));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return error_sys(err, errno, "cannot read the file's content");
		if (r == 0)
			break;
		got += (size_t)r;
	}
	memset(buf + got, 0, size - got);
	return 0;
}

struct runs {
	struct content_run *v;
	size_t n;
};

/* One part of the file to the image. In a stream the pages of each write are a part of their own: then so are runs. */
static int write_run(struct collect *c, int fd, uint8_t *buf, const struct content_run *data,
		     struct runs *runs, struct error *err)
{
	for (uint64_t done = 0; done < data->pages;) {
		size_t n = MIN(data->pages - done, (uint64_t)BUFFER_PAGES);
		uint64_t at = data->at + done * IMAGE_PAGE, image;
		int r = read_pages(fd, at, buf, n, err);
		if (r == 0)
			r = image_pages_write(c->w, buf, n, &image, err);
		if (r < 0)
			return r;
		struct content_run *last = done ? &runs->v[runs->n - 1] : NULL;
		if (last && last->image + last->pages * IMAGE_PAGE == image)
			last->pages += n;
		else
			*arena_push(c->arena, runs->v, runs->n) =
				(struct content_run){ .at = at, .pages = n, .image = image };
		done += n;
	}
	return 0;
}

/* The next data at or after *at, as whole pages; false: none. A file system without SEEK_DATA says that all is data. */
static bool next_run(int fd, uint64_t size, uint64_t at, struct content_run *ret)
{
	if (at >= size)
		return false;
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		return false;
	uint64_t start = data < 0 ? at : (uint64_t)data;
	off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
	uint64_t end = hole < 0 ? size : MIN((uint64_t)hole, size);
	start = MAX(start & ~INSIDE_PAGE, at);
	*ret = (struct content_run){ .at = start,
				     .pages = (end - start + INSIDE_PAGE) / IMAGE_PAGE };
	return true;
}

static int write_runs(struct collect *c, int fd, uint8_t *buf, struct content *ret,
		      struct error *err)
{
	struct content_run data;
	struct runs runs = { 0 };
	for (uint64_t at = 0; next_run(fd, ret->size, at, &data);
	     at = data.at + data.pages * IMAGE_PAGE) {
		int r = write_run(c, fd, buf, &data, &runs, err);
		if (r < 0)
			return r;
	}
	ret->runs = (struct list){ .v = runs.v, .n = runs.n };
	return 0;
}

static void free_buffer(uint8_t **buf)
{
	free(*buf);
}

int content_collect(struct collect *c, int fd, struct content *ret, struct error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(err, errno, "fstat(2)");
	*ret = (struct content){ .size = (uint64_t)st.st_size };
	struct content_run first;
	if (!c->w || !next_run(fd, ret->size, 0, &first))
		return 0;
	CLEANUP(free_buffer) uint8_t *buf = xmalloc((size_t)BUFFER_PAGES * IMAGE_PAGE);
	return write_runs(c, fd, buf, ret, err);
}

int content_fill(struct holder *h, const struct content *ct, int fd, struct error *err)
{
	const struct content_run *runs = ct->runs.v;
	uint64_t before = 0;
	for (size_t i = 0; i < ct->runs.n; i++) {
		const struct content_run *run = &runs[i];
		/* no run lies over another or reaches past the page of the end */
		if (run->at & INSIDE_PAGE || run->at < before || run->at >= ct->size ||
		    run->pages > (ct->size - run->at + INSIDE_PAGE) / IMAGE_PAGE)
			return error_set(err, EBADMSG, "run %zu of a file's content is impossible",
					 i);
		if (!image_has_pages(holder_image(h), run->image, run->pages))
			return error_set(err, EBADMSG, "the image lacks pages of a file's content");
		int r = holder_copy_pages(h, run->image, run->pages, fd, run->at, err);
		if (r < 0)
			return r;
		before = run->at + run->pages * IMAGE_PAGE;
	}
	if (ct->size > INT64_MAX || ftruncate(fd, (off_t)ct->size) < 0)
		return error_sys(err, ct->size > INT64_MAX ? EFBIG : errno,
				 "cannot give the file its size of %llu bytes",
				 (unsigned long long)ct->size);
	return 0;
}
