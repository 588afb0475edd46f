/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - a small tree of processes, groups and sessions, for questions about their ids. Prints one line
 * "NAME PID PGRP SID" for each, by its own view, then waits for the end of its standard input.
 *
 *     top      a process of the caller's session
 *      group   child that leads a group of its own in that session
 *       member child of it, in its group
 *      session child that leads a session
 *      thread  a thread of top: its id, and those of top
 */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, pid_t pid)
{
	printf("%s %d %d %d\n", name, pid, getpgrp(), getsid(0));
	fflush(stdout);
}

static void wait_for_end(void)
{
	char c;
	while (read(0, &c, 1) > 0)
		;
}

/* Each tells before its parent goes on, so the lines come in order. */
static void child(const char *name, int (*become)(void), const char *below)
{
	int ready[2];
	char c;
	if (pipe(ready) < 0)
		_exit(1);
	if (fork() == 0) {
		if (become && become() < 0)
			_exit(1);
		tell(name, getpid());
		if (below)
			child(below, NULL, NULL);
		(void)!write(ready[1], "", 1);
		wait_for_end();
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
}

static int lead_group(void)
{
	return setpgid(0, 0);
}

static int lead_session(void)
{
	return setsid() < 0 ? -1 : 0;
}

static void *thread(void *arg)
{
	tell("thread", gettid());
	wait_for_end();
	return arg;
}

int main(void)
{
	pthread_t t;
	tell("top", getpid());
	child("group", lead_group, "member");
	child("session", lead_session, NULL);
	if (pthread_create(&t, NULL, thread, NULL) != 0)
		return 1;
	pthread_join(t, NULL);
	while (wait(NULL) > 0)
		;
	return 0;
}
