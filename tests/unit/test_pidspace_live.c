/* SPDX-License-Identifier: Apache-2.0 */
/* test_pidspace_live.c - pid translation on nested pid namespaces that are really there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "pidspace_check.h"
#include "proc/pidspace.h"
#include "sys/clone3.h"

/*
 * Makes a chain: this process, then depth namespaces one in the other, each with its pid 1 that is the
 * parent of the next. Each tells its numbers over the pipe once it stands, then waits until the other end
 * of `hold` is closed. A failure is a short chain.
 */
static NORETURN void chain_link(int depth, int tell, int hold)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	char c = 'x';
	pid_t child = 0;
	if (depth > 0)
		child = sys_fork(CLONE_NEWPID, -1, NULL);
	if (child < 0)
		_exit(1);
	if (depth > 0 && child == 0)
		chain_link(depth - 1, tell, hold);
	if (depth == 0)
		(void)!write(tell, &c, 1);
	(void)!read(hold, &c, 1);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	_exit(0);
}

struct chain {
	pid_t first;
	int hold;
};

/* first is in our namespace; the chain below it has depth namespaces. False: may not make namespaces. */
static bool chain_start(int depth, struct chain *ret)
{
	int tell[2], hold[2];
	assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(tell[0]);
		close(hold[1]);
		chain_link(depth, tell[1], hold[0]);
	}
	close(tell[1]);
	close(hold[0]);
	char c;
	bool ok = read(tell[0], &c, 1) == 1;
	close(tell[0]);
	*ret = (struct chain){ pid, hold[1] };
	return ok;
}

static void chain_end(struct chain *ch)
{
	close(ch->hold);
	assert_int_equal(waitpid(ch->first, NULL, 0), ch->first);
}

static const struct proc_process *child_of(const struct pidspaces *s,
					   const struct proc_process *all, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].ppid == pid)
			return pidspaces_process(s, all[i].pid);
	return NULL;
}

static void test_live(void **state)
{
	(void)state;
	enum { DEPTH = 4 };
	struct chain ch;
	if (!chain_start(DEPTH, &ch)) {
		chain_end(&ch);
		skip();
	}
	/* First look: find the links of the chain. */
	struct proc_process *all;
	size_t n;
	struct error err = ERROR_INIT;
	assert_int_equal(proc_read_all(&all, &n), 0);
	CLEANUP_PIDSPACES struct pidspaces *bare = NULL;
	assert_int_equal(pidspaces_read(NULL, 0, &bare, &err), 0);
	pid_t pids[DEPTH + 1] = { ch.first };
	uint64_t ns[DEPTH + 1] = { proc_ns_inode(ch.first, "pid") };
	for (int i = 1; i <= DEPTH; i++) {
		const struct proc_process *p = child_of(bare, all, n, pids[i - 1]);
		assert_non_null(p);
		pids[i] = p->pid;
		ns[i] = p->pidns;
		assert_int_equal(p->n_levels, i + 1);
		assert_int_equal(p->nspid[i], 1);
		char path[40];
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", p->pid);
		CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(proc_pidns_parent(fd), ns[i - 1]);
	}
	/* Second look: levels 1 and 2 are containers, 3 and 4 are nobody's. */
	struct pidspace_container c[] = {
		{ 8, "outer", ns[1], pids[0], pids[1] },
		{ 9, "inner", ns[2], pids[1], pids[2] },
	};
	CLEANUP_PIDSPACES struct pidspaces *s = NULL;
	assert_int_equal(pidspaces_read(c, 2, &s, &err), 0);
	const struct proc_process *last = pidspaces_process(s, pids[DEPTH]);
	assert_non_null(last);
	char name[PIDNAME_SIZE];
	(void)snprintf(name, sizeof(name), "<ns:%lu|1>", (unsigned long)ns[DEPTH]);
	struct expected e[] = {
		{ pids[1], getpid(), true, true, 1, pids[1], "<8|1>" },
		{ pids[0], pids[1], true, false, 1, 1, "<8|1>" },
		{ pids[1], pids[2], true, false, 1, 1, "<9|1>" }, /* pseudo init of inner */
		{ pids[0], pids[2], false, false, -1, 0, "" },
		{ getpid(), pids[1], false, false, -1, 0, "" },
		{ getpid(), pids[0], true, false, getpid(), getpid(), NULL },
		{ pids[DEPTH], getpid(), true, true, 1, pids[DEPTH], name },
		{ pids[DEPTH], pids[2], true, true, 1, last->nspid[2], name },
		{ pids[DEPTH], pids[3], true, true, 1, last->nspid[3], name },
		{ pids[3], pids[DEPTH], false, false, -1, 0, "" },
	};
	char self[PIDNAME_SIZE];
	(void)snprintf(self, sizeof(self), "<0|%d>", getpid());
	e[5].name = self;
	check(s, PID_KIND_PID, e, ARRAY_SIZE(e));
	/* The group is ours, outside of them all. */
	assert_int_equal(ask(s, pids[2], PID_KIND_PGRP, pids[2]).vpid, 0);
	assert_int_equal(ask(s, pids[2], PID_KIND_PGRP, getpid()).vpid, getpgrp());
	pid_t found;
	assert_int_equal(pidspaces_resolve(s, "<inner|1>", &found, &err), 0);
	assert_int_equal(found, pids[2]);
	free(all);
	chain_end(&ch);
}

/* As deep as the kernel lets us here; all of it must be read and in order. */
static void test_live_deep(void **state)
{
	(void)state;
	struct chain ch = { 0 };
	int depth = PROC_MAX_LEVELS - 1;
	while (depth > 0 && !chain_start(depth, &ch)) {
		chain_end(&ch);
		depth--;
	}
	if (depth == 0)
		skip();
	struct error err = ERROR_INIT;
	CLEANUP_PIDSPACES struct pidspaces *s = NULL;
	assert_int_equal(pidspaces_read(NULL, 0, &s, &err), 0);
	int deepest = -1;
	for (size_t i = 0; i < pidspaces_count(s); i++) {
		const struct pidspace *sp = pidspaces_at(s, i);
		if (pidspaces_ancestor(s, (int)i, 1) >= 0 && sp->level == depth)
			deepest = (int)i;
	}
	assert_true(deepest > 0);
	int up = 0;
	for (int i = deepest; pidspaces_at(s, (size_t)i)->parent >= 0; up++)
		i = pidspaces_at(s, (size_t)i)->parent;
	assert_int_equal(up, depth);
	struct pid_answer a =
		ask(s, pidspaces_at(s, (size_t)deepest)->init, PID_KIND_PID, getpid());
	assert_true(a.visible && a.crosses);
	assert_int_equal(a.vpid, 1);
	chain_end(&ch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
