/* SPDX-License-Identifier: Apache-2.0 */
/* user.c - see user.h. */
#include "container/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"

#define MAX_DATABASE (16 << 20)
#define MAX_ID	     (UINT32_MAX - 1)

/* The file as a stream, NULL when it is not there or not a sane regular file. */
static FILE *open_database(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_DATABASE)
		return NULL;
	FILE *f = fdopen(fd, "r");
	if (f)
		(void)take_fd(&fd);
	return f;
}

static int lookup_passwd(const char *name, bool number, struct arena *a, struct user *ret)
{
	FILE *f = open_database("/etc/passwd");
	int r = -ENOENT;
	for (struct passwd *pw; f && (pw = fgetpwent(f));) {
		if (number ? pw->pw_uid != ret->uid : strcmp(pw->pw_name, name) != 0)
			continue;
		ret->uid = pw->pw_uid;
		ret->gid = pw->pw_gid;
		ret->name = arena_strdup(a, pw->pw_name);
		ret->home = arena_strdup(a, pw->pw_dir && *pw->pw_dir ? pw->pw_dir : "/");
		r = 0;
		break;
	}
	if (f)
		fclose(f);
	return r;
}

int user_group_lookup(const char *name, gid_t *ret, struct error *err)
{
	uint64_t id;
	if (parse_u64(name, 0, MAX_ID, &id) == 0) {
		*ret = (gid_t)id;
		return 0;
	}
	FILE *f = open_database("/etc/group");
	int r = -ENOENT;
	for (struct group *gr; f && (gr = fgetgrent(f));)
		if (!strcmp(gr->gr_name, name)) {
			*ret = gr->gr_gid;
			r = 0;
			break;
		}
	if (f)
		fclose(f);
	if (r < 0) {
		error_set(err, ENOENT, "no such group in the container's /etc/group");
		error_object(err, "%s", name);
		return error_hint(err, "a numeric gid works without an entry");
	}
	return 0;
}

static void add_supplementary(struct arena *a, struct user *u)
{
	FILE *f = open_database("/etc/group");
	for (struct group *gr; f && u->name && (gr = fgetgrent(f));)
		for (char **m = gr->gr_mem; *m && u->n_groups < 1024; m++)
			if (!strcmp(*m, u->name)) {
				*arena_push(a, u->groups, u->n_groups) = gr->gr_gid;
				break;
			}
	if (f)
		fclose(f);
}

int user_lookup(const char *spec, struct arena *a, struct user *ret, struct error *err)
{
	struct user u = { .home = "/" };
	const char *colon = strchr(spec, ':');
	char *name = colon ? arena_strndup(a, spec, (size_t)(colon - spec)) : arena_strdup(a, spec);
	uint64_t id = 0;
	bool number = !*name || parse_u64(name, 0, MAX_ID, &id) == 0;

	u.uid = (uid_t)id;
	if (lookup_passwd(name, number, a, &u) < 0 && !number) {
		error_set(err, ENOENT, "no such user in the container's /etc/passwd");
		error_object(err, "%s", name);
		return error_hint(err, "a numeric uid works without an entry");
	}
	if (colon && colon[1]) {
		int r = user_group_lookup(colon + 1, &u.gid, err);
		if (r < 0)
			return r;
	} else {
		add_supplementary(a, &u);
	}
	*ret = u;
	return 0;
}
