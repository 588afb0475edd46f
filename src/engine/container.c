/* SPDX-License-Identifier: Apache-2.0 */
/* container.c - see container.h. */
#include "engine/idrange.h"
#include "engine/container.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/cgroup/cgroup.h"
#include "engine/mapped.h"

#define MAX_NAME 128

void container_close(struct container **cp)
{
	struct container *c = *cp;
	if (!c)
		return;
	if (c->has_state)
		state_done(&c->state);
	pidref_done(&c->init);
	pidref_done(&c->job);
	pidref_done(&c->supervisor);
	fd_close(c->dir);
	free(c->name);
	free(c);
	*cp = NULL;
}

static struct container *container_new(const struct root *root, const char *name, int dir)
{
	struct container *c = xcalloc(1, sizeof(*c));
	c->root = root;
	c->name = xstrdup(name);
	c->dir = dir;
	c->init = c->job = c->supervisor = PIDREF_NONE;
	return c;
}

int container_read_status(const struct container *c, int *ret_wait_status)
{
	char line[32];
	int64_t status;
	ssize_t n = file_read_line(c->dir, "status", line, sizeof(line));
	line[n > 0 ? strcspn(line, "\n") : 0] = '\0'; /* behind it is room */
	if (n <= 0 || parse_i64(line, 0, INT32_MAX, &status) < 0)
		return -ENOENT;
	*ret_wait_status = (int)status;
	return 0;
}

/* Its processes are gone but nobody wrote that down: the supervisor was killed, or the machine rebooted. */
static void conclude_end(struct container *c)
{
	struct state *s = &c->state;
	int status;
	c->now = CONTEXE_EXITED;
	if (!str_eq(s->boot, boot_id()))
		s->reason = "the machine was rebooted";
	else if (container_read_status(c, &status) == 0)
		s->wait_status = (struct opt_i64){ true, status };
	else
		s->reason = "killed";
	if (!s->wait_status.set)
		s->wait_status = (struct opt_i64){ true, SIGKILL };
}

static bool being_made(const struct container *c)
{
	if (c->locked) /* by us, who only look at it */
		return false;
	if (flock(c->dir, LOCK_SH | LOCK_NB) == 0) {
		(void)flock(c->dir, LOCK_UN);
		return false;
	}
	return errno == EWOULDBLOCK;
}

static bool is_frozen(const struct container *c)
{
	struct cgroup *cg = NULL;
	if (!c->state.cgroup || cgroup_open(c->state.cgroup, &cg, NULL) < 0)
		return false;
	bool frozen = cgroup_frozen(cg);
	cgroup_free(cg);
	return frozen;
}

void container_refresh(struct container *c)
{
	if (c->has_state)
		state_done(&c->state);
	pidref_done(&c->init);
	pidref_done(&c->job);
	pidref_done(&c->supervisor);
	c->init = c->job = c->supervisor = PIDREF_NONE;
	c->has_state = state_read(c->dir, &c->state) == 0;
	c->supervised = false;
	if (!c->has_state) {
		c->now = being_made(c) ? CONTEXE_CREATING : CONTEXE_BROKEN;
		c->number = root_number_of_name(c->root, c->name);
		return;
	}
	struct state *s = &c->state;
	c->number = (unsigned)s->number;
	if (str_eq(s->boot, boot_id())) {
		c->init = (struct pidref){ (pid_t)s->init_pid, FD_NONE, s->init_start };
		c->job = (struct pidref){ (pid_t)s->job_pid, FD_NONE, s->job_start };
		if (!pidref_is_set(&c->job))
			c->job = c->init;
		c->supervisor =
			(struct pidref){ (pid_t)s->supervisor_pid, FD_NONE, s->supervisor_start };
		c->supervised = pidref_alive(&c->supervisor);
		if (!c->supervised)
			c->supervisor = PIDREF_NONE;
	}
	if (str_eq(s->status, "exited")) {
		c->now = CONTEXE_EXITED;
		c->init = c->job = PIDREF_NONE;
	} else if (!pidref_alive(&c->init)) {
		c->init = c->job = PIDREF_NONE;
		conclude_end(c);
	} else if (str_eq(s->status, "created")) {
		c->now = CONTEXE_CREATED;
	} else {
		c->now = is_frozen(c) ? CONTEXE_PAUSED : CONTEXE_RUNNING;
	}
}

static int open_dir(const struct root *root, const char *name)
{
	int fd = openat(root->containers, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int container_open(const struct root *root, const char *ref, struct container **ret,
		   struct error *err)
{
	uint64_t number;
	CLEANUP_STR char *by_number = NULL;
	const char *name = ref;
	int dir = parse_is_name(ref, MAX_NAME) ? open_dir(root, ref) : -ENOENT;

	/* a number, or cont_N where nobody is called so */
	const char *digits = str_has_prefix(ref, "cont_") ? ref + 5 : ref;
	if (dir == -ENOENT && parse_u64(digits, 1, UINT32_MAX, &number) == 0) {
		by_number = root_name_of_number(root, (unsigned)number);
		if (by_number && parse_is_name(by_number, MAX_NAME))
			dir = open_dir(root, name = by_number);
	}
	if (dir < 0) {
		if (dir == -ENOENT) {
			error_set(err, ENOENT, "no such container");
			error_hint(err, "'contexe ls --all' shows all of them");
		} else {
			error_sys(err, -dir, "cannot open the container's directory");
		}
		return error_object(err, "%s", ref);
	}
	*ret = container_new(root, name, dir);
	container_refresh(*ret);
	return 0;
}

int container_lock(struct container *c, int timeout_ms, struct error *err)
{
	uint64_t end = timestamp_now_monotonic() + (uint64_t)timeout_ms * 1000000;
	while (flock(c->dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(err, errno, "cannot lock the container");
		if (timestamp_now_monotonic() > end) {
			error_set(err, ETIMEDOUT, "another command is working on this container");
			error_object(err, "%s", c->name);
			return error_hint(err, "try again when it is done");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	c->locked = true;
	container_refresh(c);
	struct stat st; /* removed while we waited? */
	if (fstat(c->dir, &st) < 0 || st.st_nlink == 0) {
		error_set(err, ENOENT, "the container was removed meanwhile");
		return error_object(err, "%s", c->name);
	}
	CLEANUP_FD int again = open_dir(c->root, c->name);
	struct stat now;
	if (again < 0 || fstat(again, &now) < 0 || now.st_ino != st.st_ino) {
		error_set(err, ENOENT, "the container was removed meanwhile");
		return error_object(err, "%s", c->name);
	}
	return 0;
}

void container_unlock(struct container *c)
{
	if (c->locked)
		(void)flock(c->dir, LOCK_UN);
	c->locked = false;
}

int container_spec(const struct container *c, struct spec *ret, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(c->dir, "config.json", 8 << 20, &text);
	if (r < 0) {
		error_sys(err, -r, "cannot read the container's configuration");
		error_object(err, "%s", c->name);
		return error_hint(err, "'contexe rm --force %s' removes what is left of it",
				  c->name);
	}
	struct error bad = ERROR_INIT;
	r = spec_parse(buf_str(&text), text.len, ret, &bad);
	if (r < 0) {
		error_set(err, -r, "its configuration (config.json) is damaged: %.60s %.300s",
			  bad.object, bad.why);
		error_object(err, "%s", c->name);
		return error_hint(err, "'contexe rm --force %s' removes what is left of it",
				  c->name);
	}
	return 0;
}

int container_write_spec(const struct container *c, const struct spec *spec, struct error *err)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	spec_print(spec, &text);
	buf_putc(&text, '\n');
	int r = file_replace(c->dir, "config.json", 0600, buf_str(&text), text.len);
	return r < 0 ? error_sys(err, -r, "cannot write the container's configuration") : 0;
}

int container_cgroup(const struct container *c, struct cgroup **ret, struct error *err)
{
	if (!c->has_state || !c->state.cgroup) {
		error_set(err, ENOENT, "the container has no control group");
		error_object(err, "%s", c->name);
		return error_hint(
			err, "see 'contexe probe' for what control groups this machine offers");
	}
	return cgroup_open(c->state.cgroup, ret, err);
}

static int taken(const struct root *root, const char *name, struct error *err)
{
	struct container *c CLEANUP_CONTAINER = NULL;
	error_set(err, EEXIST, "the name is taken by another container");
	if (container_open(root, name, &c, NULL) == 0)
		error_set(err, EEXIST, "the name is taken by container %u, which is %s", c->number,
			  contexe_state_name(c->now));
	error_object(err, "%s", name);
	return error_hint(err, "choose another with --name, or remove it with 'contexe rm %s'",
			  name);
}

/* A look that decides nothing: it spares making directories for numbers that others have. */
static bool number_in_use(const struct root *root, unsigned n)
{
	struct stat st;
	CLEANUP_STR char *owner = root_name_of_number(root, n);
	return owner && fstatat(root->containers, owner, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The directory, which claims the name, with its lock. -EEXIST: the name is another's. */
static int claim_name(const struct root *root, const char *name, int *ret_dir, struct error *err)
{
	if (mkdirat(root->containers, name, 0700) < 0)
		return errno == EEXIST
			       ? -EEXIST
			       : error_sys(err, errno, "cannot make the container's directory");
	int dir = open_dir(root, name);
	if (dir < 0 || flock(dir, LOCK_EX) < 0) {
		int e = dir < 0 ? -dir : errno;
		fd_close(dir);
		(void)unlinkat(root->containers, name, AT_REMOVEDIR);
		return error_sys(err, e, "cannot open the container's directory");
	}
	*ret_dir = dir;
	return 0;
}

static int number_taken(const struct root *root, unsigned n, struct error *err)
{
	CLEANUP_STR char *owner = root_name_of_number(root, n);
	error_set(err, EEXIST, "the number is taken by container %s", owner ? owner : "?");
	error_object(err, "%u", n);
	return error_hint(err, "choose another, or remove it with 'contexe rm %u'", n);
}

/*
 * First the name, then the number: who dies in between leaves a directory, which `ls` shows and `rm` removes. The
 * other way round, a number would be gone that nobody sees.
 */
static int claim(const struct root *root, const char *name, unsigned wanted, const char *id,
		 char **ret_name, int *ret_dir, struct error *err)
{
	char by_number[32];
	int dir = FD_NONE;
	for (unsigned n = wanted ? wanted : 1;; n++) {
		(void)snprintf(by_number, sizeof(by_number), "cont_%u", n);
		const char *wish = name ? name : by_number;
		if (number_in_use(root, n)) {
			if (wanted)
				return number_taken(root, n, err);
			continue;
		}
		int r = claim_name(root, wish, &dir, err);
		if (r == -EEXIST && !name && !wanted)
			continue; /* somebody called a container cont_N */
		if (r < 0)
			return r == -EEXIST ? taken(root, wish, err) : r;
		CLEANUP_STR char *text = xasprintf("%s:%s", wish, id);
		r = root_claim_number(root, n, text);
		if (r >= 0) {
			*ret_name = xstrdup(wish);
			*ret_dir = dir;
			return (int)n;
		}
		(void)unlinkat(root->containers, wish, AT_REMOVEDIR);
		dir = fd_close(dir);
		if (r == -EEXIST && !wanted)
			continue;
		return r == -EEXIST ? number_taken(root, n, err)
				    : error_sys(err, -r, "cannot claim a number for the container");
	}
}

int container_make(const struct root *root, const char *name, unsigned number,
		   struct container **ret, struct error *err)
{
	if (name && !parse_is_name(name, MAX_NAME)) {
		error_set(err, EINVAL, "not a name for a container");
		error_object(err, "%s", name);
		return error_hint(err,
				  "letters, digits, '_', '.' and '-', the first a letter or digit, "
				  "at most %d",
				  MAX_NAME);
	}
	CLEANUP_STR char *got = NULL;
	uint64_t random;
	char id[20];
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_sys(err, errno, "cannot get a random id");
	(void)snprintf(id, sizeof(id), "%016" PRIx64, random);
	int dir = FD_NONE;
	int n = claim(root, name, number, id, &got, &dir, err);
	if (n < 0)
		return n;
	struct container *c = container_new(root, got, dir);
	c->locked = true;
	memcpy(c->id, id, sizeof(c->id));
	c->number = (unsigned)n;
	c->now = CONTEXE_CREATING;
	*ret = c;
	return 0;
}

/* A broken one does not know its number: the link that names it does. */
static void release_numbers(struct container *c)
{
	if (c->number) {
		root_release_number(c->root, c->number, c->name);
		return;
	}
	int fd = openat(c->root->fd, "numbers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	for (struct dirent *de; dir && (de = readdir(dir));) {
		uint64_t n;
		if (parse_u64(de->d_name, 1, UINT32_MAX, &n) == 0)
			root_release_number(c->root, (unsigned)n, c->name);
	}
	if (dir)
		closedir(dir);
}

const char *container_group_id(const struct container *c, char *buf, size_t size)
{
	CLEANUP_STR char *claimed = c->has_state ? NULL : root_id_of_name(c->root, c->name);
	const char *id = c->has_state ? c->state.id : claimed ? claimed : "";
	(void)snprintf(buf, size, "%.100s-%.8s", c->name, id);
	return buf;
}

int container_delete(struct container *c, struct error *err)
{
	char trash[NAME_MAX + 16];
	struct stat st;
	struct spec CLEANUP_SPEC maps = { 0 }; /* without root, some files may be of other ids */
	if (fstat(c->dir, &st) < 0)
		return error_sys(err, errno, "cannot look at the container's directory");
	if (!c->root->privileged && container_spec(c, &maps, NULL) < 0)
		maps.linux_.n_uid_mappings = 0;
	CLEANUP_STR char *claim = root_claim_of_name(c->root, c->number, c->name);
	if (claim)
		(void)snprintf(trash, sizeof(trash), "trash/%s", claim);
	else
		(void)snprintf(trash, sizeof(trash), "trash/%lu-%d", (unsigned long)st.st_ino,
			       getpid());
	if (renameat(c->root->containers, c->name, c->root->fd, trash) < 0) {
		error_sys(err, errno, "cannot remove the container");
		return error_object(err, "%s", c->name);
	}
	release_numbers(c);
	if (claim && strchr(claim, ':'))
		idrange_release(c->root, strchr(claim, ':') + 1);
	int r = file_remove_tree(c->root->fd, trash);
	if ((r == -EACCES || r == -EPERM) && maps.linux_.n_uid_mappings)
		r = mapped_remove_tree(&maps.linux_, c->root->fd, trash, NULL);
	if (r < 0) {
		error_sys(err, -r, "some of the container's files could not be deleted");
		error_object(err, "%s/%s", c->root->path, trash);
		return error_hint(err,
				  "the container itself is gone; delete the directory by hand");
	}
	return 0;
}

int container_each(const struct root *root, int (*fn)(void *arg, struct container *c), void *arg)
{
	DIR *dir = fdopendir(openat(root->containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int r = 0;
	if (!dir)
		return -errno;
	for (struct dirent *de; r == 0 && (de = readdir(dir));) {
		struct container *c CLEANUP_CONTAINER = NULL;
		if (!parse_is_name(de->d_name, MAX_NAME))
			continue;
		int fd = open_dir(root, de->d_name);
		if (fd < 0)
			continue;
		c = container_new(root, de->d_name, fd);
		container_refresh(c);
		r = fn(arg, c);
	}
	closedir(dir);
	return r;
}
