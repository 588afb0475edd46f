/* SPDX-License-Identifier: Apache-2.0 */
/* tracee_harness.h - victims: children of the test that do something, and show that they still do. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "checkpoint/inject/tracee.h"
#include "proc/process.h"

/* Memory that test and victims share. */
struct victim_page {
	volatile uint64_t count[16];
	volatile uint32_t ready;
	volatile uint32_t bad; /* a victim found something that should not be */
	volatile uint32_t line;
	volatile uint32_t quit;
};

static struct victim_page *page;
static pid_t victim; /* the one that is to be ended, whatever becomes of the test */

#define VICTIM_CHECK(cond)                                                                         \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			page->line = __LINE__;                                                     \
			__atomic_add_fetch(&page->bad, 1, __ATOMIC_SEQ_CST);                       \
		}                                                                                  \
	} while (0)

static inline void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static inline int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void victim_page_new(void)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
}

/* A child in a process group of its own, which all that it forks stay in. Orphans come to us, to be ended and reaped. */
static inline pid_t victim_start(void (*life)(void))
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		page->ready++;
		life();
		_exit(0);
	}
	setpgid(pid, pid);
	victim = pid;
	for (int i = 0; i < 5000 && !page->ready; i++)
		sleep_ms(1);
	assert_true(page->ready);
	return pid;
}

/* A lister: all processes of the group *arg. */
static inline int victims_list(void *arg, pid_t **pids, size_t *n)
{
	struct proc_process *all;
	size_t count;
	int r = proc_read_all(&all, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (all[i].pgrp != *(pid_t *)arg)
			continue;
		*pids = xrealloc(*pids, (*n + 1) * sizeof(**pids));
		(*pids)[(*n)++] = all[i].pid;
	}
	free(all);
	return 0;
}

/* A lister: the one process *arg. */
static inline int victim_list_one(void *arg, pid_t **pids, size_t *n)
{
	*pids = xrealloc(NULL, sizeof(**pids));
	(*pids)[0] = *(pid_t *)arg;
	*n = 1;
	return 0;
}

static inline void stop_failed(const struct error *err)
{
	char line[1200];
	print_message("%s\n", error_line(err, line, sizeof(line)));
}

/* Stops a victim's group; the test fails when that does. */
static inline void victims_stop(pid_t pid, struct tracees *ret)
{
	struct error err = ERROR_INIT;
	int r = tracees_stop(victims_list, &pid, 10000, ret, &err);
	if (r < 0)
		stop_failed(&err);
	assert_int_equal(r, 0);
}

/* 'S', 'T', 't', 'Z' ... or 0 */
static inline char state_of(pid_t pid)
{
	struct proc_process p;
	return proc_read(pid, &p) < 0 ? 0 : p.state;
}

static inline bool state_becomes(pid_t pid, char state)
{
	for (int i = 0; i < 2000; i++) {
		if (state_of(pid) == state)
			return true;
		sleep_ms(1);
	}
	return false;
}

/* Kills the group, and reaps what is ours. */
static inline void victims_end(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		kill(-pid, SIGKILL);
		while (waitpid(-pid, NULL, WNOHANG | __WALL) > 0)
			;
		if (kill(-pid, 0) < 0)
			break;
		sleep_ms(1);
	}
	victim = 0;
	assert_true(kill(-pid, 0) < 0);
	memset((void *)page, 0, sizeof(*page));
}

/* Setup and teardown of every test. */
static inline int victims_setup(void **state UNUSED)
{
	victim_page_new();
	return 0;
}

static inline int victims_teardown(void **state UNUSED)
{
	if (victim)
		victims_end(victim);
	munmap(page, sizeof(*page));
	return 0;
}

/* ---- lives and looks that several tests share ---- */

/* The counters stand still while stopped, and go on afterwards. */
static inline void expect_still(void)
{
	uint64_t before[16], after[16];
	memcpy(before, (void *)page->count, sizeof(before));
	sleep_ms(3);
	memcpy(after, (void *)page->count, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
}

static inline void expect_running(int counter)
{
	uint64_t before = page->count[counter];
	for (int i = 0; i < 5000; i++) {
		if (page->count[counter] != before)
			return;
		sleep_ms(1);
	}
	assert_true(0 && "it does not go on");
}

static inline void life_spin(void)
{
	for (;;)
		page->count[0]++;
}

static inline size_t threads_of(pid_t pid)
{
	CLEANUP_STR char *path = xasprintf("/proc/%d/task", pid);
	struct stat st;
	return stat(path, &st) < 0 ? 0 : st.st_nlink - 2;
}

#define N_THREADS 300

static inline void *thread_count(void *arg)
{
	for (;;) {
		__atomic_add_fetch(&page->count[(intptr_t)arg % 16], 1, __ATOMIC_RELAXED);
		usleep(1000);
	}
	return NULL;
}

static inline void life_threads(void)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (intptr_t i = 1; i < N_THREADS; i++) {
		pthread_t p;
		VICTIM_CHECK(pthread_create(&p, &attr, thread_count, (void *)i) == 0);
	}
	thread_count(NULL);
}
