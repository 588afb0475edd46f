/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - an image is opened and asked: image.h. The file is hostile. Nothing is believed before its checksum and
 * its place were compared, nothing is allocated that is not there, and everything is read with pread(2) into our
 * own memory: a mapping would give SIGBUS when somebody truncates the file, and other bytes than those that were checked.
 */
#include "checkpoint/image/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/image/cbor.h"
#include "checkpoint/image/checksum.h"

int reader_read(const struct image *img, uint64_t at, void *data, size_t size, struct error *err)
{
	char *p = data;
	while (size) {
		ssize_t got = pread(img->fd, p, size, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(err, errno, "cannot read the image at byte %" PRIu64, at);
		if (got == 0)
			return format_damaged(err, at, "the file ends here");
		p += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return 0;
}

/* Memory whose size an image tells: it may be more than there is. */
static void *allocate(uint64_t size, struct error *err)
{
	void *p = malloc(size ? (size_t)size : 1);
	if (!p)
		(void)error_set(err, ENOMEM, "no memory for %" PRIu64 " bytes of the image", size);
	return p;
}

/* ---- header, trailer, index ---- */

static int open_ends(struct image *img, struct format_trailer *t, struct error *err)
{
	struct format_header h;
	struct stat st;
	if (fstat(img->fd, &st) < 0)
		return error_sys(err, errno, "cannot look at the image");
	if (!S_ISREG(st.st_mode)) {
		(void)error_set(err, EBADMSG, "this is not a file");
		return error_hint(err,
				  "an image that comes through a pipe is stored in a file first");
	}
	img->size = (uint64_t)st.st_size;
	if (img->size < sizeof(h))
		return error_set(err, EBADMSG,
				 "this is not an image of a container: it has %" PRIu64 " bytes",
				 img->size);
	int r = reader_read(img, 0, &h, sizeof(h), err);
	if (r == 0)
		r = format_header_check(&h, err);
	if (r < 0)
		return r;
	if (img->size < sizeof(h) + sizeof(struct format_part) + sizeof(*t))
		return error_set(err, EBADMSG, "the image has no end: it has %" PRIu64 " bytes",
				 img->size);
	uint64_t at = img->size - sizeof(*t);
	r = reader_read(img, at, t, sizeof(*t), err);
	if (r == 0)
		r = format_trailer_check(t, at, err);
	if (r < 0)
		return r;
	if (t->size != img->size)
		return format_damaged(
			err, at, "the image was written with %" PRIu64 " bytes and has %" PRIu64,
			t->size, img->size);
	if (memcmp(t->id, h.id, sizeof(h.id)) != 0)
		return format_damaged(err, at, "header and trailer are of different images");
	return 0;
}

/* Where the index must lie follows from the trailer's place and the number of parts. */
static int check_index_place(const struct image *img, const struct format_trailer *t,
			     struct error *err)
{
	const struct format_part *p = &img->index;
	uint64_t trailer = img->size - sizeof(*t);
	if (p->kind != PART_INDEX || p->offset != t->index_offset + sizeof(*p))
		return format_damaged(err, t->index_offset, "here should be the index");
	if (p->payload_checksum != t->index_checksum)
		return format_damaged(err, t->index_offset, "index and trailer do not agree");
	if (p->size % sizeof(*p) || p->size / sizeof(*p) > FORMAT_MAX_PARTS || p->size > trailer ||
	    format_align(p->offset + p->size) != trailer)
		return format_damaged(err, t->index_offset,
				      "the index does not end where the trailer begins");
	return 0;
}

static int open_index(struct image *img, const struct format_trailer *t, struct error *err)
{
	uint64_t at = t->index_offset, trailer = img->size - sizeof(*t);
	if (at % FORMAT_ALIGN || at < sizeof(struct format_header) ||
	    at > trailer - sizeof(img->index))
		return format_damaged(err, trailer,
				      "the trailer tells an index that cannot be at byte %" PRIu64,
				      at);
	int r = reader_read(img, at, &img->index, sizeof(img->index), err);
	if (r == 0)
		r = format_part_check(&img->index, at, err);
	if (r == 0)
		r = check_index_place(img, t, err);
	if (r < 0)
		return r;
	const struct format_part *p = &img->index;
	img->headers = allocate(p->size, err);
	if (!img->headers)
		return -ENOMEM;
	r = reader_read(img, p->offset, img->headers, (size_t)p->size, err);
	if (r < 0)
		return r;
	if (checksum_of(img->headers, (size_t)p->size) != p->payload_checksum)
		return format_damaged(err, p->offset, "the index has not its checksum");
	img->n_parts = (size_t)(p->size / sizeof(*p));
	char pad[FORMAT_ALIGN];
	uint64_t end = p->offset + p->size;
	r = reader_read(img, end, pad, (size_t)(trailer - end), err);
	if (r < 0)
		return r;
	return format_is_zero(pad, (size_t)(trailer - end))
		       ? 0
		       : format_damaged(err, end, "bytes that must be zero are not");
}

/* ---- where the parts lie ---- */

/* A blob in pieces has them in a row; a name is not taken twice. */
static int check_blob(const struct image *img, size_t i, const char *names[static FORMAT_MAX_BLOBS],
		      size_t *n_names, uint64_t at, struct error *err)
{
	const struct format_part *p = &img->headers[i], *before = i ? p - 1 : NULL;
	bool goes_on = before && before->kind == PART_BLOB && (before->flags & PART_MORE);
	if (goes_on && (p->kind != PART_BLOB || strcmp(p->name, before->name) != 0))
		return format_damaged(err, at, "here should be more of the blob %s", before->name);
	if (goes_on || p->kind != PART_BLOB)
		return 0;
	for (size_t k = 0; k < *n_names; k++)
		if (strcmp(names[k], p->name) == 0)
			return format_damaged(err, at, "the blob %s is there twice", p->name);
	if (*n_names == FORMAT_MAX_BLOBS)
		return format_damaged(err, at, "more than %d blobs", FORMAT_MAX_BLOBS);
	names[(*n_names)++] = p->name;
	return 0;
}

static int check_place(const struct format_part *p, uint64_t at, uint64_t limit, struct error *err)
{
	int r = format_part_check(p, at, err);
	if (r < 0)
		return r;
	if (p->kind == PART_INDEX)
		return format_damaged(err, at, "a second index");
	if (p->offset != format_payload(p->kind, at))
		return format_damaged(err, at, "a part is not where the one before it ends");
	if (p->offset > limit || p->size > limit - p->offset)
		return format_damaged(err, at, "a part is larger than the image");
	return 0;
}

static int place_parts(struct image *img, const struct format_trailer *t, struct error *err)
{
	static const char *const words[] = { "", "records", "pages", "blob" };
	const char *names[FORMAT_MAX_BLOBS];
	size_t n_names = 0;
	uint64_t at = sizeof(struct format_header), text = 0;
	img->parts = allocate(img->n_parts * sizeof(*img->parts), err);
	if (!img->parts)
		return -ENOMEM;
	for (size_t i = 0; i < img->n_parts; i++) {
		const struct format_part *p = &img->headers[i];
		int r = check_place(p, at, t->index_offset, err);
		if (r == 0)
			r = check_blob(img, i, names, &n_names, at, err);
		if (r < 0)
			return r;
		text += p->kind == PART_RECORDS ? p->size : 0;
		if (text > FORMAT_MAX_TEXT)
			return format_damaged(err, at, "more records than an image may have");
		img->n_texts += p->kind == PART_RECORDS;
		img->parts[i] = (struct image_part){ words[p->kind], p->name, p->offset, p->size };
		at = format_align(p->offset + p->size);
	}
	if (at != t->index_offset)
		return format_damaged(err, at, "the index does not name all that is in the image");
	if (img->n_parts && (img->headers[img->n_parts - 1].flags & PART_MORE))
		return format_damaged(err, at, "here should be more of a blob");
	return 0;
}

int reader_check_frame(const struct image *img, uint64_t end, const struct format_part *p,
		       struct error *err)
{
	char frame[FORMAT_MAX_FRAME];
	uint64_t header = format_align(end);
	size_t before = (size_t)(header - end), size = (size_t)(p->offset - end);
	if (p->offset < end ||
	    size > sizeof(frame)) /* was seen to before: the last line of defence */
		return format_damaged(err, header, "a part is not where the one before it ends");
	int r = reader_read(img, end, frame, size, err);
	if (r < 0)
		return r;
	if (!format_is_zero(frame, before))
		return format_damaged(err, end, "bytes that must be zero are not");
	if (memcmp(frame + before, p, sizeof(*p)) != 0)
		return format_damaged(err, header,
				      "the header of a part is not the one that the index has");
	before += sizeof(*p);
	if (!format_is_zero(frame + before, size - before))
		return format_damaged(err, header + sizeof(*p), "bytes that must be zero are not");
	return 0;
}

/* ---- records ---- */

static int add_record(struct image *img, const char *type, size_t type_size,
		      struct image_record rec, uint64_t at, struct error *err)
{
	if (img->n_records == FORMAT_MAX_RECORDS)
		return format_damaged(err, at, "more records than an image may have");
	if (img->n_records == img->room) {
		size_t room = img->room ? img->room * 2 : 256;
		void *bigger = realloc(img->records, room * sizeof(rec));
		if (!bigger)
			return error_set(err, ENOMEM, "no memory for %zu records", room);
		img->records = bigger;
		img->room = room;
	}
	const char *last = img->n_records ? img->records[img->n_records - 1].type : "";
	bool same = strlen(last) == type_size && memcmp(last, type, type_size) == 0;
	rec.type = same ? last : arena_strndup(&img->arena, type, type_size);
	img->records[img->n_records++] = rec;
	return 0;
}

static int read_record(struct image *img, struct cbor *c, uint64_t at, struct error *err)
{
	uint64_t start = at + cbor_at(c), n;
	const uint8_t *type;
	size_t type_size;
	struct image_record rec = { 0 };
	c->why = "a record is not [type, id, map]";
	if (!cbor_expect(c, CBOR_ARRAY, &n) || n != 3)
		return format_damaged(err, start, "%s", c->why);
	if (!cbor_string(c, CBOR_TEXT, &type, &type_size) ||
	    !format_is_type((const char *)type, type_size))
		return format_damaged(err, start, "a record without a type");
	if (!cbor_expect(c, CBOR_UINT, &rec.id))
		return format_damaged(err, start, "a record without an id");
	rec.data = c->p;
	if (cbor_left(c) == 0 || c->p[0] >> 5 != CBOR_MAP)
		return format_damaged(err, at + cbor_at(c), "a record without its map");
	if (!cbor_skip(c, 0))
		return format_damaged(err, at + cbor_at(c), "%s", c->why);
	rec.size = (size_t)(c->p - (const uint8_t *)rec.data);
	if (at + cbor_at(c) - start > FORMAT_MAX_RECORD)
		return format_damaged(err, start, "a record is too large");
	return add_record(img, (const char *)type, type_size, rec, start, err);
}

static int read_records(struct image *img, const struct format_part *p, struct error *err)
{
	char *text = allocate(p->size, err);
	if (!text)
		return -ENOMEM;
	img->texts[img->n_texts++] = text;
	int r = reader_read(img, p->offset, text, (size_t)p->size, err);
	if (r < 0)
		return r;
	if (checksum_of(text, (size_t)p->size) != p->payload_checksum)
		return format_damaged(err, p->offset, "a part of records has not its checksum");
	struct cbor c = cbor_over(text, (size_t)p->size);
	while (cbor_left(&c)) {
		r = read_record(img, &c, p->offset, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_records(struct image *img, struct error *err)
{
	uint64_t end = sizeof(struct format_header);
	img->texts = allocate(img->n_texts * sizeof(*img->texts), err);
	if (!img->texts)
		return -ENOMEM;
	img->n_texts = 0;
	for (size_t i = 0; i < img->n_parts; i++) {
		const struct format_part *p = &img->headers[i];
		int r = p->kind == PART_RECORDS ? reader_check_frame(img, end, p, err) : 0;
		if (r == 0 && p->kind == PART_RECORDS)
			r = read_records(img, p, err);
		if (r < 0)
			return r;
		end = p->offset + p->size;
	}
	return reader_check_frame(img, end, &img->index, err);
}

static int sort_records(struct image *img, struct error *err)
{
	img->keys = allocate(img->n_records * sizeof(*img->keys), err);
	if (!img->keys)
		return -ENOMEM;
	for (size_t i = 0; i < img->n_records; i++)
		img->keys[i] = (struct key){ img->records[i].type, img->records[i].id, i };
	keys_sort(img->keys, img->n_records);
	const struct key *twin = keys_twin(img->keys, img->n_records);
	if (twin)
		return error_set(err, EBADMSG,
				 "the image is damaged: record %s %" PRIu64 " is there twice",
				 twin->type, twin->id);
	return 0;
}

/* ---- life ---- */

int image_open(int fd, struct image **ret, struct error *err)
{
	CLEANUP_IMAGE struct image *img = calloc(1, sizeof(*img));
	struct format_trailer t;
	if (!img)
		return error_set(err, ENOMEM, "no memory for an image");
	img->fd = fd;
	int r = open_ends(img, &t, err);
	if (r == 0)
		r = open_index(img, &t, err);
	if (r == 0)
		r = place_parts(img, &t, err);
	if (r == 0)
		r = open_records(img, err);
	if (r == 0)
		r = sort_records(img, err);
	if (r < 0)
		return r;
	*ret = take_ptr(img);
	return 0;
}

void image_free(struct image *img)
{
	if (!img)
		return;
	for (size_t i = 0; img->texts && i < img->n_texts; i++)
		free(img->texts[i]);
	free(img->texts);
	free(img->headers);
	free(img->parts);
	free(img->records);
	free(img->keys);
	arena_done(&img->arena);
	free(img);
}

void image_cleanup(struct image **img)
{
	image_free(*img);
	*img = NULL;
}

int image_fd(const struct image *img)
{
	return img->fd;
}

/* ---- asking ---- */

static const struct image_record *find_record(const struct image *img, const char *type,
					      uint64_t id)
{
	const struct key *k = keys_find(img->keys, img->n_records, type, id);
	return k ? &img->records[k->at] : NULL;
}

bool image_has(struct image *img, const char *type, uint64_t id)
{
	return find_record(img, type, id) != NULL;
}

int image_get(struct image *img, const char *type, uint64_t id, const struct field *fields,
	      struct arena *arena, void *ret, struct error *err)
{
	const struct image_record *rec = find_record(img, type, id);
	int r = rec ? record_decode(fields, rec->data, rec->size, arena, ret, err)
		    : error_set(err, ENOENT, "the image has no such record");
	if (r < 0)
		return error_object(err, "record %s %" PRIu64, type, id), r;
	return 0;
}

bool image_each(struct image *img, size_t *at, struct image_record *ret)
{
	if (*at >= img->n_records)
		return false;
	*ret = img->records[(*at)++];
	return true;
}

size_t image_parts(const struct image *img, const struct image_part **ret)
{
	*ret = img->parts;
	return img->n_parts;
}

bool image_has_pages(const struct image *img, uint64_t offset, uint64_t n_pages)
{
	size_t low = 0, high = img->n_parts; /* the last part that begins at or before offset */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (img->headers[mid].offset <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || offset % IMAGE_PAGE || n_pages == 0)
		return false;
	const struct format_part *p = &img->headers[low - 1];
	uint64_t into = offset - p->offset;
	return p->kind == PART_PAGES && into < p->size && n_pages <= (p->size - into) / IMAGE_PAGE;
}
