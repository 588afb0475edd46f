/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - the rules of the runtime-spec that look at more than one field, one file an object,
 * behind spec_check(). Types, ranges and choices are judged before, by schema_check(): the rules
 * rely on that. Internal to the room.
 *
 * A rule that finds something wrong says why with error_set(), then where with check_at(), which
 * also gives the return value.
 */
#pragma once

#include <stdbool.h>

#include "spec/spec.h"

struct check {
	const char *prefix; /* pointer of the object that is checked: "", "/process" */
	struct error *err;
};

/* The object of the error is prefix + the text. Returns -EINVAL. */
int check_at(const struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for an entry of a map, whose key may hold anything. Returns -EINVAL. */
int check_at_key(const struct check *c, const char *map, const char *key);

/* Each: 0 or -EINVAL; `at` is the pointer of the value below the prefix. */
int check_absolute(const struct check *c, const char *at, const char *path);
int check_absolutes(const struct check *c, const char *at, const struct strings *paths);
int check_env(const struct check *c, const char *at, const struct strings *env);
int check_cpulist(const struct check *c, const char *at, const char *list); /* NULL is fine */
int check_idmaps(const struct check *c, const char *at, const struct spec_idmap *maps, size_t n);

/* Whether one component of the path is "..". */
bool path_climbs(const char *path);
/* Whether it is a name for one file in a known directory: not empty, "." or "..", no "/". */
bool is_file_name(const char *name);
bool strings_has(const struct strings *list, const char *s);

/* The rules of the parts. */
int check_process(const struct check *c, const struct spec_process *p);
int check_resources(const struct check *c, const struct spec_resources *r);
int check_seccomp(const struct check *c, const struct spec_seccomp *s);
int check_linux(const struct check *c, const struct spec *s);
int check_sysctl(const struct check *c, const struct spec *s);
