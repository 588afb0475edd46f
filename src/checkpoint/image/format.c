/* SPDX-License-Identifier: Apache-2.0 */
/* format.c - see format.h. */
#include "checkpoint/image/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/image/checksum.h"

static const char header_magic[8] = { '\x89', 'c', 'o', 'n', 't', 'e', 'x', 'e' };
static const char trailer_magic[8] = { '\x89', 'c', 't', 'x', 'e', 'n', 'd', '\n' };
static const char part_magic[4] = { 'p', 'a', 'r', 't' };

_Static_assert(sizeof(struct format_header) == 64, "as specified");
_Static_assert(sizeof(struct format_part) == 128, "as specified");
_Static_assert(sizeof(struct format_trailer) == 64, "as specified");
_Static_assert(offsetof(struct format_part, name) == 40, "as specified");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the structures are written as they are");

/* Each structure ends in the checksum of what is before it. */
#define SEAL(s)	     ((s)->checksum = checksum_of((s), offsetof(__typeof__(*(s)), checksum)))
#define IS_SEALED(s) ((s)->checksum == checksum_of((s), offsetof(__typeof__(*(s)), checksum)))

void format_header_seal(struct format_header *h)
{
	memcpy(h->magic, header_magic, sizeof(h->magic));
	SEAL(h);
}

void format_part_seal(struct format_part *p)
{
	memcpy(p->magic, part_magic, sizeof(p->magic));
	SEAL(p);
}

void format_trailer_seal(struct format_trailer *t)
{
	memcpy(t->magic, trailer_magic, sizeof(t->magic));
	SEAL(t);
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

uint64_t format_align(uint64_t end)
{
	return round_up(end, FORMAT_ALIGN);
}

uint64_t format_payload(uint32_t kind, uint64_t header_offset)
{
	uint64_t end = header_offset + sizeof(struct format_part);
	return kind == PART_PAGES ? round_up(end, IMAGE_PAGE) : end;
}

int format_damaged(struct error *err, uint64_t at, const char *why, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, why);
	(void)vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	return error_set(err, EBADMSG, "the image is damaged at byte %" PRIu64 ": %s", at, text);
}

bool format_is_zero(const void *data, size_t size)
{
	const char *p = data;
	return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

static bool is_word(const char *s, size_t size, size_t max, bool capitals)
{
	if (size == 0 || size > max)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = s[i];
		bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '_' || c == '-' || (capitals && c >= 'A' && c <= 'Z');
		if (!fits)
			return false;
	}
	return true;
}

bool format_is_type(const char *s, size_t size)
{
	return is_word(s, size, FORMAT_MAX_TYPE, false);
}

bool format_is_name(const char *s, size_t size)
{
	return is_word(s, size, FORMAT_MAX_NAME, true);
}

/* The version comes before the checksum, since a later version may put that elsewhere. */
int format_header_check(const struct format_header *h, struct error *err)
{
	if (memcmp(h->magic, header_magic, sizeof(h->magic)) != 0)
		return error_set(err, EBADMSG, "this is not an image of a container");
	if (h->version != IMAGE_VERSION) {
		(void)error_set(err, EBADMSG, "the image has version %u of the format, known is %d",
				h->version, IMAGE_VERSION);
		return error_hint(err, "use the contexe that wrote it");
	}
	if (!IS_SEALED(h))
		return format_damaged(err, 0, "the header has not its checksum");
	if (h->features) {
		(void)error_set(err, EBADMSG, "the image uses features that are not known: %#x",
				h->features);
		return error_hint(err, "use the contexe that wrote it");
	}
	if (h->page_size != IMAGE_PAGE)
		return error_set(err, EBADMSG, "the image has pages of %u bytes, known are %d",
				 h->page_size, IMAGE_PAGE);
	if (!format_is_zero(h->zero, sizeof(h->zero)))
		return format_damaged(err, offsetof(struct format_header, zero),
				      "bytes that must be zero are not");
	return 0;
}

static int check_name(const struct format_part *p, uint64_t at, struct error *err)
{
	size_t n = strnlen(p->name, sizeof(p->name));
	bool fits = p->kind == PART_BLOB ? format_is_name(p->name, n) : n == 0;
	if (!fits || !format_is_zero(p->name + n, sizeof(p->name) - n))
		return format_damaged(err, at, "a part has a name that it may not have");
	return 0;
}

int format_part_check(const struct format_part *p, uint64_t at, struct error *err)
{
	if (memcmp(p->magic, part_magic, sizeof(p->magic)) != 0)
		return format_damaged(err, at, "here should be the header of a part");
	if (!IS_SEALED(p))
		return format_damaged(err, at, "the header of a part has not its checksum");
	if (p->kind < PART_RECORDS || p->kind > PART_INDEX)
		return format_damaged(err, at, "a part is of kind %u, which is not known", p->kind);
	if (p->zero || (p->flags & ~(p->kind == PART_BLOB ? PART_MORE : 0)))
		return format_damaged(err, at, "a part has flags that are not known");
	if (p->kind != PART_BLOB && p->kind != PART_INDEX && p->size == 0)
		return format_damaged(err, at, "a part is empty");
	if (p->kind == PART_PAGES && p->size % IMAGE_PAGE)
		return format_damaged(err, at, "a part of pages holds half a page");
	return check_name(p, at, err);
}

int format_trailer_check(const struct format_trailer *t, uint64_t at, struct error *err)
{
	if (memcmp(t->magic, trailer_magic, sizeof(t->magic)) != 0)
		return error_set(
			err, EBADMSG,
			"the image has no end: it was cut off, or its writer did not finish it");
	if (!IS_SEALED(t))
		return format_damaged(err, at, "the trailer has not its checksum");
	if (t->zero)
		return format_damaged(err, at, "bytes that must be zero are not");
	return 0;
}
