/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - see json.h. */
#include "spec/json.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int json_error(struct error *err, int errnum, const char *text, size_t offset, const char *why, ...)
{
	char cause[256];
	size_t line = 1, column = 1;
	for (size_t i = 0; i < offset; i++) {
		column = text[i] == '\n' ? 1 : column + 1;
		line += text[i] == '\n';
	}
	va_list ap;
	va_start(ap, why);
	(void)vsnprintf(cause, sizeof(cause), why, ap);
	va_end(ap);
	return error_set(err, errnum, "line %zu, column %zu: %s", line, column, cause);
}

/* Values in the tree; less than in the text when a key stands twice, or when something got lost. */
static size_t count_values(struct json_object *v)
{
	size_t n = 1;
	if (json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, member)
		{
			(void)key;
			n += count_values(member);
		}
	} else if (json_object_is_type(v, json_type_array)) {
		size_t length = json_object_array_length(v);
		for (size_t i = 0; i < length; i++)
			n += count_values(json_object_array_get_idx(v, i));
	}
	return n;
}

/* Whether nothing but white space follows. */
static bool is_end(const char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	return p == end;
}

static int tree_parse(const char *text, size_t size, struct json_object **ret, struct error *err)
{
	/* One deeper than the scan allows: json-c's own limit is not the one that users meet. */
	struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
	if (!tok)
		return error_set(err, ENOMEM, "out of memory");
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *tree = json_tokener_parse_ex(tok, text, (int)size);
	enum json_tokener_error e = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (e == json_tokener_continue)
		return json_error(err, EINVAL, text, size, "the text ends too early");
	if (e != json_tokener_success)
		return json_error(err, EINVAL, text, end, "%s", json_tokener_error_desc(e));
	/* Without memory json-c (0.16) reports success with nothing or only a part of the tree. */
	if (!json_object_is_type(tree, json_type_object) || !is_end(text + end, text + size)) {
		json_object_put(tree);
		return error_set(err, ENOMEM, "out of memory");
	}
	*ret = tree;
	return 0;
}

int json_read(const char *text, size_t size, struct json_object **ret, struct error *err)
{
	if (size > JSON_MAX_SIZE)
		return error_set(err, E2BIG, "%zu bytes of JSON, at most %u are read", size,
				 JSON_MAX_SIZE);
	size_t values;
	int r = json_scan(text, size, &values, err);
	if (r < 0)
		return r;
	struct json_object *tree = NULL;
	r = tree_parse(text, size, &tree, err);
	if (r < 0)
		return r;
	if (count_values(tree) != values) {
		json_object_put(tree);
		r = json_scan_duplicates(text, size, err);
		return r < 0 ? r : error_set(err, ENOMEM, "out of memory");
	}
	*ret = tree;
	return 0;
}

size_t utf8_length(const char *text, const char *end)
{
	/* RFC 3629, section 4: the first byte decides the length and the range of the second. */
	static const struct {
		unsigned char first, last, length, lo, hi;
	} rows[] = {
		{ 0x00, 0x7f, 1, 0x80, 0xbf }, { 0xc2, 0xdf, 2, 0x80, 0xbf },
		{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
		{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
		{ 0xf4, 0xf4, 4, 0x80, 0x8f },
	};
	const unsigned char *p = (const unsigned char *)text;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].last)
			continue;
		size_t n = rows[i].length;
		if ((size_t)(end - text) < n)
			return 0;
		if (n > 1 && (p[1] < rows[i].lo || p[1] > rows[i].hi))
			return 0;
		for (size_t k = 2; k < n; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return n;
	}
	return 0;
}

/* Appends the one character at p, escaped as needed. Returns its length. */
static size_t put_special(struct buf *out, const char *p, const char *end)
{
	static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, letter */
	for (const char *e = escapes; *e; e += 2) {
		if (*p == *e) {
			buf_putc(out, '\\');
			buf_putc(out, e[1]);
			return 1;
		}
	}
	unsigned char c = (unsigned char)*p;
	if (c < 0x20 || c == 0x7f) {
		buf_printf(out, "\\u%04x", c);
		return 1;
	}
	size_t n = utf8_length(p, end);
	buf_add(out, n ? p : "\xef\xbf\xbd", n ? n : 3);
	return n ? n : 1;
}

void json_put_string(struct buf *out, const char *s)
{
	const char *end = s + strlen(s), *plain = s;
	buf_putc(out, '"');
	while (s < end) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			s++;
			continue;
		}
		buf_add(out, plain, (size_t)(s - plain));
		s += put_special(out, s, end);
		plain = s;
	}
	buf_add(out, plain, (size_t)(end - plain));
	buf_putc(out, '"');
}

const char *json_quote(const char *s, char *ret, size_t size)
{
	CLEANUP_BUF struct buf b = BUF_INIT;
	json_put_string(&b, s);
	if (b.len < size) {
		memcpy(ret, b.data, b.len + 1);
		return ret;
	}
	size_t n = size - sizeof("...\""); /* not in the middle of a character */
	while (n && ((unsigned char)b.data[n] & 0xc0) == 0x80)
		n--;
	(void)snprintf(ret, size, "%.*s...\"", (int)n, b.data);
	return ret;
}
