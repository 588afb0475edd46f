/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - the file that a container is written to: docs/image-format.md is its specification.
 *
 *   header | part | part | ... | index part | trailer
 *
 * A part is a header (kind, length, checksum) and a payload. RECORDS parts hold records one after the other,
 * each [type, id, map] in CBOR; PAGES parts hold memory, page-aligned in the file so that it can be mapped;
 * BLOB parts hold named files (the private layer). Each part has its own checksum (XXH3, 64 bits). Parts can
 * be read one after the other from a pipe; the index at the end is for files. An image without its trailer
 * is an unfinished one and is refused.
 *
 * A record is found by type and id: type is the name of a kind ("task", "mm", "file", "file.pipe"), id a
 * number that is unique within the type (a pid, an object's id).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/error.h"
#include "checkpoint/image/record.h"

#define IMAGE_VERSION 1
#define IMAGE_PAGE    4096

/* ---- writing ---- */

struct image_writer;
#define CLEANUP_IMAGE_WRITER CLEANUP(image_writer_cleanup)

/*
 * Starts an image on fd, which stays the caller's: an empty file (-EEXIST otherwise: an image is the whole of its
 * file), or a pipe, a socket, a file opened with O_APPEND, which are written forward only; there every piece of pages or of a
 * blob becomes a part of its own. SIGPIPE is the caller's to block. After a failure every further call fails.
 */
int image_writer_new(int fd, struct image_writer **ret, struct error *err) NODISCARD;
void image_writer_free(struct image_writer *w);
void image_writer_cleanup(struct image_writer **w);

/*
 * Adds a record. Kept in memory until image_finish() or until some 1 MiB of them are there. type: [a-z0-9._-]{1,64}.
 * -E2BIG when it has more than the fields' `max`. A record that is put twice is told by image_finish(): -EEXIST.
 */
int image_put(struct image_writer *w, const char *type, uint64_t id, const struct field *fields,
	      const void *record, struct error *err) NODISCARD;

/*
 * Pages: image_pages_begin() starts a PAGES part; image_pages_write() appends whole pages and tells the file offset of
 * the first; image_pages_end() closes the part. Records may be put meanwhile. Two writes lie one behind the other
 * in one part only if the second offset is the first one's end: on a pipe they never do.
 */
int image_pages_begin(struct image_writer *w, struct error *err) NODISCARD;
int image_pages_write(struct image_writer *w, const void *pages, size_t n_pages,
		      uint64_t *ret_offset, struct error *err) NODISCARD;
int image_pages_end(struct image_writer *w, struct error *err) NODISCARD;

/* A named blob of unknown length, read from fd until end of file. name: [A-Za-z0-9._-]{1,79}. */
int image_blob(struct image_writer *w, const char *name, int fd, struct error *err) NODISCARD;

/* Writes what is left, the index and the trailer. Returns the image's size in *ret_size (may be NULL). */
int image_finish(struct image_writer *w, uint64_t *ret_size, struct error *err) NODISCARD;

/* ---- reading ---- */

struct image;
#define CLEANUP_IMAGE CLEANUP(image_cleanup)

/*
 * Opens a finished image (a regular file; fd stays the caller's and must stay open). Checks header, trailer, index and the
 * checksums of all but PAGES and BLOB parts, that every part lies within the file and none over another, and that
 * every record is well-formed. Records are copied to memory: the file may change afterwards, they do not.
 */
int image_open(int fd, struct image **ret, struct error *err) NODISCARD;
void image_free(struct image *img);
void image_cleanup(struct image **img);
int image_fd(const struct image *img);

/* Checks the checksums of all parts, PAGES and BLOB too. progress may be NULL. */
int image_verify(struct image *img, void (*progress)(void *arg, uint64_t done, uint64_t all),
		 void *arg, struct error *err) NODISCARD;

/* -ENOENT when there is none, -EBADMSG when it is not such a record. */
int image_get(struct image *img, const char *type, uint64_t id, const struct field *fields,
	      struct arena *arena, void *ret, struct error *err) NODISCARD;
bool image_has(struct image *img, const char *type, uint64_t id);

/* All records: the next from *at on (start with 0); false after the last. For `inspect` and for kinds that list. */
struct image_record {
	const char *type;
	uint64_t id;
	const void *data; /* its CBOR map */
	size_t size;
};
bool image_each(struct image *img, size_t *at, struct image_record *ret);

/* Whether [offset, offset + n_pages) lies within one PAGES part: to be asked of every offset that a record names. */
bool image_has_pages(const struct image *img, uint64_t offset, uint64_t n_pages);

struct image_part {
	const char *kind; /* "records", "pages", "blob" */
	const char *
		name; /* of a blob, else ""; one that came through a pipe has several parts in a row */
	uint64_t offset; /* of the payload */
	uint64_t size;
};
size_t image_parts(const struct image *img, const struct image_part **ret);

/* Copies a blob to out, checking it: on -EBADMSG, what was copied is to be thrown away. -ENOENT. */
int image_blob_read(struct image *img, const char *name, int out, struct error *err) NODISCARD;

/* The record's CBOR map as a JSON object, for people: byte strings as {"bytes": N} beyond 64 bytes, else base16. */
void image_record_json(const struct image_record *rec, struct buf *out);
