/* SPDX-License-Identifier: Apache-2.0 */
/* tarindex.c - see tarindex.h. */
#include "image/unpack/tarindex.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "image/unpack/blob.h"

#define BLOCK	     512
#define MAX_EXTENDED (1 << 20) /* bytes of a pax header or GNU long name */
#define MAX_LINKS    8

/* ustar header block (pax(1), "ustar Interchange Format"). */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
	char link[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	char prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* What extended headers said about the member that follows. */
struct overrides {
	char *name, *link;
	bool has_size;
	uint64_t size;
};

struct reader {
	struct blob file;
	uint64_t pos;
	struct tarindex *index;
	struct overrides next;
};

void tarindex_done(struct tarindex *t)
{
	arena_done(&t->arena);
	*t = (struct tarindex){ 0 };
}

/* Digits in octal, ended by NUL or space; or GNU's base 256, marked by the top bit. */
static bool read_number(const char *field, size_t len, uint64_t *ret)
{
	const unsigned char *p = (const unsigned char *)field;
	uint64_t v = 0;

	if (p[0] & 0x80) {
		for (size_t i = 0; i < len; i++) {
			if (v >> 55)
				return false;
			v = v << 8 | (i ? p[i] : p[i] & 0x7f);
		}
		*ret = v;
		return true;
	}
	size_t i = 0;
	while (i < len && p[i] == ' ')
		i++;
	for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0');
	if (i < len && p[i] != ' ' && p[i] != '\0')
		return false;
	*ret = v;
	return true;
}

static bool checksum_good(const struct header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	uint64_t sum = 0, wanted;
	for (size_t i = 0; i < BLOCK; i++) {
		bool own = i >= offsetof(struct header, checksum) &&
			   i < offsetof(struct header, checksum) + sizeof(h->checksum);
		sum += own ? ' ' : p[i];
	}
	return read_number(h->checksum, sizeof(h->checksum), &wanted) && sum == wanted;
}

static bool is_zero(const struct header *h)
{
	static const struct header zero;
	return memcmp(h, &zero, sizeof(zero)) == 0;
}

/* Cuts "./", "/" and doubled slashes before, and slashes after; ".." is left for nobody to find. */
static char *clean_name(struct arena *a, const char *s, size_t len)
{
	while (len > 0 && (s[0] == '/' || (s[0] == '.' && (len == 1 || s[1] == '/')))) {
		s++;
		len--;
	}
	while (len > 0 && s[len - 1] == '/')
		len--;
	return arena_strndup(a, s, len);
}

static int truncated(const struct reader *r, struct error *err)
{
	error_set(err, EBADMSG, "the archive ends too early, after %" PRIu64 " bytes",
		  r->file.size);
	return error_hint(err, "copy or download it again");
}

/* One pax record "LEN KEY=VALUE\n"; *p moves behind it. */
static bool pax_record(struct reader *r, const char **p, const char *end)
{
	struct arena *a = &r->index->arena;
	uint64_t len = 0;
	const char *s = *p;
	while (s < end && *s >= '0' && *s <= '9' && len <= MAX_EXTENDED)
		len = len * 10 + (uint64_t)(*s++ - '0');
	if (s == end || *s != ' ' || len > (uint64_t)(end - *p) || *p + len <= s + 1)
		return false;
	const char *key = s + 1, *stop = *p + len - 1;
	const char *equals = memchr(key, '=', (size_t)(stop - key));
	if (!equals || *stop != '\n')
		return false;
	const char *value = equals + 1;
	size_t key_len = (size_t)(equals - key), value_len = (size_t)(stop - value);
	if (key_len == 4 && memcmp(key, "path", 4) == 0)
		r->next.name = arena_strndup(a, value, value_len);
	else if (key_len == 8 && memcmp(key, "linkpath", 8) == 0)
		r->next.link = arena_strndup(a, value, value_len);
	else if (key_len == 4 && memcmp(key, "size", 4) == 0) {
		char *text = arena_strndup(a, value, value_len);
		if (parse_u64(text, 0, INT64_MAX, &r->next.size) < 0)
			return false;
		r->next.has_size = true;
	}
	*p = stop + 1;
	return true;
}

/* 'x': pax records; 'L' and 'K': the whole data is GNU's long name or link. */
static int read_extended(struct reader *r, char type, uint64_t size, struct error *err)
{
	struct blob data = { r->file.fd, r->pos, size };
	CLEANUP_BUF struct buf text = BUF_INIT;

	if (size > r->file.size - r->pos)
		return truncated(r, err);
	int e = blob_read_all(&data, MAX_EXTENDED, &text, err);
	if (e < 0)
		return e;
	const char *p = buf_str(&text), *end = p + text.len;
	if (type == 'L')
		r->next.name = arena_strndup(&r->index->arena, p, strnlen(p, text.len));
	else if (type == 'K')
		r->next.link = arena_strndup(&r->index->arena, p, strnlen(p, text.len));
	while (type == 'x' && p < end) {
		if (!pax_record(r, &p, end))
			return error_set(err, EBADMSG,
					 "the archive has a damaged header at byte %" PRIu64,
					 r->pos);
	}
	return 0;
}

static char *header_name(struct arena *a, const struct header *h)
{
	char full[sizeof(h->prefix) + 1 + sizeof(h->name)];
	size_t n = 0;
	if (memcmp(h->magic, "ustar\0", 6) == 0 && h->prefix[0]) {
		n = strnlen(h->prefix, sizeof(h->prefix));
		memcpy(full, h->prefix, n);
		full[n++] = '/';
	}
	size_t len = strnlen(h->name, sizeof(h->name));
	memcpy(full + n, h->name, len);
	return clean_name(a, full, n + len);
}

static void add_member(struct reader *r, const struct header *h, uint64_t size)
{
	struct arena *a = &r->index->arena;
	struct overrides *o = &r->next;
	struct tarindex_member *m = arena_push(a, r->index->v, r->index->n);

	m->name = o->name ? clean_name(a, o->name, strlen(o->name)) : header_name(a, h);
	m->offset = r->pos;
	m->size = size;
	if (h->type == '1' || h->type == '2') {
		const char *link =
			o->link ? o->link
				: arena_strndup(a, h->link, strnlen(h->link, sizeof(h->link)));
		m->symlink = h->type == '2';
		m->link = m->symlink ? arena_strdup(a, link) : clean_name(a, link, strlen(link));
	}
}

/* 1: go on, 0: the end of the archive, or -errno. */
static int read_member(struct reader *r, struct error *err)
{
	struct header h;
	uint64_t size;

	if (r->file.size - r->pos < BLOCK)
		return r->pos == r->file.size && r->index->n ? 0 : truncated(r, err);
	for (size_t got = 0; got < BLOCK;) {
		ssize_t n = blob_read(&r->file, r->pos + got, (char *)&h + got, BLOCK - got);
		if (n <= 0)
			return n == 0 || n == -ENODATA
				       ? truncated(r, err)
				       : error_sys(err, (int)-n, "cannot read the archive");
		got += (size_t)n;
	}
	if (is_zero(&h))
		return 0;
	if (!checksum_good(&h) || !read_number(h.size, sizeof(h.size), &size))
		return error_set(err, r->pos ? EBADMSG : EILSEQ,
				 "the archive has a damaged header at byte %" PRIu64, r->pos);
	r->pos += BLOCK;
	if (h.type == 'x' || h.type == 'L' || h.type == 'K') {
		int e = read_extended(r, h.type, size, err);
		if (e < 0)
			return e;
	} else if (h.type != 'g') {
		if (r->next.has_size)
			size = r->next.size;
		if (h.type >= '1' && h.type <= '6')
			size = 0; /* links, directories and devices have no data, whatever they say */
		if (r->index->n == TARINDEX_MAX_MEMBERS)
			return error_set(err, EFBIG, "the archive has more than %d members",
					 TARINDEX_MAX_MEMBERS);
		if (memchr("\0"
			   "0712",
			   h.type, 5))
			add_member(r, &h, size);
		r->next = (struct overrides){ 0 };
	}
	if (size > r->file.size - r->pos)
		return truncated(r, err);
	uint64_t padded = (size + BLOCK - 1) / BLOCK * BLOCK;
	r->pos = padded > r->file.size - r->pos ? r->file.size : r->pos + padded;
	return 1;
}

int tarindex_read(int fd, uint64_t size, struct tarindex *ret, struct error *err)
{
	CLEANUP_TARINDEX struct tarindex t = { 0 };
	struct reader r = { .file = { fd, 0, size }, .index = &t };
	int more;

	do {
		more = read_member(&r, err);
	} while (more > 0);
	if (more < 0)
		return more;
	*ret = t;
	t = (struct tarindex){ 0 };
	return 0;
}

/* A symbolic link's target, taken from the directory of the link: "../a/layer.tar" in "b/" is "a/layer.tar". */
static bool link_target(const struct tarindex_member *m, char *buf, size_t size)
{
	const char *dir_end = strrchr(m->name, '/');
	size_t n = dir_end && m->link[0] != '/' ? (size_t)(dir_end - m->name) : 0;
	const char *p = m->link;

	if (n >= size)
		return false;
	memcpy(buf, m->name, n);
	while (*p) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			if (n == 0)
				return false;
			while (n > 0 && buf[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && p[0] == '.')) {
			if (n + 1 + len + 1 > size)
				return false;
			if (n)
				buf[n++] = '/';
			memcpy(buf + n, p, len);
			n += len;
		}
		p += len + (p[len] == '/');
	}
	buf[n] = '\0';
	return true;
}

static const struct tarindex_member *find_plain(const struct tarindex *t, const char *name)
{
	for (size_t i = t->n; i-- > 0;) {
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i];
	}
	return NULL;
}

const struct tarindex_member *tarindex_find(const struct tarindex *t, const char *name)
{
	char target[PATH_MAX];
	const struct tarindex_member *m = find_plain(t, name);

	for (int i = 0; m && m->link; i++) {
		if (i == MAX_LINKS)
			return NULL;
		if (m->symlink && !link_target(m, target, sizeof(target)))
			return NULL;
		m = find_plain(t, m->symlink ? target : m->link);
	}
	return m;
}
