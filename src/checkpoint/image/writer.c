/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.c - an image is written: image.h, docs/image-format.md.
 *
 * Into a file, PAGES and BLOB parts of unknown length are one part each: room is left for the header, which is written when
 * the part ends. Where one can only write on, every piece becomes a part of its own. What comes out is read the
 * same way. After a failure every further call fails with it, so that nobody finishes half an image.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "checkpoint/image/cbor.h"
#include "checkpoint/image/checksum.h"
#include "checkpoint/image/format.h"
#include "checkpoint/image/image.h"
#include "checkpoint/image/key.h"

#define BLOB_PIECE (256u << 10)

struct image_writer {
	int fd;
	bool is_file;
	int failed;   /* negative errno of what failed first */
	uint64_t end; /* of what was written */
	uint8_t id[16];
	struct buf records; /* not yet written */
	uint64_t text;	    /* bytes of all records */
	struct buf index;   /* copies of the headers of all parts */
	struct arena arena; /* the types */
	struct key *keys;
	size_t n_keys, room;
	size_t n_blobs;
	bool in_pages;
	struct format_part open; /* in a file: the part that is being written; kind 0: none */
	uint64_t open_header;	 /* where its header goes */
	struct checksum *sum;	 /* of its payload */
};

/* ---- output ---- */

static int fail(struct image_writer *w, int r)
{
	if (w->failed == 0)
		w->failed = r;
	return r;
}

static int check_usable(struct image_writer *w, struct error *err)
{
	if (w->failed)
		return error_set(err, -w->failed, "writing the image has failed before");
	return 0;
}

static int refuse_write(struct image_writer *w, int errnum, struct error *err)
{
	(void)error_sys(err, errnum, "cannot write the image after %" PRIu64 " bytes", w->end);
	if (errnum == ENOSPC || errnum == EDQUOT)
		(void)error_hint(err, "make room, or write it to another file system");
	return fail(w, -errnum);
}

/* Cuts what was written off the front. */
static void iov_advance(struct iovec **v, int *n, size_t written)
{
	while (*n && written >= (*v)->iov_len) {
		written -= (*v)->iov_len;
		(*v)++;
		(*n)--;
	}
	if (*n) {
		(*v)->iov_base = (char *)(*v)->iov_base + written;
		(*v)->iov_len -= written;
	}
}

/* Writes all of it at the image's end. v is used up. */
static int append(struct image_writer *w, struct iovec *v, int n, struct error *err)
{
	iov_advance(&v, &n, 0);
	while (n) {
		ssize_t got =
			w->is_file ? pwritev(w->fd, v, n, (off_t)w->end) : writev(w->fd, v, n);
		if (got < 0 && errno == EAGAIN) {
			(void)poll(&(struct pollfd){ .fd = w->fd, .events = POLLOUT }, 1, -1);
			continue;
		}
		if (got < 0 && errno != EINTR)
			return refuse_write(w, errno, err);
		if (got == 0)
			return refuse_write(w, EIO, err);
		if (got > 0) {
			w->end += (uint64_t)got;
			iov_advance(&v, &n, (size_t)got);
		}
	}
	return 0;
}

static int append_one(struct image_writer *w, const void *data, size_t size, struct error *err)
{
	struct iovec v = { .iov_base = (void *)data, .iov_len = size };
	return append(w, &v, 1, err);
}

static int patch(struct image_writer *w, uint64_t at, const void *data, size_t size,
		 struct error *err)
{
	const char *p = data;
	while (size) {
		ssize_t got = pwrite(w->fd, p, size, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return refuse_write(w, got < 0 ? errno : EIO, err);
		p += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

/* ---- parts ---- */

static int note_part(struct image_writer *w, const struct format_part *p, struct error *err)
{
	if (w->index.len / sizeof(*p) >= FORMAT_MAX_PARTS)
		return fail(w, error_set(err, E2BIG, "the image has more than %u parts",
					 FORMAT_MAX_PARTS));
	buf_add(&w->index, p, sizeof(*p));
	return 0;
}

/* A part whose payload is there, in one write. */
static int write_part(struct image_writer *w, struct format_part *p, const void *data, size_t size,
		      struct error *err)
{
	char frame[FORMAT_MAX_FRAME] = { 0 };
	uint64_t header = format_align(w->end);
	p->offset = format_payload(p->kind, header);
	p->size = size;
	p->payload_checksum = checksum_of(data, size);
	format_part_seal(p);
	memcpy(frame + (header - w->end), p, sizeof(*p));
	struct iovec v[] = {
		{ .iov_base = frame, .iov_len = (size_t)(p->offset - w->end) },
		{ .iov_base = (void *)data, .iov_len = size },
	};
	int r = append(w, v, ARRAY_SIZE(v), err);
	if (r < 0)
		return r;
	return p->kind == PART_INDEX ? 0 : note_part(w, p, err);
}

/* In a file: leaves room for the header. What is not written reads as zeros. */
static void open_part(struct image_writer *w, struct format_part p)
{
	w->open_header = format_align(w->end);
	p.offset = format_payload(p.kind, w->open_header);
	w->open = p;
	w->end = p.offset;
	checksum_reset(w->sum);
}

static int open_part_add(struct image_writer *w, const void *data, size_t size, struct error *err)
{
	checksum_add(w->sum, data, size);
	w->open.size += size;
	return append_one(w, data, size, err);
}

static int close_part(struct image_writer *w, struct error *err)
{
	struct format_part p = w->open;
	w->open.kind = 0;
	p.payload_checksum = checksum_end(w->sum);
	format_part_seal(&p);
	int r = patch(w, w->open_header, &p, sizeof(p), err);
	if (r < 0)
		return r;
	return note_part(w, &p, err);
}

/* ---- life ---- */

/* A file that is empty and not only appended to can be written back into. */
static int look_at_output(struct image_writer *w, struct error *err)
{
	struct stat st;
	int flags = fcntl(w->fd, F_GETFL);
	if (flags < 0 || fstat(w->fd, &st) < 0)
		return error_sys(err, errno, "cannot write an image there");
	if (S_ISREG(st.st_mode) && st.st_size) {
		(void)error_set(err, EEXIST, "the file has %lld bytes already",
				(long long)st.st_size);
		return error_hint(err, "an image is the whole of its file: write it to a new one");
	}
	w->is_file = S_ISREG(st.st_mode) && !(flags & O_APPEND);
	return 0;
}

int image_writer_new(int fd, struct image_writer **ret, struct error *err)
{
	CLEANUP_IMAGE_WRITER struct image_writer *w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	w->sum = checksum_new();
	int r = look_at_output(w, err);
	if (r < 0)
		return r;
	if (getrandom(w->id, sizeof(w->id), 0) != (ssize_t)sizeof(w->id))
		return error_sys(err, errno, "no random number for the image's id");
	struct format_header h = { .version = IMAGE_VERSION, .page_size = IMAGE_PAGE };
	memcpy(h.id, w->id, sizeof(h.id));
	format_header_seal(&h);
	r = append_one(w, &h, sizeof(h), err);
	if (r < 0)
		return r;
	*ret = take_ptr(w);
	return 0;
}

void image_writer_free(struct image_writer *w)
{
	if (!w)
		return;
	buf_done(&w->records);
	buf_done(&w->index);
	arena_done(&w->arena);
	checksum_free(w->sum);
	free(w->keys);
	free(w);
}

void image_writer_cleanup(struct image_writer **w)
{
	image_writer_free(*w);
	*w = NULL;
}

/* ---- records ---- */

static int flush_records(struct image_writer *w, struct error *err)
{
	if (w->records.len == 0)
		return 0;
	struct format_part p = { .kind = PART_RECORDS };
	int r = write_part(w, &p, w->records.data, w->records.len, err);
	buf_reset(&w->records);
	return r;
}

static void note_key(struct image_writer *w, const char *type, uint64_t id)
{
	const char *last = w->n_keys ? w->keys[w->n_keys - 1].type : "";
	if (w->n_keys == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->keys = xrealloc(w->keys, w->room * sizeof(*w->keys));
	}
	w->keys[w->n_keys] = (struct key){
		.type = strcmp(last, type) == 0 ? last : arena_strdup(&w->arena, type),
		.id = id,
		.at = w->n_keys,
	};
	w->n_keys++;
}

int image_put(struct image_writer *w, const char *type, uint64_t id, const struct field *fields,
	      const void *record, struct error *err)
{
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (!format_is_type(type, strlen(type)))
		return fail(w,
			    error_set(err, EINVAL, "\"%s\" cannot be the type of a record", type));
	r = record_check(fields, record, err);
	if (r < 0) {
		(void)error_object(err, "record %s %" PRIu64, type, id);
		return fail(w, r);
	}
	size_t before = w->records.len;
	cbor_put_head(&w->records, CBOR_ARRAY, 3);
	cbor_put_text(&w->records, type, strlen(type));
	cbor_put_head(&w->records, CBOR_UINT, id);
	record_encode(fields, record, &w->records);
	size_t size = w->records.len - before;
	w->text += size;
	if (size > FORMAT_MAX_RECORD || w->text > FORMAT_MAX_TEXT ||
	    w->n_keys >= FORMAT_MAX_RECORDS) {
		(void)error_set(err, E2BIG, "the records are larger than an image can hold");
		(void)error_object(err, "record %s %" PRIu64, type, id);
		return fail(w, -E2BIG);
	}
	note_key(w, type, id);
	return w->records.len >= FORMAT_RECORDS_PART && w->open.kind == 0 ? flush_records(w, err)
									  : 0;
}

/* ---- pages ---- */

int image_pages_begin(struct image_writer *w, struct error *err)
{
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (w->in_pages)
		return fail(w, error_set(err, EINVAL, "a part of pages is open already"));
	w->in_pages = true;
	return 0;
}

int image_pages_write(struct image_writer *w, const void *pages, size_t n_pages,
		      uint64_t *ret_offset, struct error *err)
{
	struct format_part p = { .kind = PART_PAGES };
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (!w->in_pages || n_pages == 0 || n_pages > SIZE_MAX / IMAGE_PAGE)
		return fail(w, error_set(err, EINVAL, "%zu pages cannot be written now", n_pages));
	size_t size = n_pages * IMAGE_PAGE;
	uint64_t offset;
	if (!w->is_file) {
		r = write_part(w, &p, pages, size, err);
		offset = p.offset;
	} else {
		if (w->open.kind == 0)
			open_part(w, p);
		offset = w->end;
		r = open_part_add(w, pages, size, err);
	}
	if (r == 0 && ret_offset)
		*ret_offset = offset;
	return r;
}

int image_pages_end(struct image_writer *w, struct error *err)
{
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (!w->in_pages)
		return fail(w, error_set(err, EINVAL, "no part of pages is open"));
	w->in_pages = false;
	if (w->open.kind) /* in a file, and at least one page came */
		r = close_part(w, err);
	if (r == 0 && w->records.len >= FORMAT_RECORDS_PART)
		r = flush_records(w, err);
	return r;
}

/* ---- blobs ---- */

static bool has_blob(const struct image_writer *w, const char *name)
{
	const struct format_part *v = (const void *)w->index.data;
	for (size_t i = 0; i < w->index.len / sizeof(*v); i++)
		if (v[i].kind == PART_BLOB && strcmp(v[i].name, name) == 0)
			return true;
	return false;
}

/* One piece of a blob; the last is the one that is not full. */
static int write_piece(struct image_writer *w, const char *name, const char *data, size_t size,
		       struct error *err)
{
	if (w->is_file)
		return open_part_add(w, data, size, err);
	struct format_part p = { .kind = PART_BLOB, .flags = size == BLOB_PIECE ? PART_MORE : 0 };
	(void)strcpy(p.name, name);
	return write_part(w, &p, data, size, err);
}

static int copy_blob(struct image_writer *w, const char *name, int fd, struct error *err)
{
	CLEANUP_STR char *piece = xmalloc(BLOB_PIECE);
	for (;;) {
		ssize_t n = fd_read_all(fd, piece, BLOB_PIECE);
		if (n < 0)
			return fail(w, error_sys(err, (int)-n,
						 "cannot read what shall go into the image"));
		int r = write_piece(w, name, piece, (size_t)n, err);
		if (r < 0)
			return r;
		if (n < (ssize_t)BLOB_PIECE)
			return 0;
	}
}

int image_blob(struct image_writer *w, const char *name, int fd, struct error *err)
{
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (w->in_pages || !format_is_name(name, strlen(name)) || has_blob(w, name) ||
	    w->n_blobs >= FORMAT_MAX_BLOBS)
		return fail(
			w, error_set(err, EINVAL, "\"%s\" cannot be put into the image now", name));
	w->n_blobs++;
	struct format_part p = { .kind = PART_BLOB };
	(void)strcpy(p.name, name);
	if (w->is_file)
		open_part(w, p);
	r = copy_blob(w, name, fd, err);
	if (r < 0)
		return error_object(err, "%s", name);
	return w->is_file ? close_part(w, err) : 0;
}

/* ---- the end ---- */

static int check_keys(struct image_writer *w, struct error *err)
{
	keys_sort(w->keys, w->n_keys);
	const struct key *twin = keys_twin(w->keys, w->n_keys);
	if (!twin)
		return 0;
	(void)error_set(err, EEXIST, "it was put into the image twice");
	(void)error_object(err, "record %s %" PRIu64, twin->type, twin->id);
	return fail(w, -EEXIST);
}

static int write_trailer(struct image_writer *w, const struct format_part *index, struct error *err)
{
	char out[FORMAT_ALIGN + sizeof(struct format_trailer)] = { 0 };
	uint64_t at = format_align(w->end);
	struct format_trailer t = {
		.index_offset = index->offset - sizeof(*index),
		.size = at + sizeof(t),
		.index_checksum = index->payload_checksum,
	};
	memcpy(t.id, w->id, sizeof(t.id));
	format_trailer_seal(&t);
	memcpy(out + (at - w->end), &t, sizeof(t));
	return append_one(w, out, (size_t)(at - w->end) + sizeof(t), err);
}

int image_finish(struct image_writer *w, uint64_t *ret_size, struct error *err)
{
	int r = check_usable(w, err);
	if (r < 0)
		return r;
	if (w->in_pages)
		return fail(w, error_set(err, EINVAL, "a part of pages is still open"));
	r = check_keys(w, err);
	if (r == 0)
		r = flush_records(w, err);
	struct format_part index = { .kind = PART_INDEX };
	if (r == 0)
		r = write_part(w, &index, w->index.data, w->index.len, err);
	if (r == 0)
		r = write_trailer(w, &index, err);
	if (r < 0)
		return r;
	if (w->is_file)
		(void)lseek(w->fd, (off_t)w->end,
			    SEEK_SET); /* as if it had been written with write(2) */
	w->failed = -EINVAL;	       /* nothing may follow */
	if (ret_size)
		*ret_size = w->end;
	return 0;
}
