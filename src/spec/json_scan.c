/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_scan.c - a walk over the tokens of a JSON text that refuses what json-c lets pass (see
 * json.h).
 *
 * It judges tokens and nesting, not the grammar between them ("[1 2]" passes here: json-c refuses
 * it), so it must cope with any bytes. The stack of frames is at the same time the way to the
 * current value.
 */
#include "spec/json.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "spec/pointer.h"

struct frame { /* an object or array that is open */
	bool object;
	bool want_key;	 /* the next string is a key */
	const char *key; /* the last one, with its quotes; NULL: none yet */
	size_t key_size;
	size_t index;
	struct json_object *seen; /* keys so far, when looking for duplicates */
};

struct scan {
	const char *text, *end, *p;
	struct frame stack[JSON_MAX_DEPTH];
	size_t depth, values, containers;
	bool find_duplicates;
	struct error *err;
};

static bool is_digit(const struct scan *s, const char *p)
{
	return p < s->end && *p >= '0' && *p <= '9';
}

/* The key without quotes and escapes, NULL when it is none or memory is out. */
static struct json_object *key_decode(const struct frame *f)
{
	struct json_tokener *tok = json_tokener_new();
	if (!tok)
		return NULL;
	struct json_object *key = json_tokener_parse_ex(tok, f->key, (int)f->key_size);
	json_tokener_free(tok);
	return key;
}

static void scan_pointer(const struct scan *s, struct buf *out)
{
	for (size_t i = 0; i < s->depth; i++) {
		const struct frame *f = &s->stack[i];
		if (!f->object) {
			pointer_add_index(out, f->index);
		} else if (f->key && !f->want_key) {
			struct json_object *key = key_decode(f);
			pointer_add_key(out, key ? json_object_get_string(key) : "?");
			json_object_put(key);
		}
	}
}

/* Fails with the position of p and the pointer to the current value. */
static int scan_fail(const struct scan *s, int errnum, const char *p, const char *why)
{
	CLEANUP_BUF struct buf pointer = BUF_INIT;
	scan_pointer(s, &pointer);
	(void)json_error(s->err, errnum, s->text, (size_t)(p - s->text), "%s", why);
	(void)error_object(s->err, "%s", buf_str(&pointer));
	return -errnum;
}

static int scan_hex4(const struct scan *s, const char *p, unsigned *ret)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++, p++) {
		if (p >= s->end)
			return -EINVAL;
		unsigned char c = (unsigned char)*p;
		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v * 16 + ((c | 32) - 'a' + 10u);
		else
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* An escape at p (a backslash); *ret_next is behind it. */
static int scan_escape(const struct scan *s, const char *p, const char **ret_next)
{
	unsigned hi, lo;
	if (p + 1 >= s->end || !strchr("\"\\/bfnrtu", p[1]) || !p[1])
		return scan_fail(s, EINVAL, p, "an escape that JSON does not have");
	if (p[1] != 'u') {
		*ret_next = p + 2;
		return 0;
	}
	if (scan_hex4(s, p + 2, &hi) < 0)
		return scan_fail(s, EINVAL, p, "\\u without four hexadecimal digits");
	if (hi == 0)
		return scan_fail(s, EINVAL, p, "\\u0000: a string cannot hold NUL here");
	*ret_next = p + 6;
	if (hi < 0xd800 || hi > 0xdfff)
		return 0;
	if (hi > 0xdbff || s->end - p < 12 || p[6] != '\\' || p[7] != 'u' ||
	    scan_hex4(s, p + 8, &lo) < 0 || lo < 0xdc00 || lo > 0xdfff)
		return scan_fail(s, EINVAL, p, "half of a surrogate pair");
	*ret_next = p + 12;
	return 0;
}

static int scan_string_text(struct scan *s)
{
	const char *start = s->p;
	for (const char *p = start + 1; p < s->end;) {
		unsigned char c = (unsigned char)*p;
		if (c == '"') {
			s->p = p + 1;
			return 0;
		}
		if (c < 0x20)
			return scan_fail(
				s, EINVAL, p,
				"a control character in a string (write \\n, \\t, \\u001b)");
		if (c == '\\') {
			int r = scan_escape(s, p, &p);
			if (r < 0)
				return r;
		} else if (c < 0x80) {
			p++;
		} else {
			size_t n = utf8_length(p, s->end);
			if (!n)
				return scan_fail(s, EINVAL, p, "bytes that are not UTF-8");
			p += n;
		}
	}
	return scan_fail(s, EINVAL, start, "a string that does not end");
}

/* Remembers the frame's key; -EINVAL when the object has it already. */
static int key_remember(struct scan *s, struct frame *f, const char *p)
{
	struct json_object *key = key_decode(f);
	if (!f->seen)
		f->seen = json_object_new_object();
	int r = 0;
	if (!key || !f->seen)
		r = scan_fail(s, ENOMEM, p, "out of memory");
	else if (json_object_object_get_ex(f->seen, json_object_get_string(key), NULL))
		r = scan_fail(s, EINVAL, p, "this key was given before in the same object");
	else if (json_object_object_add(f->seen, json_object_get_string(key), NULL) < 0)
		r = scan_fail(s, ENOMEM, p, "out of memory");
	json_object_put(key);
	return r;
}

static int scan_string(struct scan *s)
{
	const char *start = s->p;
	struct frame *f = s->depth ? &s->stack[s->depth - 1] : NULL;
	int r = scan_string_text(s);
	if (r < 0 || !f || !f->object || !f->want_key)
		return r;
	f->key = start;
	f->key_size = (size_t)(s->p - start);
	f->want_key = false;
	s->values--; /* a key is no value */
	return s->find_duplicates ? key_remember(s, f, start) : 0;
}

/* Whether the digits at p are more than limit. */
static bool digits_exceed(const char *p, const char *end, uint64_t limit)
{
	uint64_t v = 0;
	for (; p < end; p++) {
		unsigned d = (unsigned)(*p - '0');
		if (v > (limit - d) / 10)
			return true;
		v = v * 10 + d;
	}
	return false;
}

/* RFC 8259, section 6. */
static int scan_number(struct scan *s)
{
	const char *start = s->p, *p = start;
	bool negative = *p == '-', whole = true, ok;
	const char *digits = p += negative;
	ok = is_digit(s, p);
	while (is_digit(s, p))
		p++;
	if (p - digits > 1 && *digits == '0')
		ok = false;
	const char *digits_end = p;
	if (p < s->end && *p == '.') {
		whole = false;
		ok = is_digit(s, ++p) && ok;
		while (is_digit(s, p))
			p++;
	}
	if (p < s->end && (*p == 'e' || *p == 'E')) {
		whole = false;
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		ok = is_digit(s, p) && ok;
		while (is_digit(s, p))
			p++;
	}
	if (!ok)
		return scan_fail(s, EINVAL, start, "not a number as JSON writes it");
	uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;
	if (whole && digits_exceed(digits, digits_end, limit))
		return scan_fail(s, EINVAL, start, "a whole number that does not fit into 64 bits");
	s->p = p;
	return 0;
}

/* true, false, null; anything else that begins no token is an error. */
static int scan_word(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };
	const char *p = s->p;
	while (p < s->end && (*p | 32) >= 'a' && (*p | 32) <= 'z')
		p++;
	size_t n = (size_t)(p - s->p);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (n == strlen(words[i]) && !memcmp(s->p, words[i], n)) {
			s->p = p;
			return 0;
		}
	}
	if (n)
		return scan_fail(s, EINVAL, s->p,
				 "a word that JSON does not have (only true, false and null)");
	if (*s->p == '\0')
		return scan_fail(s, EINVAL, s->p, "a NUL byte");
	return scan_fail(s, EINVAL, s->p,
			 *s->p == '/' || *s->p == '#' ? "JSON has no comments"
			 : *s->p == '\''	      ? "strings stand in double quotes"
						      : "a character that JSON does not have here");
}

static int scan_open(struct scan *s)
{
	if (s->depth == JSON_MAX_DEPTH)
		return scan_fail(s, E2BIG, s->p, "nested deeper than 32 levels");
	if (++s->containers > JSON_MAX_CONTAINERS)
		return scan_fail(s, E2BIG, s->p, "more than 32768 objects and arrays");
	bool object = *s->p++ == '{';
	s->stack[s->depth++] = (struct frame){ .object = object, .want_key = object };
	return 0;
}

static int scan_close(struct scan *s)
{
	if (!s->depth)
		return scan_fail(s, EINVAL, s->p, "closes what was not opened");
	json_object_put(s->stack[--s->depth].seen);
	s->p++;
	return 0;
}

static void scan_comma(struct scan *s)
{
	if (s->depth) {
		struct frame *f = &s->stack[s->depth - 1];
		f->want_key = f->object;
		f->index++;
	}
	s->p++;
}

static int scan_value(struct scan *s)
{
	if (!s->depth && s->values)
		return scan_fail(s, EINVAL, s->p, "text after the end of the object");
	if (!s->depth && *s->p != '{')
		return scan_fail(s, EINVAL, s->p, "an object was expected: {...}");
	if (++s->values > JSON_MAX_VALUES)
		return scan_fail(s, E2BIG, s->p, "more than 1048576 values");
	switch (*s->p) {
	case '{':
	case '[':
		return scan_open(s);
	case '"':
		return scan_string(s);
	case '-':
		return scan_number(s);
	default:
		return is_digit(s, s->p) ? scan_number(s) : scan_word(s);
	}
}

static int scan_token(struct scan *s)
{
	switch (*s->p) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case ':':
		s->p++;
		return 0;
	case ',':
		scan_comma(s);
		return 0;
	case '}':
	case ']':
		return scan_close(s);
	default:
		return scan_value(s);
	}
}

static int scan_all(struct scan *s)
{
	int r = 0;
	while (!r && s->p < s->end)
		r = scan_token(s);
	while (s->depth)
		json_object_put(s->stack[--s->depth].seen);
	return r;
}

int json_scan(const char *text, size_t size, size_t *ret_values, struct error *err)
{
	struct scan s = { .text = text, .end = text + size, .p = text, .err = err };
	int r = scan_all(&s);
	if (!r)
		*ret_values = s.values;
	return r;
}

int json_scan_duplicates(const char *text, size_t size, struct error *err)
{
	struct scan s = {
		.text = text, .end = text + size, .p = text, .find_duplicates = true, .err = err
	};
	return scan_all(&s);
}
