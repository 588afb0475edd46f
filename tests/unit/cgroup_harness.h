/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_harness.h - what the tests on real control groups share. All groups are named contexe-test-PID-*. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/timestamp.h"
#include "container/cgroup/group.h"
#include "sys/clone3.h"

#define MIB (1024ll * 1024)

static struct error err;

static UNUSED const char *test_id(const char *what)
{
	static char id[64];
	(void)snprintf(id, sizeof(id), "test-%d-%s", (int)getpid(), what);
	return id;
}

/* Whether the v2 base can give controllers: not when it has processes itself (a nested container). */
static UNUSED bool base_is_free(const struct hierarchy *v2)
{
	CLEANUP_STR char *dir = xasprintf("%s%s", v2->mount, hierarchy_base(v2));
	CLEANUP_STR char *type = xasprintf("%s/cgroup.type", dir);
	CLEANUP_STR char *procs = xasprintf("%s/cgroup.procs", dir);
	char text[32];
	return access(type, F_OK) < 0 || file_read_line(AT_FDCWD, procs, text, sizeof(text)) == 0;
}

static UNUSED bool have(enum controller ctl)
{
	const struct hierarchy *v2 = layout_v2(layout_get());
	return layout_v1(layout_get(), ctl) ||
	       (v2 && (hierarchy_v2_controllers(v2) & CTL_BIT(ctl)) && base_is_free(v2));
}

#define NEEDS(ctl)                                                                                 \
	do {                                                                                       \
		if (!have(ctl))                                                                    \
			skip();                                                                    \
	} while (0)

static UNUSED void ok(int r)
{
	char line[2048];
	if (r < 0)
		fail_msg("%d: %s", r, error_line(&err, line, sizeof(line)));
}

static UNUSED struct cgroup *make(const char *what, const struct spec_resources *res)
{
	struct cgroup *cg = NULL;
	ok(cgroup_create(test_id(what), NULL, res, &cg, &err));
	return cg;
}

/* A child that runs fn and exits with what it returns; it is in the groups when this returns. */
static UNUSED pid_t spawn(const struct cgroup *cg, int (*fn)(void *arg), void *arg)
{
	int fds[2];
	char c = 0;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t pid = sys_fork(0, cgroup_fd(cg), NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (cgroup_enter(cg, false) < 0)
			_exit(99);
		if (write(fds[1], "x", 1) < 0)
			_exit(98);
		_exit(fn(arg));
	}
	fd_close(fds[1]);
	assert_true(read(fds[0], &c, 1) >= 0);
	fd_close(fds[0]);
	return pid;
}

static UNUSED int wait_for(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Exit status of fn in the group, or 1000 + the signal that ended it. */
static UNUSED int run_in(const struct cgroup *cg, int (*fn)(void *arg), void *arg)
{
	int status = wait_for(spawn(cg, fn, arg));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static UNUSED void done(struct cgroup *cg)
{
	ok(cgroup_remove(cg, 2000, &err));
	for (size_t i = 0; i < cg->n; i++)
		assert_int_equal(access(cg->groups[i].dir, F_OK), -1);
	cgroup_free(cg);
}

static UNUSED int sleep_long(void *arg UNUSED)
{
	while (pause() < 0)
		;
	return 0;
}

static UNUSED int spin(void *arg UNUSED)
{
	for (volatile bool on = true; on;)
		;
	return 0;
}

static UNUSED void expect_file(const struct cgroup *cg, enum controller ctl, const char *v1,
			       const char *v1_text, const char *v2, const char *v2_text)
{
	const struct group *g = cgroup_group_v1(cg, ctl);
	char text[128];
	assert_true(file_read_line((g ? g : cgroup_group_v2(cg))->fd, g ? v1 : v2, text,
				   sizeof(text)) >= 0);
	assert_string_equal(text, g ? v1_text : v2_text);
}

static UNUSED char state_of(pid_t pid)
{
	char path[64], text[512];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 'X';
	return strrchr(text, ')')[2];
}

static UNUSED uint64_t ticks_of(pid_t pid)
{
	char path[64], text[512];
	unsigned long long utime = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_line(AT_FDCWD, path, text, sizeof(text)) > 0)
		(void)sscanf(strrchr(text, ')') + 2,
			     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu", &utime);
	return utime;
}

static UNUSED int eat_memory(void *arg)
{
	size_t size = *(size_t *)arg;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	memset(p, 1, size);
	return 0;
}

/* Run in the group: 0 when it is there alone, in all hierarchies. */
static UNUSED int is_member(void *arg)
{
	const struct cgroup *cg = arg;
	pid_t *pids = NULL;
	size_t n = 0;
	if (cgroup_pids(cg, &pids, &n) < 0 || n != 1 || pids[0] != getpid())
		return 1;
	for (size_t i = 0; i < cg->n; i++) {
		CLEANUP_BUF struct buf text = BUF_INIT;
		CLEANUP_STR char *mine = xasprintf("%d\n", (int)getpid());
		if (file_read(cg->groups[i].fd, "cgroup.procs", 4096, &text) < 0 ||
		    strcmp(buf_str(&text), mine) != 0)
			return 2 + (int)i;
	}
	return cgroup_populated(cg) ? 0 : 50;
}

/* What a failed test has left. */
static int sweep(void **state UNUSED)
{
	CLEANUP_STR char *prefix = xasprintf("contexe-test-%d-", (int)getpid());
	const struct layout *l = layout_get();
	for (size_t i = 0; i < l->n; i++) {
		DIR *dir = opendir(l->h[i].mount);
		struct dirent *de;
		while (dir && (de = readdir(dir))) {
			if (!str_has_prefix(de->d_name, prefix))
				continue;
			CLEANUP_STR char *text = xasprintf("name=%s %s:0:/%s", de->d_name,
							   l->h[i].names, de->d_name);
			struct cgroup *cg = NULL;
			if (cgroup_open(text, &cg, NULL) < 0)
				continue;
			if (cgroup_kill(cg, NULL) == 0)
				(void)!cgroup_remove(cg, 1000, NULL);
			cgroup_free(cg);
		}
		if (dir)
			closedir(dir);
	}
	return 0;
}
