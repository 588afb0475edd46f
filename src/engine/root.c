/* SPDX-License-Identifier: Apache-2.0 */
/* root.c - see root.h. */
#include "engine/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

#define STALE_CLAIM_S 10

static char *default_path(void)
{
	const char *env = getenv("CONTEXE_ROOT");
	if (env && *env)
		return xstrdup(env);
	if (geteuid() == 0)
		return xstrdup("/var/lib/contexe");
	const char *data = getenv("XDG_DATA_HOME");
	if (data && data[0] == '/')
		return xasprintf("%s/contexe", data);
	const char *home = getenv("HOME");
	return home && home[0] == '/' ? xasprintf("%s/.local/share/contexe", home) : NULL;
}

/* The first user namespace maps everything to itself. */
static bool in_user_namespace(void)
{
	char line[128];
	if (file_read_line(AT_FDCWD, "/proc/self/uid_map", line, sizeof(line)) < 0)
		return false;
	unsigned inside, outside, count;
	return sscanf(line, "%u %u %u", &inside, &outside, &count) != 3 || inside != 0 ||
	       outside != 0 || count != UINT32_MAX;
}

static int make_directories(int fd)
{
	static const char *const dirs[] = { "numbers", "trash", "images", "cache", "host" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return -errno;
	return mkdirat(fd, "containers", 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_root(const char *path, struct root *root)
{
	root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0 && errno == ENOENT) {
		int r = file_mkdirs(AT_FDCWD, path, 0700);
		if (r < 0)
			return r;
		root->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (root->fd < 0)
		return -errno;
	root->containers = openat(root->fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root->containers < 0 && errno == ENOENT) {
		int r = make_directories(root->fd);
		if (r < 0)
			return r;
		root->containers =
			openat(root->fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return root->containers < 0 ? -errno : 0;
}

int root_open(const char *path, struct root **ret, struct error *err)
{
	CLEANUP_STR char *wanted = path ? xstrdup(path) : default_path();
	if (!wanted) {
		error_set(err, ENOENT, "there is no place to keep containers in");
		return error_hint(err, "set HOME or CONTEXE_ROOT");
	}
	struct root *root = xcalloc(1, sizeof(*root));
	root->fd = root->containers = FD_NONE;
	int r = open_root(wanted, root);
	if (r < 0) {
		error_sys(err, -r, "cannot use this directory to keep containers in");
		error_object(err, "%s", wanted);
		error_hint(err, "name another with --root or CONTEXE_ROOT");
		root_close(root);
		return r;
	}
	char real[PATH_MAX];
	root->path = xstrdup(realpath(wanted, real) ? real : wanted);
	root->in_userns = in_user_namespace();
	root->privileged = geteuid() == 0;
	*ret = root;
	return 0;
}

void root_close(struct root *root)
{
	if (!root)
		return;
	fd_close(root->fd);
	fd_close(root->containers);
	free(root->path);
	free(root);
}

char *root_control(const struct root *root)
{
	CLEANUP_FD int fd = openat(root->fd, "control", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char path[PATH_MAX];
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return NULL;
	ssize_t n = errno == EWOULDBLOCK ? pread(fd, path, sizeof(path) - 1, 0) : -1;
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return xstrdup(path);
}

int root_serve_control(const struct root *root, const char *path)
{
	CLEANUP_FD int fd =
		openat(root->fd, "control", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	int r = ftruncate(fd, 0) < 0 ? -errno : fd_write_all(fd, path, strlen(path));
	return r < 0 ? r : take_fd(&fd);
}

char *root_path(const struct root *root, const char *below)
{
	return xasprintf("%s/%s", root->path, below);
}

static int try_number(const struct root *root, unsigned n, const char *name)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "numbers/%u", n);
	return symlinkat(name, root->fd, path) < 0 ? -errno : (int)n;
}

/*
 * Whether the maker of this claim died before it made the container's directory, which it does next. A young
 * claim is left alone: its maker is about to.
 */
static bool claim_is_stale(const struct root *root, unsigned n)
{
	char path[32];
	struct stat st;
	CLEANUP_STR char *name = root_name_of_number(root, n);
	(void)snprintf(path, sizeof(path), "numbers/%u", n);
	return name && fstatat(root->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - st.st_mtime > STALE_CLAIM_S &&
	       fstatat(root->containers, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

static int claim_number(const struct root *root, unsigned n, const char *name)
{
	int r = try_number(root, n, name);
	if (r == -EEXIST && claim_is_stale(root, n)) {
		CLEANUP_STR char *dead = root_name_of_number(root, n);
		if (dead)
			root_release_number(root, n, dead);
		r = try_number(root, n, name);
	}
	return r;
}

int root_claim_number(const struct root *root, unsigned wanted, const char *name)
{
	if (wanted)
		return claim_number(root, wanted, name);
	for (unsigned n = 1; n < 1000000; n++) {
		int r = claim_number(root, n, name);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

static bool claim_of_number(const struct root *root, unsigned number, char target[NAME_MAX + 1])
{
	char path[32];
	(void)snprintf(path, sizeof(path), "numbers/%u", number);
	ssize_t n = readlinkat(root->fd, path, target, NAME_MAX);
	target[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool claims(const char *target, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(target, name, n) && (!target[n] || target[n] == ':');
}

char *root_name_of_number(const struct root *root, unsigned number)
{
	char name[NAME_MAX + 1];
	if (!claim_of_number(root, number, name))
		return NULL;
	name[strcspn(name, ":")] = '\0';
	return xstrdup(name);
}

/* The claim of a name: its number, or 0; target gets "NAME:ID". */
static unsigned find_claim(const struct root *root, const char *name, char target[NAME_MAX + 1])
{
	unsigned found = 0;
	uint64_t number;
	int fd = openat(root->fd, "numbers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *de; dir && !found && (de = readdir(dir));) {
		if (parse_u64(de->d_name, 1, UINT32_MAX, &number) == 0 &&
		    claim_of_number(root, (unsigned)number, target) && claims(target, name))
			found = (unsigned)number;
	}
	if (dir)
		closedir(dir);
	return found;
}

char *root_claim_of_name(const struct root *root, unsigned number, const char *name)
{
	char target[NAME_MAX + 1];
	if (number ? !claim_of_number(root, number, target) || !claims(target, name)
		   : !find_claim(root, name, target))
		return NULL;
	return xstrdup(target);
}

char *root_id_of_name(const struct root *root, const char *name)
{
	char target[NAME_MAX + 1];
	bool has_id = find_claim(root, name, target) && target[strlen(name)];
	return has_id ? xstrdup(target + strlen(name) + 1) : NULL;
}

unsigned root_number_of_name(const struct root *root, const char *name)
{
	char target[NAME_MAX + 1];
	return find_claim(root, name, target);
}

void root_release_number(const struct root *root, unsigned number, const char *name)
{
	CLEANUP_STR char *owner = root_name_of_number(root, number);
	char path[32];
	(void)snprintf(path, sizeof(path), "numbers/%u", number);
	if (str_eq(owner, name))
		(void)unlinkat(root->fd, path, 0);
}

/*
 * Whoever removes a container renames its directory, gives back its number, deletes the files, all under the
 * directory's lock. An id is never used twice, so this claim is nobody else's.
 */
static void release_claim_of(const struct root *root, const char *trashed)
{
	char target[NAME_MAX + 1];
	CLEANUP_STR char *name = xasprintf("%.*s", (int)strcspn(trashed, ":"), trashed);
	unsigned number = strchr(trashed, ':') ? find_claim(root, name, target) : 0;
	if (number && str_eq(target, trashed))
		root_release_number(root, number, name);
}

void root_empty_trash(const struct root *root)
{
	CLEANUP_FD int fd = openat(root->fd, "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(dup(fd));
	for (struct dirent *de; dir && (de = readdir(dir));) {
		if (de->d_name[0] == '.')
			continue;
		/* whoever is deleting it at this moment holds its lock */
		CLEANUP_FD int one = openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (one < 0 || flock(one, LOCK_EX | LOCK_NB) < 0)
			continue;
		release_claim_of(root, de->d_name);
		if (file_remove_tree(fd, de->d_name) < 0)
			continue; /* of other ids, without root: whoever may will */
	}
	if (dir)
		closedir(dir);
}
