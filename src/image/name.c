/* SPDX-License-Identifier: Apache-2.0 */
/* name.c - see name.h. */
#include "image/name.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"

#define TAG_MAX 128

/* What registries put before Docker Hub's images, longest first. */
static const char *const hub_prefixes[] = {
	"index.docker.io/library/",
	"docker.io/library/",
	"index.docker.io/",
	"docker.io/",
};

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* [A-Za-z0-9_][A-Za-z0-9_.-]* of len characters. */
static bool is_part(const char *s, size_t len)
{
	if (len == 0 || !is_word(s[0]))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!is_word(s[i]) && s[i] != '.' && s[i] != '-')
			return false;
	}
	return true;
}

/* The tag's colon: the one in the last component (one before is a registry's port). */
static const char *tag_colon(const char *name)
{
	const char *slash = strrchr(name, '/');
	return strchr(slash ? slash : name, ':');
}

/* HOST, HOST:PORT or a path component, up to end. */
static bool is_component(const char *s, const char *end, bool first, bool last)
{
	const char *colon = first && !last ? memchr(s, ':', (size_t)(end - s)) : NULL;
	if (!colon)
		return is_part(s, (size_t)(end - s));
	for (const char *p = colon + 1; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return false;
	}
	return colon + 1 < end && is_part(s, (size_t)(colon - s));
}

static bool is_repository(const char *s, const char *end)
{
	for (bool first = true;; first = false) {
		const char *slash = memchr(s, '/', (size_t)(end - s));
		if (!is_component(s, slash ? slash : end, first, !slash))
			return false;
		if (!slash)
			return true;
		s = slash + 1;
	}
}

/* Cut as often as it is there, so that a normal name is its own normal form. */
static const char *without_hub(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(hub_prefixes); i++) {
		if (str_has_prefix(name, hub_prefixes[i]))
			return without_hub(name + strlen(hub_prefixes[i]));
	}
	return name;
}

int image_name_normalise(const char *name, char *buf, struct error *err)
{
	const char *s = without_hub(name);
	const char *colon = tag_colon(s);
	const char *end = colon ? colon : s + strlen(s);
	const char *tag = colon ? colon + 1 : "latest";
	size_t slashes = 0;
	for (const char *p = s; p < end; p++)
		slashes += *p == '/';

	bool good = is_repository(s, end) && strlen(tag) <= TAG_MAX && is_part(tag, strlen(tag));
	size_t len = (size_t)(end - s) + 1 + strlen(tag);
	if (!good || len + 1 > IMAGE_NAME_SIZE || len + 2 * slashes + 1 > IMAGE_FILE_SIZE) {
		error_set(err, EINVAL, "is not a valid image name");
		error_object(err, "%.200s", name);
		error_hint(err, "names look like redis, redis:7 or quay.io/team/app:v1, with "
				"letters, digits and . _ -");
		return -EINVAL;
	}
	(void)snprintf(buf, IMAGE_NAME_SIZE, "%.*s:%s", (int)(end - s), s, tag);
	return 0;
}

/* Of the longest ending that is an archive's: "x.tar.gz" is "x". */
static size_t cut_endings(const char *name, size_t n)
{
	static const char *const endings[] = { ".gz",  ".tgz", ".zst",	 ".xz",	   ".bz2",
					       ".tar", ".oci", ".image", ".docker" };
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t e = strlen(endings[i]);
		if (n > e && strncmp(name + n - e, endings[i], e) == 0)
			return cut_endings(name, n - e);
	}
	return n;
}

void image_name_from_path(const char *path, const char *tag, char *buf)
{
	char name[100];
	size_t n = 0, len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	size_t start = len;
	while (start > 0 && path[start - 1] != '/')
		start--;
	for (size_t i = start; i < len && n < sizeof(name) - 1; i++) {
		char c = (char)tolower((unsigned char)path[i]);
		if (is_word(c) || (n > 0 && c == '.'))
			name[n++] = c;
		else if (n > 0 && name[n - 1] != '-')
			name[n++] = '-';
	}
	n = cut_endings(name, n);
	name[n] = '\0';
	while (n > 0 && !is_word(name[n - 1]))
		name[--n] = '\0';
	if (!tag || strlen(tag) > MIN(TAG_MAX, IMAGE_NAME_SIZE - sizeof(name) - 1) ||
	    !is_part(tag, strlen(tag)))
		tag = "latest";
	(void)snprintf(buf, IMAGE_NAME_SIZE, "%s:%s", n ? name : "image", tag);
}

int image_name_from_inside(const char *inside, const char *path, char *buf)
{
	if (is_part(inside, strlen(inside)) && strlen(inside) <= TAG_MAX) {
		image_name_from_path(path, inside, buf);
		return 0;
	}
	return image_name_normalise(inside, buf, NULL);
}

void image_name_to_file(const char *name, char *buf)
{
	size_t n = 0;
	for (const char *p = name; *p; p++) {
		const char *text = *p == '/' ? "%2F" : p;
		size_t len = *p == '/' ? 3 : 1;
		if (n + len >= IMAGE_FILE_SIZE) /* no normalised name is that long */
			break;
		memcpy(buf + n, text, len);
		n += len;
	}
	buf[n] = '\0';
}

int image_name_from_file(const char *file, char *buf)
{
	char plain[IMAGE_FILE_SIZE];
	size_t n = 0;
	for (const char *p = file; *p; p++) {
		if (n + 1 >= sizeof(plain))
			return -EINVAL;
		if (strncmp(p, "%2F", 3) == 0) {
			plain[n++] = '/';
			p += 2;
		} else {
			plain[n++] = *p;
		}
	}
	plain[n] = '\0';
	int r = image_name_normalise(plain, buf, NULL);
	return r == 0 && strcmp(plain, buf) == 0 ? 0
						 : -EINVAL; /* a half-written one has a suffix */
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);
	return n > s && name[n - s - 1] == '/' && strcmp(name + n - s, suffix) == 0;
}

enum image_match image_name_match(const char *name, const char *typed)
{
	char wanted[IMAGE_NAME_SIZE], repository[IMAGE_NAME_SIZE];

	if (image_name_normalise(typed, wanted, NULL) < 0)
		return IMAGE_MATCH_NONE;
	if (strcmp(name, wanted) == 0)
		return IMAGE_MATCH_EXACT;
	if (has_suffix(name, wanted))
		return IMAGE_MATCH_SUFFIX;
	if (tag_colon(typed))
		return IMAGE_MATCH_NONE;
	(void)snprintf(repository, sizeof(repository), "%.*s", (int)(tag_colon(name) - name), name);
	*strrchr(wanted, ':') = '\0';
	if (strcmp(repository, wanted) == 0 || has_suffix(repository, wanted))
		return IMAGE_MATCH_REPOSITORY;
	return IMAGE_MATCH_NONE;
}
