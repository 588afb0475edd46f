/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user.h - who a process is, looked up in the container's own /etc/passwd and /etc/group (hostile files:
 * regular ones only, bounded, no NSS). passwd(5), group(5).
 */
#pragma once

#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	const char *home; /* "/" when not known */
	const char *name; /* NULL when only a number is known */
};

/*
 * spec: "", "name", "uid", either with ":group" or ":gid". A number need not exist in the files; a name
 * must (-ENOENT). Strict: "1000x", "-1", "+5" are names. Without ":group" the supplementary groups of the
 * user are added. Looked up below the current root directory.
 */
int user_lookup(const char *spec, struct arena *a, struct user *ret, struct error *err) NODISCARD;

/* A group by name or number. */
int user_group_lookup(const char *name, gid_t *ret, struct error *err) NODISCARD;
