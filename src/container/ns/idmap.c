/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.c - uid and gid maps of a new user namespace.
 *
 * The kernel lets a process with CAP_SETUID over the parent namespace write any map; anybody else may
 * map exactly the own id, and gids only after "deny" went to setgroups. For more, newuidmap(1) and
 * newgidmap(1) do it with the ranges of /etc/subuid and /etc/subgid.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "container/ns/ns.h"
#include "sys/clone3.h"

extern char **environ;

static void print_map(const struct spec_idmap *map, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%u %u %u\n", map[i].container_id, map[i].host_id, map[i].size);
}

static bool is_single_own(const struct spec_idmap *map, size_t n, uint32_t id)
{
	return n == 1 && map[0].size == 1 && map[0].host_id == id;
}

static int write_proc(pid_t pid, const char *file, const char *text, struct error *err)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int r = file_write(AT_FDCWD, path, text);
	if (r < 0) {
		error_sys(err, -r, "the kernel refused the map '%.100s' in %s", text, file);
		return error_hint(err, "map only ids that you own (see /etc/subuid, /etc/subgid)");
	}
	return 0;
}

static const char *find_program(const char *name, char *path, size_t size)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/local/bin" };
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, size, "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

bool ns_have_newidmap(void)
{
	char path[64];
	return find_program("newuidmap", path, sizeof(path)) &&
	       find_program("newgidmap", path, sizeof(path));
}

/* Runs it to its end. What it says on standard error is kept: the user shall get one line, ours. */
static int run_helper(const char *path, char **argv, char *said, size_t size, int *ret_status)
{
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t child;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP_FD int ours = ends[0];
	int r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
		if (r == 0)
			r = posix_spawn(&child, path, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	fd_close(ends[1]);
	if (r != 0)
		return -r;
	size_t n = 0;
	for (ssize_t got; n < size - 1 && (got = read(ours, said + n, size - 1 - n)) > 0;)
		n += (size_t)got;
	said[n] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return waitpid(child, ret_status, 0) < 0 ? -errno : 0;
}

/* newuidmap PID inside outside count [inside outside count]... */
static int run_newidmap(const char *program, pid_t pid, const struct spec_idmap *map, size_t n,
			struct error *err)
{
	char path[64];
	if (!find_program(program, path, sizeof(path))) {
		error_set(err, ENOENT, "%s is needed to map more than one id without root",
			  program);
		return error_hint(err, "install it (Debian: uidmap), or map only your own id");
	}
	struct arena arena = { 0 };
	char **argv = arena_alloc(&arena, (2 + 3 * n + 1) * sizeof(char *));
	size_t k = 0;
	argv[k++] = path;
	argv[k++] = arena_printf(&arena, "%d", pid);
	for (size_t i = 0; i < n; i++) {
		argv[k++] = arena_printf(&arena, "%u", map[i].container_id);
		argv[k++] = arena_printf(&arena, "%u", map[i].host_id);
		argv[k++] = arena_printf(&arena, "%u", map[i].size);
	}
	char said[200] = "";
	int status = 0;
	int r = run_helper(path, argv, said, sizeof(said), &status);
	arena_done(&arena);
	if (r < 0)
		return error_sys(err, -r, "cannot run %s", program);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		error_set(err, EPERM, "the map was refused: %s", *said ? said : program);
		return error_hint(err, "the ranges must be yours in /etc/subuid and /etc/subgid");
	}
	return 0;
}

bool ns_setgroups_denied(const struct spec_linux *l)
{
	return geteuid() != 0 && is_single_own(l->gid_mappings, l->n_gid_mappings, getegid());
}

int ns_write_idmaps(pid_t pid, const struct spec_linux *l, struct error *err)
{
	CLEANUP_BUF struct buf uid = BUF_INIT, gid = BUF_INIT;
	print_map(l->uid_mappings, l->n_uid_mappings, &uid);
	print_map(l->gid_mappings, l->n_gid_mappings, &gid);
	if (geteuid() == 0) {
		int r = write_proc(pid, "uid_map", buf_str(&uid), err);
		return r < 0 ? r : write_proc(pid, "gid_map", buf_str(&gid), err);
	}
	bool single_uid = is_single_own(l->uid_mappings, l->n_uid_mappings, geteuid());
	bool single_gid = is_single_own(l->gid_mappings, l->n_gid_mappings, getegid());
	int r = single_uid
			? write_proc(pid, "uid_map", buf_str(&uid), err)
			: run_newidmap("newuidmap", pid, l->uid_mappings, l->n_uid_mappings, err);
	if (r < 0)
		return r;
	if (!single_gid)
		return run_newidmap("newgidmap", pid, l->gid_mappings, l->n_gid_mappings, err);
	r = write_proc(pid, "setgroups", "deny", err);
	return r < 0 ? r : write_proc(pid, "gid_map", buf_str(&gid), err);
}

/* ---- the maps of a namespace that is there ---- */

/* Enters it, says so, and waits there to be looked at. */
static NORETURN void enter_and_wait(int ns, int entered, int end)
{
	char byte;
	(void)prctl(PR_SET_DUMPABLE, 0); /* nothing in there may look into us */
	if (setns(ns, CLONE_NEWUSER) < 0)
		_exit(errno);
	if (fd_write_all(entered, "e", 1) < 0)
		_exit(EIO);
	IGNORE_RESULT(fd_read_all(end, &byte, 1));
	_exit(0);
}

static int read_map(pid_t pid, const char *file, struct arena *arena, struct spec_idmap **map,
		    size_t *n)
{
	char path[64];
	CLEANUP_BUF struct buf text = BUF_INIT;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int r = file_read(AT_FDCWD, path, 1 << 20, &text);
	if (r < 0)
		return r;
	int used = 0;
	struct spec_idmap m;
	for (const char *p = buf_str(&text);
	     sscanf(p, "%u %u %u%n", &m.container_id, &m.host_id, &m.size, &used) == 3; p += used) {
		struct spec_idmap *new = arena_grow(arena, map, n, sizeof(**map));
		*new = m;
	}
	return *n ? 0 : -EINVAL;
}

int ns_read_idmaps(const char *path, struct arena *arena, struct spec_linux *l, struct error *err)
{
	int entered[2], end[2], status = 0;
	char byte;
	CLEANUP_FD int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0) {
		error_sys(err, errno, "cannot open the user namespace to join");
		return error_object(err, "%s", path);
	}
	if (pipe2(entered, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int entered_read = entered[0], entered_write = entered[1];
	if (pipe2(end, O_CLOEXEC) < 0)
		return error_sys(err, errno, "cannot make a pipe");
	CLEANUP_FD int end_read = end[0], end_write = end[1];
	pid_t pid = sys_fork(0, FD_NONE, NULL);
	if (pid < 0)
		return error_sys(err, -pid, "cannot fork");
	if (pid == 0) {
		fd_close(end_write);
		enter_and_wait(ns, entered_write, end_read);
	}
	entered_write = fd_close(entered_write);
	bool in = fd_read_all(entered_read, &byte, 1) == 1;
	int r = in ? read_map(pid, "uid_map", arena, &l->uid_mappings, &l->n_uid_mappings) : 0;
	if (in && r == 0)
		r = read_map(pid, "gid_map", arena, &l->gid_mappings, &l->n_gid_mappings);
	end_write = fd_close(end_write);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!in) {
		error_sys(err, WIFEXITED(status) ? WEXITSTATUS(status) : EIO,
			  "cannot join the user namespace");
		return error_object(err, "%s", path);
	}
	return r < 0 ? error_sys(err, -r, "cannot read the maps of the user namespace") : 0;
}

/* ---- subordinate ids ---- */

/* Lines "user:start:count" or "uid:start:count": the first of one that has either name. */
static int find_range(char *text, const char *user, const char *number, uint32_t *ret_start,
		      uint32_t *ret_count)
{
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *start = strchr(line, ':');
		if (!start)
			continue;
		*start++ = '\0';
		char *count = strchr(start, ':');
		if (!count || (strcmp(line, user) && strcmp(line, number)))
			continue;
		*count++ = '\0';
		uint64_t s, c;
		if (parse_u64(start, 1, UINT32_MAX - 1, &s) == 0 &&
		    parse_u64(count, 1, UINT32_MAX - s, &c) == 0) {
			*ret_start = (uint32_t)s;
			*ret_count = (uint32_t)c;
			return 0;
		}
	}
	return -ENOENT;
}

int ns_subid_named(const char *file, const char *name, uint32_t *ret_start, uint32_t *ret_count)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, file, 1 << 20, &text);
	if (r < 0)
		return r;
	return text.data ? find_range(text.data, name, name, ret_start, ret_count) : -ENOENT;
}

int ns_subid_range(const char *file, uid_t uid, uint32_t *ret_start, uint32_t *ret_count)
{
	CLEANUP_BUF struct buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, file, 1 << 20, &text);
	if (r < 0)
		return r;
	char user[64] = "", number[16];
	(void)snprintf(number, sizeof(number), "%u", uid);
	FILE *passwd = fopen("/etc/passwd", "re");
	for (struct passwd *pw; passwd && (pw = fgetpwent(passwd));)
		if (pw->pw_uid == uid) {
			(void)snprintf(user, sizeof(user), "%s", pw->pw_name);
			break;
		}
	if (passwd)
		fclose(passwd);
	return text.data ? find_range(text.data, user, number, ret_start, ret_count) : -ENOENT;
}
